//! What leaves in time: finished runs and one-off jobs from the collection, old runs from the history.

use jiff::Timestamp;

use crate::{Change, Error, JobName, JobType, Jobs, Run, RunName, RunQuery, ToolName, ToolState, Uid, clock};

/// Old runs are looked at in pages of this size.
const PAGE: usize = 100;

impl Jobs {
    /// When a finished run leaves.
    pub(super) fn leaves_at(&self, run: &Run) -> Option<Timestamp> {
        let finished = run.finished.filter(|_| run.live && !run.state.is_open())?;
        Some(clock::after(finished, self.inner.site.finished_job_ttl))
    }

    /// Lets finished runs leave whose time has come, and one-off jobs with their last run. Returns whose history grew.
    pub(super) async fn collect(&self, tool: &ToolName, state: &ToolState) -> Result<Vec<JobName>, Error> {
        let now = self.inner.clock.now();
        let over = |run: &&Run| self.leaves_at(run).is_some_and(|at| at <= now);
        let leaving: Vec<&Run> = state.runs.iter().filter(over).collect();
        let mut left: Vec<&Run> = Vec::new();
        for run in leaving {
            match self.remove(tool, &run.workload_id()).await {
                Ok(()) => left.push(run),
                // it stays until the engine lets go of it, and keeps nothing else from going on
                Err(error) => {
                    tracing::warn!(%tool, run = %run.name, error = error.operator(), "a finished run cannot leave yet");
                }
            }
        }
        let uids: Vec<Uid> = left.iter().map(|run| run.uid.clone()).collect();
        self.transact(tool, |state| Ok(((), leave(state, &uids)))).await?;
        Ok(left.iter().map(|run| run.job.clone()).collect())
    }

    /// Forgets what is too old, of every tool.
    pub(super) async fn prune_all(&self) -> Result<(), Error> {
        for tool in self.inner.repository.tools().await? {
            self.prune_pages(&tool, None).await?;
        }
        Ok(())
    }

    /// Forgets runs of a job beyond the number and the age that are kept.
    pub(super) async fn prune(&self, tool: &ToolName, job: &JobName) -> Result<(), Error> {
        self.prune_pages(tool, Some(job)).await
    }

    /// The number that is kept is of one job, the age is of all.
    async fn prune_pages(&self, tool: &ToolName, job: Option<&JobName>) -> Result<(), Error> {
        let site = &self.inner.site;
        let oldest = self.inner.clock.now().checked_sub(site.runs_age).unwrap_or(Timestamp::MIN);
        let mut seen = 0;
        let mut after = None;
        loop {
            let query = RunQuery { job: job.cloned(), after, limit: PAGE };
            let page = self.inner.repository.runs(tool, query).await?;
            let mut expired: Vec<RunName> = Vec::new();
            for run in &page {
                seen += 1;
                if !run.live && ((job.is_some() && seen > site.runs_kept) || run.created < oldest) {
                    expired.push(run.name.clone());
                }
            }
            after = page.last().map(|run| (run.created, run.name.clone()));
            if !expired.is_empty() {
                let deletions = |name: &RunName| Change::DeleteRun(name.clone());
                self.transact(tool, |_| Ok(((), expired.iter().map(deletions).collect()))).await?;
            }
            if page.len() < PAGE {
                return Ok(());
            }
        }
    }
}

/// The changes by which runs leave; a one-off leaves with the last of its runs.
fn leave(state: &ToolState, uids: &[Uid]) -> Vec<Change> {
    let leaving = |run: &&Run| uids.contains(&run.uid);
    let runs = state.runs.iter().filter(leaving);
    let mut changes: Vec<Change> =
        runs.map(|run| Change::PutRun(Box::new(Run { live: false, ..run.clone() }))).collect();
    for job in state.jobs.iter().filter(|job| job.definition.job_type == JobType::OneOff) {
        let mut runs = state.runs_of(&job.uid).peekable();
        if runs.peek().is_some() && runs.all(|run| uids.contains(&run.uid)) {
            changes.push(Change::DeleteJob(job.uid.clone()));
        }
    }
    changes
}
