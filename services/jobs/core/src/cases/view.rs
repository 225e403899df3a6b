//! A job as users see it: definition, defaults, status.

use engine::{Condition, Image, ImageState, Instance, WorkloadId};
use jiff::Timestamp;

use super::Jobs;
use crate::cron::{Calendar, DueTimes as _};
use crate::{
    ActualSchedule, DefinitionInput, Facts, Job, LegacyStatus, NoSuchImage, Resolved, ResolvedImage, Run,
    Status, ToolState, Zone, out_of_date_text,
};

/// A job as users see it.
#[derive(Clone, Debug)]
pub struct JobView {
    /// The record.
    pub job: Job,
    /// Its definition with defaults.
    pub resolved: Resolved,
    /// Its status.
    pub status: Status,
    /// The older texts of it.
    pub legacy: LegacyStatus,
    /// The five fields of its schedule.
    pub schedule_actual: Option<String>,
    /// Its newest live run, of jobs that have runs.
    pub latest_run: Option<Run>,
    /// When this was so.
    pub seen: Timestamp,
}

impl JobView {
    /// What the user set, or that with every default filled in (contract 3.3).
    pub fn fields(&self, include_unset: bool) -> DefinitionInput {
        if include_unset { self.resolved.filled_fields(&self.job.definition) } else { self.job.set_fields() }
    }

    /// Whether the image should still be chosen.
    pub const fn image_state(&self) -> ImageState {
        self.resolved.image.state
    }

    /// How long the status has been so.
    pub fn duration(&self) -> String {
        self.status.duration(self.seen)
    }

    /// The warning that goes with it, if there is one.
    pub fn warning(&self) -> Option<String> {
        (!self.status.up_to_date).then(|| out_of_date_text(&self.job))
    }

    /// Whether it shows the same as another look at the same job; that time has passed does not count.
    pub fn shows_same(&self, other: &Self) -> bool {
        self.job == other.job
            && self.resolved == other.resolved
            && self.status == other.status
            && self.latest_run == other.latest_run
    }
}

/// What is known of a job at one moment.
#[derive(Debug)]
struct Gathered {
    runs: Vec<Run>,
    instances: Vec<Instance>,
    conditions: Vec<Condition>,
    up_to_date: bool,
}

impl Jobs {
    /// Resolves what was accepted once; an image that is gone is said to be unknown, and runs as long as it can.
    pub(crate) fn resolve(&self, job: &Job, catalogue: &[Image]) -> Resolved {
        let image =
            ResolvedImage::find(&job.definition.image, catalogue).unwrap_or_else(|NoSuchImage { .. }| {
                ResolvedImage::vanished(&job.definition.image, &job.image_url)
            });
        Resolved::fill(&job.definition, &job.tool, image, &self.inner.site)
    }

    /// The job as users see it.
    pub(crate) fn view(&self, job: &Job, state: &ToolState, catalogue: &[Image]) -> JobView {
        let now = self.inner.clock.now();
        let resolved = self.resolve(job, catalogue);
        let gathered = self.gather(job, state);
        let actual = job.definition.schedule.as_ref().map(|schedule| schedule.actual(&job.tool, job.name()));
        let next_schedule = actual.as_ref().and_then(|actual| due_times(job, actual).next_after(now));
        let facts = Facts {
            job,
            runs: &gathered.runs,
            instances: &gathered.instances,
            conditions: &gathered.conditions,
            replicas: resolved.replicas,
            up_to_date: gathered.up_to_date,
            next_schedule,
            now,
        };
        let status = Status::derive(&facts);
        let legacy = LegacyStatus::derive(&facts, &status);
        JobView {
            status,
            legacy,
            schedule_actual: actual.map(|actual| actual.to_string()),
            latest_run: gathered.runs.last().cloned(),
            job: job.clone(),
            resolved,
            seen: now,
        }
    }

    /// Whether a one-off has ended well, so that a new job may take its name.
    pub(crate) fn is_completed(&self, job: &Job, state: &ToolState) -> bool {
        self.view(job, state, &[]).legacy.is_completed()
    }

    fn gather(&self, job: &Job, state: &ToolState) -> Gathered {
        let mut runs: Vec<Run> = state.runs_of(&job.uid).cloned().collect();
        runs.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
        let workloads: Vec<WorkloadId> = if job.has_runs() {
            runs.iter().map(Run::workload_id).collect()
        } else {
            vec![job.workload_id()]
        };
        let board = &self.inner.board;
        let applied =
            |id: WorkloadId, generation| board.applied(&id).is_some_and(|known| known >= generation);
        let up_to_date = if job.has_runs() {
            runs.iter().all(|run| !run.state.holds_resources() || applied(run.workload_id(), run.generation))
        } else {
            applied(job.workload_id(), job.generation)
        };
        Gathered {
            instances: board.instances(&workloads),
            conditions: board.conditions(&workloads),
            runs,
            up_to_date,
        }
    }
}

/// The due times of a scheduled job.
pub(crate) fn calendar(job: &Job) -> Option<Calendar> {
    let schedule = job.definition.schedule.as_ref()?;
    Some(due_times(job, &schedule.actual(&job.tool, job.name())))
}

fn due_times(job: &Job, actual: &ActualSchedule) -> Calendar {
    Calendar::new(actual, job.definition.time_zone.as_ref().map(Zone::rules))
}
