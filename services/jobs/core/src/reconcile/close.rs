//! Records what has ended: runs, and jobs that were being deleted.

use engine::WorkloadId;

use super::judge::judge;
use crate::{Change, Error, Job, Jobs, Run, RunState, ToolName, ToolState};

impl Jobs {
    /// Records what the engine did with a tool's runs, forgets deleted jobs of which nothing runs, and lets a queued
    /// run begin when its job is idle.
    pub(crate) async fn close(&self, tool: &ToolName) -> Result<(), Error> {
        self.transact(tool, |state| {
            let mut now = state.clone();
            now.runs = state.runs.iter().map(|run| self.judged(run)).collect();
            let gone: Vec<Job> = now.jobs.iter().filter(|job| self.is_gone(job, &now)).cloned().collect();
            now.runs.iter_mut().filter(|run| gone.iter().any(|job| job.uid == run.job_uid)).for_each(leave);
            let next: Vec<Run> = now.jobs.iter().filter_map(|job| next_in_queue(&now, job)).collect();
            for run in next {
                now.runs.retain(|other| other.uid != run.uid);
                now.runs.push(run);
            }
            let changed = now.runs.into_iter().filter(|run| state.run_by_uid(run.uid.as_str()) != Some(run));
            let runs = changed.map(|run| Change::PutRun(Box::new(run)));
            Ok(((), runs.chain(gone.into_iter().map(|job| Change::DeleteJob(job.uid))).collect()))
        })
        .await
    }

    /// What is to end and has not yet been told to: of deleted jobs, and cancelled runs.
    pub(super) async fn to_end(&self, tool: &ToolName) -> Vec<WorkloadId> {
        let Ok(state) = self.inner.repository.load(tool).await else { return Vec::new() };
        let jobs = state.jobs.iter().filter(|job| !job.is_present() && !job.has_runs());
        let runs = state.runs.iter().filter(|run| run.state.is_open() && run.cancelled_at.is_some());
        let all = jobs.map(Job::workload_id).chain(runs.map(Run::workload_id));
        all.filter(|id| !self.is_removed(id)).collect()
    }

    /// Whether the engine has nothing of a workload, neither wanted nor running.
    fn is_removed(&self, id: &WorkloadId) -> bool {
        self.inner.board.applied(id).is_none() && self.inner.board.is_quiet(id)
    }

    fn judged(&self, run: &Run) -> Run {
        let id = run.workload_id();
        let instances = self.inner.board.history(&id);
        judge(run, &instances, self.is_removed(&id), self.inner.clock.now())
    }

    fn is_gone(&self, job: &Job, state: &ToolState) -> bool {
        !job.is_present()
            && (job.has_runs() || self.is_removed(&job.workload_id()))
            && state.runs_of(&job.uid).all(|run| !run.state.is_open())
    }
}

/// Runs of a job that is gone hold nothing any more.
fn leave(run: &mut Run) {
    run.live = false;
}

/// The oldest queued run of a job of which nothing else is open, about to begin.
fn next_in_queue(state: &ToolState, job: &Job) -> Option<Run> {
    let is_idle = !state.runs_of(&job.uid).any(|run| run.state.holds_resources());
    let queued = state.runs_of(&job.uid).filter(|run| run.state == RunState::Queued);
    let next = queued.filter(|run| run.cancelled_at.is_none()).min_by_key(|run| run.created)?;
    (is_idle && job.is_present()).then(|| Run { state: RunState::Pending, ..next.clone() })
}
