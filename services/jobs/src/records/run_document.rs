//! The document of a run.

use jiff::Timestamp;
use jobs_core::{JobName, RepositoryError, Run, RunName, ToolName, Uid};
use serde::{Deserialize, Serialize};

use super::document::FootprintDocument;
use super::words::{StateWord, TriggerWord};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunDocument {
    uid: String,
    job: String,
    job_uid: String,
    generation: u64,
    trigger: TriggerWord,
    state: StateWord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    env: Vec<(String, String)>,
    retries: u32,
    #[serde(default)]
    stdin: bool,
    footprint: FootprintDocument,
    live: bool,
    created: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    finished: Option<Timestamp>,
    attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cancelled_at: Option<Timestamp>,
}

impl RunDocument {
    pub(super) fn of(run: &Run) -> Self {
        let run = run.clone();
        Self {
            uid: run.uid.0,
            job: run.job.to_string(),
            job_uid: run.job_uid.0,
            generation: run.generation,
            trigger: run.trigger.into(),
            state: run.state.into(),
            command: run.command,
            // it may hold secrets, and nothing is executed any more
            env: if run.state.is_open() { run.env } else { Vec::new() },
            retries: run.retries,
            stdin: run.stdin,
            footprint: FootprintDocument::of(&run.footprint),
            live: run.live,
            created: run.created,
            started: run.started,
            finished: run.finished,
            attempts: run.attempts,
            exit_code: run.exit_code,
            message: run.message,
            cancelled_at: run.cancelled_at,
        }
    }

    pub(super) fn into_run(self, name: &str, tool: &ToolName) -> Result<Run, RepositoryError> {
        let bad = |error| RepositoryError::new(format!("stored run {name} of {tool}"), error);
        Ok(Run {
            uid: Uid(self.uid),
            name: RunName::parse(name).map_err(bad)?,
            tool: tool.clone(),
            job: JobName::parse(&self.job).map_err(bad)?,
            job_uid: Uid(self.job_uid),
            generation: self.generation,
            trigger: self.trigger.into(),
            state: self.state.into(),
            command: self.command,
            env: self.env,
            retries: self.retries,
            stdin: self.stdin,
            footprint: self.footprint.into_footprint()?,
            live: self.live,
            created: self.created,
            started: self.started,
            finished: self.finished,
            attempts: self.attempts,
            exit_code: self.exit_code,
            message: self.message,
            cancelled_at: self.cancelled_at,
        })
    }
}
