//! Deleting jobs: durable first, then the engine, then forgotten.

use engine::WorkloadId;
use futures_util::future::{self, Either};
use jiff::Timestamp;

use super::transact::{Done, Request, check_etag};
use super::{Jobs, Options};
use crate::{Change, Error, Job, JobName, Outcome, Run, ToolName, ToolState, Uid};

/// Changes of one commit of a flush, after which no other job is added to it: a commit has a bound.
const PART: usize = 60;

/// The next jobs of a flush, what that changes, and whether there are more.
fn part_of_flush(state: &ToolState, now: Timestamp) -> (Vec<Ending>, Vec<Change>, bool) {
    let (mut endings, mut changes) = (Vec::new(), Vec::new());
    for job in state.jobs.iter().filter(|job| job.is_present()) {
        if changes.len() >= PART {
            return (endings, changes, true);
        }
        endings.push(Ending::of(state, job));
        changes.extend(mark_deleted(state, job, now));
    }
    (endings, changes, false)
}

impl Jobs {
    /// Deletes a job. Once this is durable the job is gone for users; instances are waited for, but not for ever.
    pub async fn delete(&self, tool: &ToolName, name: &JobName, options: &Options) -> Result<(), Error> {
        let now = self.inner.clock.now();
        let request = Request::new(options, "delete", name)?;
        let done = self
            .transact_request(tool, &request, |state| {
                let job = state.job(name).ok_or_else(|| Error::JobNotFound(name.clone()))?;
                check_etag(options, job)?;
                Ok((vec![Ending::of(state, job)], Outcome::Deleted, mark_deleted(state, job, now)))
            })
            .await?;
        self.finish(tool, done, options).await
    }

    /// Deletes every job of a tool.
    pub async fn flush(&self, tool: &ToolName, options: &Options) -> Result<(), Error> {
        let now = self.inner.clock.now();
        let request = Request::new(options, "flush", &())?;
        // All but the last part are commits of their own: a repetition of the request goes on where one was cut off.
        let mut parts =
            if options.validate_only { Vec::new() } else { self.flush_all_but_the_last(tool, now).await? };
        let last = self
            .transact_request(tool, &request, |state| {
                let (endings, changes, _) = part_of_flush(state, now);
                Ok((endings, Outcome::Deleted, changes))
            })
            .await?;
        let done = match last {
            Done::Now(endings) => {
                parts.extend(endings);
                Done::Now(parts)
            }
            before @ Done::Before(_) => before,
        };
        self.finish(tool, done, options).await
    }

    /// Deletes jobs until those that are left fit one commit.
    async fn flush_all_but_the_last(&self, tool: &ToolName, now: Timestamp) -> Result<Vec<Ending>, Error> {
        let mut parts = Vec::new();
        loop {
            let part = self
                .transact(tool, |state| {
                    let (endings, changes, more) = part_of_flush(state, now);
                    Ok(if more { (Some(endings), changes) } else { (None, Vec::new()) })
                })
                .await?;
            let Some(endings) = part else { return Ok(parts) };
            parts.extend(endings);
        }
    }

    async fn finish(&self, tool: &ToolName, done: Done<Vec<Ending>>, options: &Options) -> Result<(), Error> {
        if let Done::Now(endings) = done
            && !options.validate_only
        {
            let deletions = endings.iter().map(|ending| self.finish_delete(tool, ending));
            let all = std::pin::pin!(future::join_all(deletions));
            let patience = self.inner.clock.sleep(self.inner.site.delete_wait);
            if let Either::Right(_) = future::select(all, patience).await {
                tracing::warn!(%tool, "instances of deleted jobs linger");
            }
        }
        Ok(())
    }

    /// Takes what a deleted job has in the engine from it, waits for its end, and forgets the job. What of this is left
    /// undone is done by the reconciler, or by the next recovery.
    async fn finish_delete(&self, tool: &ToolName, ending: &Ending) {
        let attempt = async {
            let workloads = &ending.workloads;
            future::try_join_all(workloads.iter().map(|workload| self.remove(tool, workload))).await?;
            for workload in workloads {
                self.wait_quiet(tool, workload).await;
            }
            self.close(tool).await
        };
        let outcome: Result<(), Error> = attempt.await;
        if let Err(error) = outcome {
            tracing::warn!(%tool, job = %ending.job, error = error.operator(), "a deletion is not finished yet");
        }
    }
}

/// A job that is being deleted, with all that the engine has of it: as it was in the deletion itself, because the
/// reconciler may forget the job, whose runs have ended, before anybody looks again.
struct Ending {
    job: Uid,
    workloads: Vec<WorkloadId>,
}

impl Ending {
    fn of(state: &ToolState, job: &Job) -> Self {
        let mut workloads: Vec<_> = state.runs_of(&job.uid).map(Run::workload_id).collect();
        if !job.has_runs() {
            workloads.push(job.workload_id());
        }
        Self { job: job.uid.clone(), workloads }
    }
}

/// The changes that make a job's deletion durable: it is gone, and whatever runs of it is to end.
pub(crate) fn mark_deleted(state: &ToolState, job: &Job, now: Timestamp) -> Vec<Change> {
    let job_record = Job { deleting: Some(now), ..job.clone() };
    let open = state.runs_of(&job.uid).filter(|run| run.state.is_open() && run.cancelled_at.is_none());
    let cancelled = open.map(|run| Run { cancelled_at: Some(now), ..run.clone() });
    let runs = cancelled.map(|run| Change::PutRun(Box::new(run)));
    std::iter::once(Change::PutJob(Box::new(job_record))).chain(runs).collect()
}
