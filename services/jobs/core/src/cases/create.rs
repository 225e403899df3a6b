//! Creating a job.

use engine::WorkloadId;
use jiff::Timestamp;

use super::transact::{Done, Request};
use super::{JobView, Jobs, Options, Prepared, starts_at_once};
use crate::{
    Change, DefinitionInput, Error, Footprint, Job, JobName, Outcome, Run, RunName, RunState, ToolName,
    ToolState, Trigger, Uid, Usage,
};

/// Identities and names for what is about to be made.
#[derive(Clone, Debug)]
pub(crate) struct Fresh {
    job: Uid,
    run: Uid,
    run_name: RunName,
    pub(crate) now: Timestamp,
}

/// A job that was committed.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) job: Job,
    /// The run it begins with, of jobs that start at once and have runs.
    pub(crate) run: Option<Run>,
    /// Workloads of the job it took the place of.
    pub(crate) replaced: Vec<WorkloadId>,
}

impl Jobs {
    /// Creates a job. A job of the same name is in the way unless it is a one-off that has completed. When the
    /// engine does not take it, nothing is left behind.
    pub async fn create(
        &self,
        tool: &ToolName,
        input: &DefinitionInput,
        options: &Options,
    ) -> Result<JobView, Error> {
        let request = Request::new(options, "create", input)?;
        let prepared = self.prepare(tool, input).await?;
        let fresh = self.fresh(tool, &prepared.definition.name).await?;
        let done = self
            .transact_request(tool, &request, |state| {
                let (made, changes) = self.make(state, tool, &prepared, &fresh)?;
                Ok((made, Outcome::Created(prepared.definition.name.clone()), changes))
            })
            .await?;
        match done {
            Done::Before(_) => self.get(tool, &prepared.definition.name).await,
            Done::Now(made) if options.validate_only => self.view_made(tool, &made).await,
            Done::Now(made) => {
                self.start_made(tool, &made, options).await?;
                self.view_made(tool, &made).await
            }
        }
    }

    /// Identities for a new job and its first run, and a name for that which no run ever had.
    pub(crate) async fn fresh(&self, tool: &ToolName, job: &JobName) -> Result<Fresh, Error> {
        let now = self.inner.clock.now();
        let run_name = self.free_run_name(tool, job, now).await?;
        Ok(Fresh { job: self.inner.ids.uid(), run: self.inner.ids.uid(), run_name, now })
    }

    /// The name of a run that is made now: the job's with the seconds, or the next number that is free.
    pub(crate) async fn free_run_name(
        &self,
        tool: &ToolName,
        job: &JobName,
        now: Timestamp,
    ) -> Result<RunName, Error> {
        let mut number = now.as_second();
        loop {
            let name = RunName::numbered(job, number);
            if self.inner.repository.run(tool, &name).await?.is_none() {
                return Ok(name);
            }
            number += 1;
        }
    }

    /// The checks and changes of a creation.
    pub(crate) fn make(
        &self,
        state: &ToolState,
        tool: &ToolName,
        prepared: &Prepared,
        fresh: &Fresh,
    ) -> Result<(Made, Vec<Change>), Error> {
        let definition = &prepared.definition;
        let old = state.job(&definition.name);
        if let Some(old) = old
            && (old.definition.job_type != crate::JobType::OneOff || !self.is_completed(old, state))
        {
            return Err(Error::JobExists(definition.name.clone()));
        }
        self.check_publish(state, tool, definition)?;
        let job = new_job(tool, prepared, fresh, 1);
        let run = first_run(&job, prepared, fresh);
        let replaced = old.map_or_else(Vec::new, |old| state.runs_of(&old.uid).collect());
        let jobs = state.jobs.iter().filter(|other| Some(&other.uid) != old.map(|old| &old.uid));
        let runs = state.runs.iter().filter(|run| !replaced.iter().any(|old| old.uid == run.uid));
        let before = Usage::of(state.jobs.iter(), state.runs.iter());
        let after = Usage::of(jobs.chain([&job]), runs.chain(run.as_ref()));
        self.check_quota(tool, &before, &after)?;
        let mut changes: Vec<Change> =
            old.map(|old| Change::DeleteJob(old.uid.clone())).into_iter().collect();
        let left = |run: &&Run| Change::PutRun(Box::new(Run { live: false, ..Run::clone(run) }));
        changes.extend(replaced.iter().map(left));
        changes.push(Change::PutJob(Box::new(job.clone())));
        changes.extend(run.clone().map(|run| Change::PutRun(Box::new(run))));
        let replaced = replaced.into_iter().map(Run::workload_id).collect();
        Ok((Made { job, run, replaced }, changes))
    }

