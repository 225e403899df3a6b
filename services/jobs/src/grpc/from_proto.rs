//! Messages to what the use cases speak.

use api::jobs::v1::{
    CatchUp, Concurrency, Emails, HealthCheck, HealthCheckType, JobSpec, JobType, Mount, PortProtocol,
};
use api::logs::v1::{Direction, Stream};
use jobs_core::{
    DefinitionInput, HealthCheckInput, JobName, Options, RunName, ToolName, Violation, Violations,
};
use tonic::Status;

use super::status::{invalid, violations};

pub(super) fn tool(text: &str) -> Result<ToolName, Status> {
    ToolName::parse(text).map_err(|found| violations(&found).into_status())
}

/// The name of a job in the field of this name.
pub(super) fn job_name(field: &'static str, text: &str) -> Result<JobName, Status> {
    JobName::parse(text).map_err(|found| in_field(field, &found))
}

/// The name of a run in the field of this name.
pub(super) fn run_name(field: &'static str, text: &str) -> Result<RunName, Status> {
    RunName::parse(text).map_err(|found| in_field(field, &found))
}

/// What is wrong with a name, as the request calls its field.
fn in_field(field: &'static str, found: &Violations) -> Status {
    let renamed = found.iter().map(|violation| Violation { field, ..violation.clone() });
    violations(&renamed.collect()).into_status()
}

/// How a change is asked for. A request id is a UUID; nothing else is kept.
pub(super) fn options(
    request_id: Option<String>,
    etag: Option<String>,
    validate_only: Option<bool>,
) -> Result<Options, Status> {
    if request_id.as_deref().is_some_and(|text| uuid::Uuid::try_parse(text).is_err()) {
        return Err(invalid("request_id", "must be a UUID"));
    }
    Ok(Options { request_id, etag, validate_only: validate_only.unwrap_or_default() })
}

/// The fields that are set, each as the word or number that the rules read. A number that no enum value has becomes a
/// text that no rule accepts, so that the refusal names the field.
pub(super) fn definition(spec: Option<JobSpec>) -> DefinitionInput {
    let Some(spec) = spec else { return DefinitionInput::default() };
    DefinitionInput {
        name: spec.name,
        imagename: spec.imagename,
        cmd: spec.cmd,
        job_type: spec.job_type.map(job_type),
        filelog: spec.filelog,
        filelog_stdout: spec.filelog_stdout,
        filelog_stderr: spec.filelog_stderr,
        emails: spec.emails.map(emails),
        mount: spec.mount.map(mount),
        memory: spec.memory,
        cpu: spec.cpu,
        retry: spec.retry.map(i64::from),
        schedule: spec.schedule,
        timeout: spec.timeout.map(i64::from),
        continuous: spec.continuous,
        replicas: spec.replicas.map(i64::from),
        port: spec.port.map(i64::from),
        port_protocol: spec.port_protocol.map(port_protocol),
        health_check: spec.health_check.map(health_check),
        publish: spec.publish,
        concurrency: spec.concurrency.map(concurrency),
        catch_up: spec.catch_up.map(catch_up),
        time_zone: spec.time_zone,
        suspended: spec.suspended,
    }
}

fn health_check(check: HealthCheck) -> HealthCheckInput {
    let HealthCheck { r#type, health_check_type, script, path } = check;
    HealthCheckInput { kind: r#type.or(health_check_type).map(health_check_kind), script, path }
}

macro_rules! word {
    ($function:ident, $enum:ty, $($variant:path => $word:literal),+ $(,)?) => {
        fn $function(number: i32) -> String {
            match <$enum>::try_from(number) {
                $(Ok($variant) => $word.to_owned(),)+
                Ok(_) => String::new(),
                Err(_) => number.to_string(),
            }
        }
    };
}

word!(job_type, JobType,
    JobType::OneOff => "one-off",
    JobType::Scheduled => "scheduled",
    JobType::Continuous => "continuous",
    JobType::Webservice => "webservice",
);
word!(emails, Emails,
    Emails::None => "none",
    Emails::All => "all",
    Emails::Onfinish => "onfinish",
    Emails::Onfailure => "onfailure",
);
word!(mount, Mount, Mount::All => "all", Mount::None => "none");
word!(port_protocol, PortProtocol, PortProtocol::Tcp => "tcp", PortProtocol::Udp => "udp");
word!(health_check_kind, HealthCheckType, HealthCheckType::Script => "script", HealthCheckType::Http => "http");
word!(concurrency, Concurrency,
    Concurrency::Forbid => "forbid",
    Concurrency::Allow => "allow",
    Concurrency::Replace => "replace",
    Concurrency::Queue => "queue",
);
word!(catch_up, CatchUp, CatchUp::None => "none", CatchUp::Latest => "latest", CatchUp::All => "all");

pub(super) fn direction(number: Option<i32>) -> Result<engine::Direction, Status> {
    match number.map(Direction::try_from) {
        None | Some(Ok(Direction::Unspecified | Direction::OldestFirst)) => {
            Ok(engine::Direction::OldestFirst)
        }
        Some(Ok(Direction::NewestFirst)) => Ok(engine::Direction::NewestFirst),
        Some(Err(_)) => Err(invalid("direction", "must be oldest_first or newest_first")),
    }
}

pub(super) fn stream(number: Option<i32>) -> Result<Option<engine::Stream>, Status> {
    match number.map(Stream::try_from) {
        None | Some(Ok(Stream::Unspecified)) => Ok(None),
        Some(Ok(Stream::Stdout)) => Ok(Some(engine::Stream::Stdout)),
        Some(Ok(Stream::Stderr)) => Ok(Some(engine::Stream::Stderr)),
        Some(Err(_)) => Err(invalid("stream", "must be stdout or stderr")),
    }
}
