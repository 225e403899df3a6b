//! One workload at a time: given to the engine, taken from it.

use engine::{Workload, WorkloadId};
use futures_util::future::{self, Either};
use jiff::Timestamp;

use crate::{Error, Job, Jobs, Run, RunState, ToolName, Uid};

impl Jobs {
    /// Gives the engine what a job should be running now.
    pub(crate) async fn converge(&self, tool: &ToolName, uid: &Uid) -> Result<(), Error> {
        let _shared = self.inner.gate.read().await;
        let state = self.inner.repository.load(tool).await?;
        let Some(job) = state.job_by_uid(uid).filter(|job| job.is_present()) else { return Ok(()) };
        if !job.has_runs() {
            return self.converge_always(job).await;
        }
        for run in state.runs_of(uid).filter(|run| self.is_to_start(run)) {
            self.converge_run(tool, &run.uid).await?;
        }
        Ok(())
    }

    /// Whether a run is to be given to the engine and was not yet.
    pub(crate) fn is_to_start(&self, run: &Run) -> bool {
        run.state == RunState::Pending
            && run.cancelled_at.is_none()
            && self.inner.board.applied(&run.workload_id()).is_none()
    }

    async fn converge_always(&self, job: &Job) -> Result<(), Error> {
        let _turn = self.inner.workloads.lock(job.uid.as_str()).await;
        // what is wanted may have changed while this waited for its turn
        let state = self.inner.repository.load(&job.tool).await?;
        let Some(job) = state.job_by_uid(&job.uid).filter(|job| job.is_present()) else { return Ok(()) };
        let resolved = self.resolve(job, &self.catalogue().await?);
        self.apply(&job.tool, resolved.always(job, &self.inner.site), job.restarted_at).await
    }

    async fn converge_run(&self, tool: &ToolName, uid: &Uid) -> Result<(), Error> {
        let _turn = self.inner.workloads.lock(uid.as_str()).await;
        let state = self.inner.repository.load(tool).await?;
        let run = state.run_by_uid(uid.as_str()).filter(|run| self.is_to_start(run));
        let job = run.and_then(|run| state.job_by_uid(&run.job_uid));
        let (Some(run), Some(job)) = (run, job) else { return Ok(()) };
        let resolved = self.resolve(job, &self.catalogue().await?);
        self.apply(tool, resolved.once(job, run, &self.inner.site), None).await
    }

    /// Gives the engine a workload; repeats a restart, which has no effect the second time.
    pub(crate) async fn apply(
        &self,
        tool: &ToolName,
        workload: Workload,
        restarted_at: Option<Timestamp>,
    ) -> Result<(), Error> {
        let id = workload.id.clone();
        // noted before it is so: whoever finds no note knows that nothing of it can be running
        self.inner.board.set_applied(id.clone(), tool, workload.generation);
        let mut outcome = self.inner.engine.apply(workload).await;
        if let (Ok(()), Some(at)) = (&outcome, restarted_at) {
            outcome = self.inner.engine.restart(&id, at).await;
        }
        outcome.map_err(|error| {
            self.inner.board.forget(&id);
            Error::of_engine(error)
        })
    }

    /// Takes a workload from the engine.
    pub(crate) async fn remove(&self, tool: &ToolName, id: &WorkloadId) -> Result<(), Error> {
        // not while all that is wanted is being given: it would be given after it was taken
        let _shared = self.inner.gate.read().await;
        let _turn = self.inner.workloads.lock(&id.0).await;
        self.inner.engine.delete(id).await.map_err(Error::of_engine)?;
        self.inner.board.forget(id);
        self.inner.board.poke(tool);
        Ok(())
    }

    /// The same where nobody waits for the outcome.
    pub(crate) async fn remove_or_warn(&self, tool: &ToolName, id: &WorkloadId) {
        if let Err(error) = self.remove(tool, id).await {
            tracing::warn!(%tool, workload = %id, error = error.operator(), "a workload cannot be removed yet");
        }
    }

    /// Waits until nothing of a workload runs; not longer than a deletion waits.
    pub(crate) async fn wait_quiet(&self, tool: &ToolName, id: &WorkloadId) {
        let mut changed = self.inner.board.subscribe(tool);
        let quiet = std::pin::pin!(async {
            while !self.inner.board.is_quiet(id) {
                // the sender lives as long as the board
                if changed.changed().await.is_err() {
                    return;
                }
            }
        });
        let patience = self.inner.clock.sleep(self.inner.site.delete_wait);
        if let Either::Right(_) = future::select(quiet, patience).await {
            tracing::warn!(%tool, workload = %id, "instances linger");
        }
    }
}
