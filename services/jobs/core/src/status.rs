//! The status words, durations and hints of Toolforge, derived from what an engine reports (contract 3.4).

mod always;
mod legacy;
mod pod;
mod runs;
#[cfg(test)]
mod tests;

use std::fmt;

use engine::{Condition, ConditionKind, Instance};
use jiff::Timestamp;

use crate::{Job, JobType, Run, clock, duration_text};
pub use legacy::LegacyStatus;

/// How a job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The word.
    pub short: Short,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Whether what runs is what is defined.
    pub up_to_date: bool,
    /// Hints for the user.
    pub messages: Vec<String>,
    /// Of scheduled jobs, the times before and after now.
    pub schedule: Option<ScheduleTimes>,
}

/// When a scheduled job ran and will run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduleTimes {
    /// The last time it was started.
    pub previous: Option<Timestamp>,
    /// The next due time.
    pub next: Option<Timestamp>,
}

/// The words of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Short {
    /// Not running yet, or again.
    Pending,
    /// Running.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly, or cannot start.
    Failed,
    /// Nobody knows.
    Unknown,
}

impl Short {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Everything a status is derived from.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The job.
    pub job: &'a Job,
    /// Its live runs, the newest last.
    pub runs: &'a [Run],
    /// The instances of its workloads.
    pub instances: &'a [Instance],
    /// The conditions of its workloads.
    pub conditions: &'a [Condition],
    /// How many instances are wanted of a job that always runs.
    pub replicas: u32,
    /// Whether the engine was given the definition as it is now.
    pub up_to_date: bool,
    /// The next due time of a scheduled job.
    pub next_schedule: Option<Timestamp>,
    /// The present.
    pub now: Timestamp,
}

impl Status {
    /// Derives the status.
    pub fn derive(facts: &Facts<'_>) -> Self {
        let mut status = match facts.job.definition.job_type {
            JobType::OneOff => runs::one_off(facts),
            JobType::Scheduled => runs::scheduled(facts),
            JobType::Continuous | JobType::Webservice => always::status(facts),
        };
        status.up_to_date = facts.up_to_date;
        status
    }

    /// What is told when the facts cannot be had.
    pub fn unavailable() -> Self {
        let mut status = Self::plain(Short::Unknown, None);
        status.messages.push("Failed retrieving status".to_owned());
        status
    }

    /// How long it has been so, as text.
    pub fn duration(&self, now: Timestamp) -> String {
        duration_text(self.since.map_or_else(Default::default, |since| clock::since(since, now)))
    }

    const fn plain(short: Short, since: Option<Timestamp>) -> Self {
        Self { short, since, up_to_date: true, messages: Vec::new(), schedule: None }
    }

    fn failed(message: String, since: Timestamp) -> Self {
        let mut status = Self::plain(Short::Failed, Some(since));
        status.messages.push(message);
        status
    }
}

/// The warning about a job whose status is not up to date.
pub fn out_of_date_text(job: &Job) -> String {
    format!(
        "The running version of job '{}' is different from what was configured, please recreate or redeploy.",
        job.name()
    )
}

/// Why no instance can be made, in the contract's words.
fn unable_to_start(conditions: &[Condition]) -> Option<(String, Timestamp)> {
    let newest = conditions.iter().max_by_key(|condition| condition.since)?;
    match &newest.kind {
        ConditionKind::Progressing => None,
        ConditionKind::OutOfQuota(resources) => {
            let mut names: Vec<&str> = resources.iter().map(|name| bare(name)).collect();
            names.sort_unstable();
            names.dedup();
            Some((format!("Unable to start, out of quota for {}", names.join(", ")), newest.since))
        }
        ConditionKind::CannotCreate(_) => Some(("Unable to start".to_owned(), newest.since)),
    }
}

fn bare(resource: &str) -> &str {
    let resource = resource.strip_prefix("requests.").unwrap_or(resource);
    resource.strip_prefix("limits.").unwrap_or(resource)
}
