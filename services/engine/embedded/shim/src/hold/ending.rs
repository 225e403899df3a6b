//! The end of a run: what it is called, and that nothing of it is left.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait};

use super::output::unix_millis;
use crate::cgroup::Group;
use crate::protocol::StopReason;
use crate::record::{self, ExitReason, ExitRecord};
use crate::spec::Tier;

/// How long the last processes may take to be gone after SIGKILL.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the program ended.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Exited { code: Option<i32>, signal: Option<i32> },
    Failed { code: Option<i32>, message: String },
}

impl Outcome {
    /// Where the first process ended without a word, its own end is the program's: they were killed together.
    pub(super) fn of_first_process(status: WaitStatus) -> Self {
        match status.terminating_signal() {
            Some(signal) => Self::Exited { code: None, signal: Some(signal) },
            None => Self::Failed {
                code: None,
                message: format!(
                    "the run's first process ended without a word, with code {}",
                    status.exit_status().unwrap_or(-1)
                ),
            },
        }
    }
}

/// All that decides about the record.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) outcome: Option<Outcome>,
    pub(super) stop: Option<StopReason>,
    /// This shim has killed it.
    pub(super) killed: bool,
    pub(super) oom_kills: u64,
    pub(super) started_ms: Option<i64>,
}

impl End {
    /// A run that could not even begin.
    pub(super) fn never(message: String) -> Self {
        let outcome = Some(Outcome::Failed { code: None, message });
        Self { outcome, stop: None, killed: false, oom_kills: 0, started_ms: None }
    }
}

/// The record of an end.
pub(super) fn record(end: &End) -> ExitRecord {
    let (code, signal, cannot) = match end.outcome.clone() {
        Some(Outcome::Exited { code, signal }) => (code.or(signal.map(|signal| 128 + signal)), signal, None),
        Some(Outcome::Failed { code, message }) => (code, None, Some(message)),
        None => (None, None, Some("the run's first process was lost".to_owned())),
    };
    let reason = match (cannot, end.stop) {
        (Some(message), None) => ExitReason::CannotRun { message },
        (_, Some(StopReason::Stopped)) => ExitReason::Stopped,
        (_, Some(StopReason::Unhealthy)) => ExitReason::Unhealthy,
        (_, Some(StopReason::DeadlineExceeded)) => ExitReason::DeadlineExceeded,
        (None, None) if code == Some(0) => ExitReason::Completed,
        // a kill that was asked for is no lack of memory
        (None, None) if end.oom_kills > 0 && !end.killed => ExitReason::OutOfMemory,
        (None, None) => ExitReason::Error,
    };
    ExitRecord { code, signal, reason, started_ms: end.started_ms, finished_ms: unix_millis() }
}

/// Kills what is left after the first process has gone. Where there are process namespaces nothing is; without them the
/// group tells, and else the chain of parents, which ends at this shim.
pub(super) fn kill_rest(tier: Tier, group: Option<&Group>) {
    if let Some(group) = group {
        group.kill(reap);
    }
    if tier != Tier::Process {
        return;
    }
    let own = std::process::id().cast_signed();
    let end = Instant::now() + PATIENCE;
    loop {
        reap();
        let rest = record::descendants(own);
        if rest.is_empty() || Instant::now() > end {
            return;
        }
        for pid in rest.into_iter().filter_map(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn reap() {
    while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
}

#[cfg(test)]
mod tests;
