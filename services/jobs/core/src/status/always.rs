//! The status of jobs that always run: continuous and webservice (contract 3.4).

use std::time::Duration;

use engine::Instance;
use jiff::Timestamp;

use super::pod::{Class, Pod};
use super::{Facts, Short, Status, unable_to_start};
use crate::clock;

/// A job that is not available for so long since its start has failed.
const PROGRESS_DEADLINE: Duration = Duration::from_mins(10);

pub(super) fn status(facts: &Facts<'_>) -> Status {
    let pod = Pod::most_telling(current(facts));
    if let Some(pod) = pod.as_ref().filter(|pod| pod.class == Class::Running) {
        return pod.clone().into_status();
    }
    if let Some((text, since)) = unable_to_start(facts.conditions).filter(|(text, _)| text.contains("quota"))
    {
        return Status::failed(text, since);
    }
    let ready = current(facts).filter(|instance| instance.ready).count();
    let unavailable = u32::try_from(ready).is_ok_and(|ready| ready < facts.replicas);
    let deadline = clock::after(started(facts), PROGRESS_DEADLINE);
    if unavailable && facts.now > deadline {
        let mut status = Status::plain(Short::Failed, Some(deadline));
        status.messages = pod.map(|pod| pod.messages).unwrap_or_default();
        return status;
    }
    match pod {
        Some(pod) if pod.class != Class::Unknown => pod.into_status(),
        _ if unavailable => Status::plain(Short::Pending, Some(started(facts))),
        _ => Status::plain(Short::Running, Some(started(facts))),
    }
}

/// Since when it has had the chance to run: its creation, its last restart, or the update that replaced it.
fn started(facts: &Facts<'_>) -> Timestamp {
    let job = facts.job;
    job.restarted_at.unwrap_or(job.created).max(job.created).max(job.updated)
}

/// Instances that have ended are only what a newer one has replaced.
pub(super) fn current<'a>(facts: &Facts<'a>) -> impl Iterator<Item = &'a Instance> {
    facts.instances.iter().filter(|instance| !instance.is_finished())
}
