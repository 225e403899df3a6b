//! The status of jobs that have runs: one-off and scheduled (contract 3.4).

use engine::{Condition, Instance};

use super::pod::{Class, Pod};
use super::{Facts, ScheduleTimes, Short, Status, unable_to_start};
use crate::{Run, RunState, Trigger};

pub(super) fn one_off(facts: &Facts<'_>) -> Status {
    match facts.runs.last() {
        Some(run) => of_run(facts, run),
        None => Status::plain(Short::Unknown, Some(facts.job.updated)),
    }
}

pub(super) fn scheduled(facts: &Facts<'_>) -> Status {
    let newest = newest_counting(facts);
    let mut status = newest.map_or_else(
        || {
            let since = facts.job.last_scheduled.unwrap_or(facts.job.created).max(facts.job.created);
            Status::plain(Short::Pending, Some(since))
        },
        |run| of_run(facts, run),
    );
    let previous = newest.map(|run| run.created).or(facts.job.last_scheduled);
    status.schedule = Some(ScheduleTimes { previous, next: facts.next_schedule });
    status
}

/// The newest live run that was started. One that somebody asked for counts only when it executes what is defined.
pub(super) fn newest_counting<'a>(facts: &Facts<'a>) -> Option<&'a Run> {
    facts.runs.iter().rev().find(|run| {
        let by_schedule = matches!(run.trigger, Trigger::Schedule { .. });
        run.state.was_started() && (by_schedule || run.command == facts.job.definition.cmd)
    })
}

/// The status of one run: of its instances, else as recorded, else why it cannot start.
fn of_run(facts: &Facts<'_>, run: &Run) -> Status {
    let pod = Pod::most_telling(instances_of(facts, run));
    if let Some(pod) = pod.filter(|pod| pod.class != Class::Unknown) {
        return pod.into_status();
    }
    if let Some(finished) = run.finished {
        return recorded(run, finished);
    }
    let conditions: Vec<Condition> = facts
        .conditions
        .iter()
        .filter(|condition| condition.workload == run.workload_id())
        .cloned()
        .collect();
    if let Some((text, since)) = unable_to_start(&conditions) {
        return Status::failed(text, since);
    }
    let short = if run.state.is_open() { Short::Pending } else { Short::Unknown };
    Status::plain(short, Some(run.created))
}

fn recorded(run: &Run, finished: jiff::Timestamp) -> Status {
    let short = match run.state {
        RunState::Succeeded => Short::Succeeded,
        RunState::Failed | RunState::Cancelled => Short::Failed,
        _ => Short::Unknown,
    };
    let mut status = Status::plain(short, Some(finished));
    if short == Short::Failed {
        status.messages.extend(run.exit_code.map(|code| format!("exitcode {code}")));
        status.messages.extend(run.message.clone());
    }
    status
}

pub(super) fn instances_of<'a>(facts: &Facts<'a>, run: &Run) -> impl Iterator<Item = &'a Instance> {
    let id = run.workload_id();
    facts.instances.iter().filter(move |instance| instance.workload == id)
}
