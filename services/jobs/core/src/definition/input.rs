//! A definition as raw optional values: what an edge extracts from a message or a record, and writes back.

use super::{Definition, HealthCheck, JobType};

/// The fields of a job object (contract 3.2), unchecked. None is "not set".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DefinitionInput {
    /// `name`
    pub name: Option<String>,
    /// `imagename`
    pub imagename: Option<String>,
    /// `cmd`
    pub cmd: Option<String>,
    /// `job_type`; inferred when absent
    pub job_type: Option<String>,
    /// `filelog`
    pub filelog: Option<bool>,
    /// `filelog_stdout`
    pub filelog_stdout: Option<String>,
    /// `filelog_stderr`
    pub filelog_stderr: Option<String>,
    /// `emails`
    pub emails: Option<String>,
    /// `mount`
    pub mount: Option<String>,
    /// `memory`
    pub memory: Option<String>,
    /// `cpu`
    pub cpu: Option<String>,
    /// `retry`
    pub retry: Option<i64>,
    /// `schedule`
    pub schedule: Option<String>,
    /// `timeout`, seconds
    pub timeout: Option<i64>,
    /// `continuous`, the legacy marker
    pub continuous: Option<bool>,
    /// `replicas`
    pub replicas: Option<i64>,
    /// `port`
    pub port: Option<i64>,
    /// `port_protocol`
    pub port_protocol: Option<String>,
    /// `health_check`
    pub health_check: Option<HealthCheckInput>,
    /// `publish`
    pub publish: Option<String>,
    /// `concurrency`, our own
    pub concurrency: Option<String>,
    /// `catch_up`, our own
    pub catch_up: Option<String>,
    /// `time_zone`, our own
    pub time_zone: Option<String>,
    /// `suspended`, our own
    pub suspended: Option<bool>,
}

/// The fields of a health check, unchecked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthCheckInput {
    /// `type`, or `health_check_type`
    pub kind: Option<String>,
    /// `script`
    pub script: Option<String>,
    /// `path`
    pub path: Option<String>,
}

impl From<&HealthCheck> for HealthCheckInput {
    fn from(check: &HealthCheck) -> Self {
        let (kind, script, path) = match check {
            HealthCheck::Script(script) => ("script", Some(script.clone()), None),
            HealthCheck::Http(path) => ("http", None, Some(path.clone())),
        };
        Self { kind: Some(kind.to_owned()), script, path }
    }
}

impl Definition {
    /// The definition as raw values, only what is set: parsing them gives the same definition again. Carries
    /// `continuous: true` for continuous jobs, as replies do.
    pub fn to_input(&self) -> DefinitionInput {
        let word = |word: Option<&'static str>| word.map(str::to_owned);
        DefinitionInput {
            name: Some(self.name.to_string()),
            imagename: Some(self.image.clone()),
            cmd: self.cmd.clone(),
            job_type: Some(self.job_type.to_string()),
            filelog: self.filelog,
            filelog_stdout: self.filelog_stdout.clone(),
            filelog_stderr: self.filelog_stderr.clone(),
            emails: word(self.emails.map(super::Emails::as_str)),
            mount: word(self.mount.map(super::Mount::as_str)),
            memory: self.memory.map(|memory| memory.to_string()),
            cpu: self.cpu.map(|cpu| cpu.to_string()),
            retry: self.retry.map(i64::from),
            schedule: self.schedule.as_ref().map(|schedule| schedule.as_str().to_owned()),
            timeout: self.timeout.map(i64::from),
            continuous: (self.job_type == JobType::Continuous).then_some(true),
            replicas: self.replicas.map(i64::from),
            port: self.port.map(i64::from),
            port_protocol: word(self.port_protocol.map(super::PortProtocol::as_str)),
            health_check: self.health_check.as_ref().map(HealthCheckInput::from),
            publish: word(self.publish.map(super::Publish::as_str)),
            concurrency: word(self.concurrency.map(super::Concurrency::as_str)),
            catch_up: word(self.catch_up.map(super::CatchUp::as_str)),
            time_zone: self.time_zone.as_ref().map(|zone| zone.as_str().to_owned()),
            suspended: self.suspended,
        }
    }
}
