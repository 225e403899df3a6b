//! `--wait`: the end of a one-off job, told by the server as it happens.

use std::time::Duration;

use api::jobs::v1::{ChangeType, JobStatus, StatusShort, WatchJobsRequest};
use tokio::time::{Instant, sleep, timeout_at};

use super::show;
use crate::args::output::Show;
use crate::failure::Failure;
use crate::session::Session;

/// The pause before a broken watch is begun again.
const PAUSE: Duration = Duration::from_millis(500);

/// How it ended.
enum End {
    Completed,
    Deleted,
    Failed,
}

/// Waits at most so many seconds: exit status 0, 1 for a failed job, 2 when the time is over.
pub(super) async fn run(session: &mut Session<'_>, name: &str, seconds: u64) -> Result<(), Failure> {
    let until = Instant::now() + Duration::from_secs(seconds);
    match timeout_at(until, end(session, name)).await {
        Ok(Ok(End::Completed)) => session.printer.info(format_args!("job '{name}' completed")),
        Ok(Ok(End::Deleted)) => {
            session.printer.info(format_args!("job '{name}' completed (and already deleted)"));
        }
        Ok(Ok(End::Failed)) => {
            session.printer.error(format_args!("job '{name}' failed:"));
            show::run(session, name, Show::Normal).await?;
            return Err(Failure::Told(1));
        }
        Ok(Err(failure)) => return Err(failure),
        Err(_) => {
            let text = format_args!("timed out {seconds} seconds waiting for job '{name}' to complete:");
            session.printer.error(text);
            show::run(session, name, Show::Normal).await?;
            return Err(Failure::Told(2));
        }
    }
    Ok(())
}

/// A server that goes away meanwhile is waited for: the job goes on without it.
async fn end(session: &mut Session<'_>, name: &str) -> Result<End, Failure> {
    loop {
        match watch(session, name).await {
            Ok(Some(end)) => return Ok(end),
            Ok(None) => session.printer.debug("the watch has ended, beginning again"),
            Err(Failure::Internal { detail: Some(detail), .. }) => session.printer.debug(detail),
            Err(failure) => return Err(failure),
        }
        loop {
            sleep(PAUSE).await;
            match session.reconnect().await {
                Ok(()) => break,
                Err(Failure::Internal { .. }) => {}
                Err(failure) => return Err(failure),
            }
        }
    }
}

/// Follows the job until it has ended; none where the server has ended the watch.
async fn watch(session: &Session<'_>, name: &str) -> Result<Option<End>, Failure> {
    let request = WatchJobsRequest { tool: session.tool(), name: Some(name.into()) };
    let mut changes = session.jobs().await?.watch_jobs(request).await?.into_inner();
    let mut seen = false;
    while let Some(change) = changes.message().await? {
        let status = change.job.as_ref().and_then(|job| job.status.as_ref());
        match (change.r#type(), status.map(JobStatus::short)) {
            (ChangeType::Deleted, _) => return Ok(Some(End::Deleted)),
            (ChangeType::Synced, _) if !seen => return Ok(Some(End::Deleted)),
            (ChangeType::Put, Some(StatusShort::Succeeded)) => return Ok(Some(End::Completed)),
            (ChangeType::Put, Some(StatusShort::Failed)) => return Ok(Some(End::Failed)),
            (ChangeType::Put, _) => seen = true,
            _ => {}
        }
    }
    Ok(None)
}
