//! The documents of jobs and answers. `spec` is exactly what the user set, in the contract's spelling; ours is beside.

use jiff::Timestamp;
use jobs_core::{
    Answer, Cpu, Definition, DefinitionInput, Footprint, HealthCheckInput, Job, JobName, Memory, Outcome,
    RepositoryError, RunName, ToolName, Uid,
};
use serde::{Deserialize, Serialize};

/// A job.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JobDocument {
    spec: SpecDocument,
    generation: u64,
    image_url: String,
    footprint: FootprintDocument,
    created: Timestamp,
    updated: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    restarted_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_scheduled: Option<Timestamp>,
    scheduled_until: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deleting: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FootprintDocument {
    pods: u64,
    cpu: String,
    memory: String,
}

/// What the user set.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SpecDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    imagename: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cmd: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filelog: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filelog_stdout: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filelog_stderr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    emails: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continuous: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replicas: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port_protocol: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health_check: Option<HealthCheckDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    publish: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    concurrency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    catch_up: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspended: Option<bool>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HealthCheckDocument {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

impl JobDocument {
    pub(super) fn of(job: &Job) -> Self {
        let Job {
            uid: _,
            tool: _,
            generation,
            definition,
            image_url,
            footprint,
            created,
            updated,
            restarted_at,
            last_scheduled,
            scheduled_until,
            deleting,
        } = job;
        Self {
            spec: SpecDocument::of(definition.to_input()),
            generation: *generation,
            image_url: image_url.clone(),
            footprint: FootprintDocument::of(footprint),
            created: *created,
            updated: *updated,
            restarted_at: *restarted_at,
            last_scheduled: *last_scheduled,
            scheduled_until: *scheduled_until,
            deleting: *deleting,
        }
    }

    pub(super) fn into_job(self, uid: &str, tool: &ToolName) -> Result<Job, RepositoryError> {
        let definition = Definition::parse(&self.spec.into_input()).map_err(|error| {
            RepositoryError::new(format!("stored definition of job {uid} of {tool}"), error)
        })?;
        Ok(Job {
            uid: Uid(uid.to_owned()),
            tool: tool.clone(),
            generation: self.generation,
            definition,
            image_url: self.image_url,
            footprint: self.footprint.into_footprint()?,
            created: self.created,
            updated: self.updated,
            restarted_at: self.restarted_at,
            last_scheduled: self.last_scheduled,
            scheduled_until: self.scheduled_until,
            deleting: self.deleting,
        })
    }
}

impl SpecDocument {
    fn of(input: DefinitionInput) -> Self {
        Self {
            name: input.name,
            imagename: input.imagename,
            cmd: input.cmd,
            job_type: input.job_type,
            filelog: input.filelog,
            filelog_stdout: input.filelog_stdout,
            filelog_stderr: input.filelog_stderr,
            emails: input.emails,
            mount: input.mount,
            memory: input.memory,
            cpu: input.cpu,
            retry: input.retry,
            schedule: input.schedule,
            timeout: input.timeout,
            continuous: input.continuous,
            replicas: input.replicas,
            port: input.port,
            port_protocol: input.port_protocol,
            health_check: input
                .health_check
                .map(|HealthCheckInput { kind, script, path }| HealthCheckDocument { kind, script, path }),
            publish: input.publish,
            concurrency: input.concurrency,
            catch_up: input.catch_up,
            time_zone: input.time_zone,
            suspended: input.suspended,
        }
    }

    fn into_input(self) -> DefinitionInput {
        DefinitionInput {
            name: self.name,
            imagename: self.imagename,
            cmd: self.cmd,
            job_type: self.job_type,
            filelog: self.filelog,
            filelog_stdout: self.filelog_stdout,
            filelog_stderr: self.filelog_stderr,
            emails: self.emails,
            mount: self.mount,
            memory: self.memory,
            cpu: self.cpu,
            retry: self.retry,
            schedule: self.schedule,
            timeout: self.timeout,
            continuous: self.continuous,
            replicas: self.replicas,
            port: self.port,
            port_protocol: self.port_protocol,
            health_check: self
                .health_check
                .map(|HealthCheckDocument { kind, script, path }| HealthCheckInput { kind, script, path }),
            publish: self.publish,
            concurrency: self.concurrency,
            catch_up: self.catch_up,
            time_zone: self.time_zone,
            suspended: self.suspended,
        }
    }
}

impl FootprintDocument {
    pub(super) fn of(footprint: &Footprint) -> Self {
        let Footprint { pods, cpu, memory } = footprint;
        Self { pods: *pods, cpu: cpu.to_string(), memory: memory.to_string() }
    }

    pub(super) fn into_footprint(self) -> Result<Footprint, RepositoryError> {
        let bad = |error| RepositoryError::new("stored footprint", error);
        Ok(Footprint {
            pods: self.pods,
            cpu: Cpu::parse(&self.cpu).map_err(bad)?,
            memory: Memory::parse(&self.memory).map_err(bad)?,
        })
    }
}

/// The answer to a request.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerDocument {
    fingerprint: String,
    outcome: OutcomeDocument,
    pub(super) at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutcomeDocument {
    Created { job: String },
    Upserted { changed: bool, text: String },
    Deleted,
    Restarted,
    Run { run: String },
}

impl AnswerDocument {
    pub(super) fn of(answer: &Answer) -> Self {
        let outcome = match &answer.outcome {
            Outcome::Created(job) => OutcomeDocument::Created { job: job.to_string() },
            Outcome::Upserted { changed, text } => {
                OutcomeDocument::Upserted { changed: *changed, text: text.clone() }
            }
            Outcome::Deleted => OutcomeDocument::Deleted,
            Outcome::Restarted => OutcomeDocument::Restarted,
            Outcome::Run(run) => OutcomeDocument::Run { run: run.to_string() },
        };
        Self { fingerprint: answer.fingerprint.clone(), outcome, at: answer.at }
    }

    pub(super) fn into_answer(self, request: &str) -> Result<Answer, RepositoryError> {
        let bad = |error| RepositoryError::new("stored answer", error);
        let outcome = match self.outcome {
            OutcomeDocument::Created { job } => Outcome::Created(JobName::parse(&job).map_err(bad)?),
            OutcomeDocument::Upserted { changed, text } => Outcome::Upserted { changed, text },
            OutcomeDocument::Deleted => Outcome::Deleted,
            OutcomeDocument::Restarted => Outcome::Restarted,
            OutcomeDocument::Run { run } => Outcome::Run(RunName::parse(&run).map_err(bad)?),
        };
        Ok(Answer { request: request.to_owned(), fingerprint: self.fingerprint, outcome, at: self.at })
    }
}
