//! The older status texts, which scripts read (contract 3.5).

use std::fmt::Write as _;

use engine::{Container, Exit, ExitReason, ExitStatus, Instance, Phase};

use super::pod::{Class, Pod};
use super::{Facts, Short, Status, always, out_of_date_text, runs, unable_to_start};
use crate::{JobType, moment_text};

/// `status_short` and `status_long`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyStatus {
    /// A few words.
    pub short: String,
    /// A chain of sentences.
    pub long: String,
}

impl LegacyStatus {
    /// Derives the texts; `status` is the one derived from the same facts.
    pub fn derive(facts: &Facts<'_>, status: &Status) -> Self {
        let short = match facts.job.definition.job_type {
            JobType::OneOff => one_off(facts, status),
            JobType::Scheduled => scheduled(facts, status),
            JobType::Continuous | JobType::Webservice => always_short(facts, status),
        };
        let long = if status.up_to_date { long(facts) } else { out_of_date_text(facts.job) };
        Self { short, long }
    }

    /// What is told when the facts cannot be had.
    pub fn unavailable() -> Self {
        Self { short: "Toolforge error".to_owned(), long: "Failed retrieving status".to_owned() }
    }

    /// Whether a job of this status gives way to a new one of its name.
    pub fn is_completed(&self) -> bool {
        self.short.eq_ignore_ascii_case("completed")
    }
}

fn one_off(facts: &Facts<'_>, status: &Status) -> String {
    let unable = status.messages.first().filter(|text| text.starts_with("Unable to start"));
    match (status.short, unable) {
        (Short::Failed, Some(text)) => text.clone(),
        (Short::Failed, None) => "Failed".to_owned(),
        (Short::Succeeded, _) => "Completed".to_owned(),
        (Short::Running, _) => format!("Running for {}", status.duration(facts.now)),
        (Short::Pending, _) => "Not running".to_owned(),
        (Short::Unknown, _) => "Unknown".to_owned(),
    }
}

fn scheduled(facts: &Facts<'_>, status: &Status) -> String {
    match runs::newest_counting(facts) {
        Some(run) if run.state.is_open() => one_off(facts, status),
        _ => match status.schedule.and_then(|times| times.previous) {
            Some(previous) => format!("Last schedule time: {}", moment_text(previous)),
            None => "Waiting for scheduled time".to_owned(),
        },
    }
}

fn always_short(facts: &Facts<'_>, status: &Status) -> String {
    let crashes = |instance: &Instance| {
        let last = match &instance.container {
            Container::Terminated(exit) => Some(exit),
            _ => instance.last_exit.as_ref(),
        };
        Pod::of(instance).class == Class::Restarted
            && last.is_some_and(|exit| exit.status != ExitStatus::Code(0))
    };
    if status.short == Short::Running {
        "Running".to_owned()
    } else if let Some((text, _)) = unable_to_start(facts.conditions) {
        text
    } else if always::current(facts).any(crashes) {
        "Specified command fails to run".to_owned()
    } else {
        "Not running".to_owned()
    }
}

/// What happened, as a chain of sentences about the instance that tells most.
fn long(facts: &Facts<'_>) -> String {
    let run = runs::newest_counting(facts).or_else(|| facts.runs.last());
    let of_run = run.map(crate::Run::workload_id);
    let instance = facts
        .instances
        .iter()
        .filter(|instance| of_run.as_ref().is_none_or(|id| instance.workload == *id))
        .min_by_key(|instance| (Pod::of(instance).class, std::cmp::Reverse(instance.created)));
    let mut text = match (facts.job.definition.job_type, run) {
        (JobType::OneOff | JobType::Scheduled, Some(run)) => {
            format!("Last run at {}.", moment_text(run.started.unwrap_or(run.created)))
        }
        (JobType::Scheduled, None) => "Run not attempted yet.".to_owned(),
        _ => String::new(),
    };
    match instance {
        Some(instance) => about(instance, &mut text),
        None if text.is_empty() => text.push_str("No pods were created for this job."),
        None => {}
    }
    text.trim_start().to_owned()
}

fn about(instance: &Instance, text: &mut String) {
    // writing to a String cannot fail
    let _ = write!(text, " Pod in '{}' phase.", phase(instance.phase));
    if instance.restarts > 0 {
        let _ = write!(text, " Pod has been restarted {} times.", instance.restarts);
    }
    match &instance.container {
        Container::Absent => {}
        Container::Waiting { message } => {
            text.push_str(" State 'waiting'.");
            if let Some(message) = message {
                let _ = write!(text, " Additional message:'{message}'.");
            }
        }
        Container::Running { started } => {
            let _ = write!(text, " State 'running'. Started at '{}'.", moment_text(*started));
        }
        Container::Terminated(exit) => terminated(exit, text),
    }
    if let Some(message) = &instance.message {
        let _ = write!(text, " Additional message:'{message}'.");
    }
}

fn terminated(exit: &Exit, text: &mut String) {
    let _ = write!(text, " State 'terminated'. Reason '{}'.", reason(exit.reason));
    if let Some(started) = exit.started {
        let _ = write!(text, " Started at '{}'.", moment_text(started));
    }
    let _ = write!(text, " Finished at '{}'.", moment_text(exit.finished));
    if let ExitStatus::Code(code) = exit.status {
        let _ = write!(text, " Exit code '{code}'.");
    }
}

const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Pending => "Pending",
        Phase::Running => "Running",
        Phase::Succeeded => "Succeeded",
        Phase::Failed => "Failed",
    }
}

/// The words Kubernetes has for it, where it has some.
const fn reason(reason: ExitReason) -> &'static str {
    match reason {
        ExitReason::Completed => "Completed",
        ExitReason::Error => "Error",
        ExitReason::OutOfMemory => "OOMKilled",
        ExitReason::DeadlineExceeded => "DeadlineExceeded",
        ExitReason::Stopped => "Stopped",
        ExitReason::Unhealthy => "Unhealthy",
        ExitReason::CannotRun => "ContainerCannotRun",
        ExitReason::Lost => "Lost",
        ExitReason::Reboot => "NodeReboot",
    }
}
