//! Starts what is due. The run and the advance of the schedule are one commit: one record for each due time.

use engine::Image;
use jiff::Timestamp;

use super::due::{Decision, Open, plan};
use crate::cases::{calendar, new_run};
use crate::cron::DueTimes as _;
use crate::{
    Change, Error, Job, JobName, JobType, Jobs, Run, RunName, RunState, SkipReason, ToolName, ToolState,
    Trigger, Uid, Usage,
};

impl Jobs {
    /// Records every due time that has passed, and what becomes of it. Returns the jobs that had any.
    pub(super) async fn schedule(&self, tool: &ToolName, state: &ToolState) -> Result<Vec<JobName>, Error> {
        let now = self.inner.clock.now();
        let is_due = |job: &Job| next_due(job).is_some_and(|due| due <= now);
        if !state.jobs.iter().any(is_due) {
            return Ok(Vec::new());
        }
        let catalogue = self.catalogue().await?;
        self.transact(tool, |state| {
            let mut usage = Usage::of(state.jobs.iter(), state.runs.iter());
            let mut changes = Vec::new();
            let mut names = Vec::new();
            for job in state.jobs.iter().filter(|job| is_due(job)) {
                names.push(job.name().clone());
                changes.extend(self.schedule_job(state, job, &catalogue, now, &mut usage));
            }
            Ok((names, changes))
        })
        .await
    }

    fn schedule_job(
        &self,
        state: &ToolState,
        job: &Job,
        catalogue: &[Image],
        now: Timestamp,
        usage: &mut Usage,
    ) -> Vec<Change> {
        let Some(calendar) = calendar(job) else { return Vec::new() };
        let due = plan(job, &calendar, now, open(state, &job.uid));
        let Some((last, _)) = due.last() else { return Vec::new() };
        let mut advanced = Job { scheduled_until: *last, ..job.clone() };
        let mut changes = Vec::new();
        let resolved = self.resolve(job, catalogue);
        for (due, decision) in due {
            let number = due.as_second().div_euclid(60);
            let name = RunName::numbered(job.name(), number);
            let mut run = new_run(job, &resolved, Uid(format!("{}-{number}", job.uid)), name, now);
            run.trigger = Trigger::Schedule { due };
            let ended = if decision == Decision::Replace { open_runs(state, &job.uid) } else { Vec::new() };
            self.decide(&mut run, decision, &ended, usage);
            if run.state.is_open() {
                advanced.last_scheduled = Some(due);
                changes.extend(ended.into_iter().map(|run| cancelled(run, now)));
            }
            changes.push(Change::PutRun(Box::new(run)));
        }
        changes.push(Change::PutJob(Box::new(advanced)));
        changes
    }

    /// `ended`: the open runs that end in favour of this one.
    fn decide(&self, run: &mut Run, decision: Decision, ended: &[&Run], usage: &mut Usage) {
        run.state = match decision {
            Decision::Start | Decision::Replace if self.takes(run, ended, usage) => RunState::Pending,
            Decision::Queue if self.takes(run, ended, usage) => RunState::Queued,
            Decision::Start | Decision::Replace | Decision::Queue => RunState::Skipped(SkipReason::Quota),
            Decision::Missed => RunState::Missed,
            Decision::Skip(reason) => RunState::Skipped(reason),
        };
        run.live = run.state.is_open();
    }

    /// Takes the run's share of the quota, if there is as much.
    fn takes(&self, run: &Run, ended: &[&Run], usage: &mut Usage) -> bool {
        let mut after = *usage;
        after.jobs += 1;
        for run in ended {
            after.release(run.footprint);
        }
        after.hold(run.footprint);
        let fits = after.exceeded(usage, &self.limits(&run.tool)).is_empty();
        if fits {
            *usage = after;
        }
        fits
    }
}

/// When a job is due next, counted from what was dealt with.
pub(super) fn next_due(job: &Job) -> Option<Timestamp> {
    if job.definition.job_type != JobType::Scheduled || !job.is_present() {
        return None;
    }
    calendar(job)?.next_after(job.scheduled_until)
}

fn open(state: &ToolState, job: &Uid) -> Open {
    let open = open_runs(state, job);
    let queued = open.iter().filter(|run| run.state == RunState::Queued).count();
    Open { running: open.len() - queued, queued }
}

fn open_runs<'a>(state: &'a ToolState, job: &'a Uid) -> Vec<&'a Run> {
    state.runs_of(job).filter(|run| run.state.is_open()).collect()
}

fn cancelled(run: &Run, now: Timestamp) -> Change {
    Change::PutRun(Box::new(Run { cancelled_at: run.cancelled_at.or(Some(now)), ..run.clone() }))
}
