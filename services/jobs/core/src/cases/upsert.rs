//! Creating or changing a job, only if anything is to be changed (contract 3.11).

use super::create::{Fresh, Made, new_job};
use super::delete::mark_deleted;
use super::transact::{Done, Request, check_etag};
use super::{JobView, Jobs, Options, Prepared};
use crate::{
    Change, Definition, DefinitionInput, Error, Job, JobType, Outcome, ToolName, ToolState, Uid, Usage,
};

/// What an upsert did.
#[derive(Clone, Debug)]
pub struct Upserted {
    /// Whether it did anything.
    pub changed: bool,
    /// What, in the contract's words.
    pub text: String,
    /// The job as it is now; none for one-off jobs, which cannot be updated.
    pub job: Option<JobView>,
}

/// What is to be done.
#[derive(Debug)]
enum Plan {
    Create(Box<Made>),
    /// The definition changed; the former one, for when the engine refuses the new one.
    Update {
        uid: Uid,
        former: Box<Job>,
    },
    /// The type changed: a new job takes the place.
    Replace {
        uid: Uid,
    },
    /// Perhaps the engine has an older definition.
    Look {
        uid: Uid,
    },
}

impl Jobs {
    /// Creates the job, changes it, or finds that it is already so. Only what the user set is compared.
    pub async fn upsert(
        &self,
        tool: &ToolName,
        input: &DefinitionInput,
        options: &Options,
    ) -> Result<Upserted, Error> {
        let request = Request::new(options, "upsert", input)?;
        if Definition::parse(input)?.job_type == JobType::OneOff {
            let text = "OneOffJobs can't be updated, delete and recreate it instead".to_owned();
            return Ok(Upserted { changed: false, text, job: None });
        }
        let prepared = self.prepare(tool, input).await?;
        let name = prepared.definition.name.clone();
        let fresh = self.fresh(tool, &name).await?;
        let done = self
            .transact_request(tool, &request, |state| {
                let (plan, changes) = self.plan_upsert(state, tool, &prepared, &fresh, options)?;
                let (changed, text) = self.outcome(&plan, state, &prepared);
                let outcome = Outcome::Upserted { changed, text: text.clone() };
                Ok(((plan, changed, text), outcome, changes))
            })
            .await?;
        let (changed, text) = match done {
            Done::Before(Outcome::Upserted { changed, text }) => (changed, text),
            Done::Before(_) => return Err(Error::RequestIdReused),
            Done::Now((plan, changed, text)) => {
                if options.validate_only {
                    return Ok(Upserted { changed, text, job: None });
                }
                if changed {
                    self.carry_out(tool, plan, options).await?;
                }
                (changed, text)
            }
        };
        Ok(Upserted { changed, text, job: Some(self.get(tool, &name).await?) })
    }

    fn outcome(&self, plan: &Plan, state: &ToolState, prepared: &Prepared) -> (bool, String) {
        let name = &prepared.definition.name;
        match plan {
            Plan::Create(_) => (true, format!("Job {name} created in storage and runtime")),
            Plan::Update { .. } | Plan::Replace { .. } => {
                (true, format!("Job {name} was updated in storage and runtime"))
            }
            Plan::Look { uid } if self.is_behind(state, uid) => {
                (true, format!("Job {name} was updated in runtime only"))
            }
            Plan::Look { .. } => (false, format!("Job {name} is already up to date")),
        }
    }

    /// Whether the engine has another definition than the record.
    fn is_behind(&self, state: &ToolState, uid: &Uid) -> bool {
        state.job_by_uid(uid).is_some_and(|job| {
            !job.has_runs() && self.inner.board.applied(&job.workload_id()) != Some(job.generation)
        })
    }

    fn plan_upsert(
        &self,
        state: &ToolState,
        tool: &ToolName,
        prepared: &Prepared,
        fresh: &Fresh,
        options: &Options,
    ) -> Result<(Plan, Vec<Change>), Error> {
        let definition = &prepared.definition;
        let old = state.job(&definition.name);
        let unfinished =
            |old: &&Job| old.definition.job_type != JobType::OneOff || !self.is_completed(old, state);
        let Some(old) = old.filter(unfinished) else {
            let (made, changes) = self.make(state, tool, prepared, fresh)?;
            return Ok((Plan::Create(Box::new(made)), changes));
        };
        check_etag(options, old)?;
        if old.is_defined_as(definition) {
            return Ok((Plan::Look { uid: old.uid.clone() }, Vec::new()));
        }
        if old.definition.job_type == JobType::OneOff {
            return Err(Error::JobExists(definition.name.clone()));
        }
        self.check_publish(state, tool, definition)?;
        let is_same_type = old.definition.job_type == definition.job_type;
        let new = if is_same_type {
            changed_job(old, prepared, fresh)
        } else {
            new_job(tool, prepared, fresh, old.generation + 1)
        };
        let others = state.jobs.iter().filter(|job| job.uid != old.uid);
        let before = Usage::of(state.jobs.iter(), state.runs.iter());
        let after = Usage::of(others.chain([&new]), state.runs.iter());
        self.check_quota(tool, &before, &after)?;
        let uid = new.uid.clone();
        let put = Change::PutJob(Box::new(new));
        if is_same_type {
            return Ok((Plan::Update { uid, former: Box::new(old.clone()) }, vec![put]));
        }
        let mut changes = mark_deleted(state, old, fresh.now);
        changes.push(put);
        Ok((Plan::Replace { uid }, changes))
    }

    async fn carry_out(&self, tool: &ToolName, plan: Plan, options: &Options) -> Result<(), Error> {
        match plan {
            Plan::Create(made) => self.start_made(tool, &made, options).await,
            // what it takes the place of is being deleted, which the reconciler finishes
            Plan::Replace { uid } | Plan::Look { uid } => self.converge(tool, &uid).await,
            Plan::Update { uid, former } => {
                let Err(refusal) = self.converge(tool, &uid).await else { return Ok(()) };
                self.take_back(tool, &former, options).await?;
                Err(refusal)
            }
        }
    }

    /// The engine does not take the new definition: the former one is in force again.
    async fn take_back(&self, tool: &ToolName, former: &Job, options: &Options) -> Result<(), Error> {
        self.transact(tool, |state| {
            let current = state.job_by_uid(&former.uid).filter(|job| job.is_present());
            let restored =
                current.map(|current| Job { generation: current.generation + 1, ..former.clone() });
            let request = options.request_id.clone().map(Change::Forget);
            let job = restored.map(|job| Change::PutJob(Box::new(job)));
            Ok(((), job.into_iter().chain(request).collect()))
        })
        .await?;
        self.converge(tool, &former.uid).await
    }
}

/// The record of a job with a new definition. A schedule that is new, or in force again, counts from now.
fn changed_job(old: &Job, prepared: &Prepared, fresh: &Fresh) -> Job {
    let made = new_job(&old.tool, prepared, fresh, old.generation + 1);
    let timing = |definition: &Definition| {
        (definition.schedule.clone(), definition.time_zone.clone(), definition.suspended.unwrap_or(false))
    };
    let is_same_timing = timing(&old.definition) == timing(&made.definition);
    Job {
        uid: old.uid.clone(),
        created: old.created,
        restarted_at: old.restarted_at,
        last_scheduled: old.last_scheduled,
        // never back, whatever the clock does: no due time comes twice
        scheduled_until: if is_same_timing {
            old.scheduled_until
        } else {
            made.scheduled_until.max(old.scheduled_until)
        },
        ..made
    }
}
