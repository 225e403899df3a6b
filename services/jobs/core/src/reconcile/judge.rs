//! What the instances of a run say about it.

#[cfg(test)]
mod tests;

use engine::{Container, Exit, ExitReason, Instance, Phase};
use jiff::Timestamp;

use crate::{Run, RunState};

/// The run as its instances show it. `removed`: the engine no longer has it, and nothing of it runs.
pub(super) fn judge(run: &Run, instances: &[Instance], removed: bool, now: Timestamp) -> Run {
    let mut judged = run.clone();
    if !run.state.is_open() {
        return judged;
    }
    judged.attempts = run.attempts.max(u32::try_from(instances.len()).unwrap_or(u32::MAX));
    judged.started = run.started.or_else(|| instances.iter().filter_map(first_start).min());
    let last = instances.iter().max_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    match last.and_then(|last| ended(run, instances, last)) {
        Some((state, exit)) => {
            let message = last.and_then(|last| explain(exit, last));
            finish(&mut judged, state, exit.finished);
            judged.exit_code = exit.status.code();
            judged.message = message;
        }
        None if run.cancelled_at.is_some() && removed => {
            finish(&mut judged, RunState::Cancelled, now);
        }
        None if judged.started.is_some() => judged.state = RunState::Running,
        None => {}
    }
    judged
}

fn finish(run: &mut Run, state: RunState, finished: Timestamp) {
    run.state = state;
    run.finished = Some(finished);
}

/// How it ended, if it has: well, badly too often, too late, or because somebody wanted so.
fn ended<'a>(run: &Run, instances: &'a [Instance], last: &'a Instance) -> Option<(RunState, &'a Exit)> {
    let Container::Terminated(exit) = &last.container else { return None };
    if !last.is_finished() {
        return None;
    }
    if run.cancelled_at.is_some_and(|at| exit.finished >= at) {
        return Some((RunState::Cancelled, exit));
    }
    if last.phase == Phase::Succeeded {
        return Some((RunState::Succeeded, exit));
    }
    let failures = instances.iter().filter(|instance| instance.phase == Phase::Failed).count();
    let is_last_try = u64::try_from(failures).is_ok_and(|failures| failures > u64::from(run.retries));
    // the deadline is of all tries together
    let is_overdue = exit.reason == ExitReason::DeadlineExceeded;
    (is_last_try || is_overdue).then_some((RunState::Failed, exit))
}

fn first_start(instance: &Instance) -> Option<Timestamp> {
    match &instance.container {
        Container::Running { started } => Some(*started),
        Container::Terminated(exit) => exit.started,
        Container::Absent | Container::Waiting { .. } => instance.last_exit.as_ref()?.started,
    }
}

/// The end in words, where the exit code alone does not tell.
fn explain(exit: &Exit, instance: &Instance) -> Option<String> {
    let text = match exit.reason {
        ExitReason::Completed | ExitReason::Error => return instance.message.clone(),
        ExitReason::OutOfMemory => "it passed its memory limit",
        ExitReason::DeadlineExceeded => "it ran longer than its timeout",
        ExitReason::Stopped => "it was stopped",
        ExitReason::Unhealthy => "its health check failed",
        ExitReason::CannotRun => {
            return instance.message.clone().or_else(|| Some("it could not be started".into()));
        }
        ExitReason::Lost => "what held its process died",
        ExitReason::Reboot => "the machine was restarted",
    };
    Some(text.to_owned())
}
