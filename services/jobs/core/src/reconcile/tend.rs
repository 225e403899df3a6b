//! One look at one tool: close, collect, schedule, start.

use std::time::Duration;

use jiff::Timestamp;

use super::RETRY;
use super::schedule::next_due;
use crate::{Change, Error, Job, Jobs, Run, RunState, ToolName, ToolState, clock};

/// Between two tries of what the engine refused.
const REFUSED_RETRY: Duration = Duration::from_mins(1);

impl Jobs {
    /// Does what is to be done for a tool now. Returns when it is to be looked at next, unless something happens
    /// before.
    pub async fn tend(&self, tool: &ToolName) -> Result<Option<Timestamp>, Error> {
        let endings = self.inner.board.endings();
        self.close(tool).await?;
        self.inner.board.recorded(tool, endings);
        let state = self.inner.repository.load(tool).await?;
        let mut grown = self.collect(tool, &state).await?;
        grown.extend(self.schedule(tool, &state).await?);
        grown.sort_unstable();
        grown.dedup();
        for job in &grown {
            self.prune(tool, job).await?;
        }
        let state = self.inner.repository.load(tool).await?;
        let retry = self.start_pending(tool, &state).await;
        let due = state.jobs.iter().filter_map(next_due);
        let leaving = state.runs.iter().filter_map(|run| self.leaves_at(run));
        let ending = state.jobs.iter().filter_map(|job| job.deleting);
        let cancelled =
            state.runs.iter().filter(|run| run.state.is_open()).filter_map(|run| run.cancelled_at);
        // what is to end is told so again when it lingers
        let now = self.inner.clock.now();
        let lingering = ending.chain(cancelled).map(|_| clock::after(now, RETRY));
        Ok(due.chain(leaving).chain(lingering).chain(retry).min())
    }

    /// Gives the engine what it was not given yet. Returns when to try again what it did not take.
    async fn start_pending(&self, tool: &ToolName, state: &ToolState) -> Option<Timestamp> {
        let mut retry = None;
        for job in state.jobs.iter().filter(|job| job.is_present() && self.is_behind_on(state, job)) {
            let Err(error) = self.converge(tool, &job.uid).await else { continue };
            tracing::warn!(%tool, job = %job.name(), error = error.operator(), "a job cannot be started");
            let is_final = !matches!(error, Error::Engine(_) | Error::Repository(_) | Error::Busy);
            if is_final && job.has_runs() {
                self.fail_pending(tool, job, &error).await;
            } else {
                let wait = if is_final { REFUSED_RETRY } else { RETRY };
                let at = clock::after(self.inner.clock.now(), wait);
                retry = Some(retry.map_or(at, |earlier: Timestamp| earlier.min(at)));
            }
        }
        retry
    }

    fn is_behind_on(&self, state: &ToolState, job: &Job) -> bool {
        if job.has_runs() {
            return state.runs_of(&job.uid).any(|run| self.is_to_start(run));
        }
        self.inner.board.applied(&job.workload_id()) != Some(job.generation)
    }

    /// A run that the engine will never take has failed.
    async fn fail_pending(&self, tool: &ToolName, job: &Job, error: &Error) {
        let now = self.inner.clock.now();
        let failed = |run: &Run| Run {
            state: RunState::Failed,
            finished: Some(now),
            message: Some(error.to_string()),
            ..run.clone()
        };
        let recorded = self
            .transact(tool, |state| {
                let runs = state.runs_of(&job.uid).filter(|run| self.is_to_start(run));
                Ok(((), runs.map(|run| Change::PutRun(Box::new(failed(run)))).collect()))
            })
            .await;
        if let Err(error) = recorded {
            tracing::error!(%tool, job = %job.name(), error = error.operator(), "a failed run cannot be recorded");
        }
    }
}