    /// Tells the engine of a new job; takes the job back when the engine refuses it.
    pub(crate) async fn start_made(
        &self,
        tool: &ToolName,
        made: &Made,
        options: &Options,
    ) -> Result<(), Error> {
        for workload in &made.replaced {
            self.remove_or_warn(tool, workload).await;
        }
        let Err(refusal) = self.converge(tool, &made.job.uid).await else { return Ok(()) };
        tracing::warn!(%tool, job = %made.job.name(), error = refusal.operator(), "a new job is taken back");
        self.transact(tool, |state| {
            let job = state.job_by_uid(&made.job.uid).map(|job| Change::DeleteJob(job.uid.clone()));
            let run = made.run.as_ref().map(|run| Change::DeleteRun(run.name.clone()));
            let request = options.request_id.clone().map(Change::Forget);
            Ok(((), job.into_iter().chain(run).chain(request).collect()))
        })
        .await?;
        let workload = made.run.as_ref().map_or_else(|| made.job.workload_id(), Run::workload_id);
        self.remove_or_warn(tool, &workload).await;
        Err(refusal)
    }

    pub(crate) async fn view_made(&self, tool: &ToolName, made: &Made) -> Result<JobView, Error> {
        let mut state = self.inner.repository.load(tool).await?;
        // a job that was only validated, or is already over, is shown as it was made
        if state.job_by_uid(&made.job.uid).is_none() {
            state.runs.extend(made.run.clone());
        }
        let job = state.job_by_uid(&made.job.uid).cloned().unwrap_or_else(|| made.job.clone());
        Ok(self.views(&[&job], &state).await.swap_remove(0))
    }
}

/// The record of a new job.
pub(crate) fn new_job(tool: &ToolName, prepared: &Prepared, fresh: &Fresh, generation: u64) -> Job {
    let definition = prepared.definition.clone();
    let job_type = definition.job_type;
    Job {
        uid: fresh.job.clone(),
        tool: tool.clone(),
        generation,
        image_url: prepared.resolved.image.url.clone(),
        footprint: if job_type.is_always() { prepared.resolved.footprint(job_type) } else { Footprint::NONE },
        created: fresh.now,
        updated: fresh.now,
        restarted_at: None,
        scheduled_until: fresh.now,
        last_scheduled: None,
        deleting: None,
        definition,
    }
}

fn first_run(job: &Job, prepared: &Prepared, fresh: &Fresh) -> Option<Run> {
    let starts = job.has_runs() && starts_at_once(job.definition.job_type);
    starts.then(|| {
        let mut run = new_run(job, &prepared.resolved, fresh.run.clone(), fresh.run_name.clone(), fresh.now);
        run.trigger = Trigger::Created;
        run
    })
}

/// The record of a run that is about to start.
pub(crate) fn new_run(
    job: &Job,
    resolved: &crate::Resolved,
    uid: Uid,
    name: RunName,
    created: Timestamp,
) -> Run {
    Run {
        uid,
        name,
        tool: job.tool.clone(),
        job: job.name().clone(),
        job_uid: job.uid.clone(),
        generation: job.generation,
        trigger: Trigger::Manual,
        state: RunState::Pending,
        command: job.definition.cmd.clone(),
        env: Vec::new(),
        retries: resolved.retry,
        stdin: false,
        footprint: resolved.footprint(job.definition.job_type),
        live: true,
        created,
        started: None,
        finished: None,
        attempts: 0,
        exit_code: None,
        message: None,
        cancelled_at: None,
    }
}
