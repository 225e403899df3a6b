//! Restarting a job (contract 3.11).

use jiff::Timestamp;

use super::create::new_run;
use super::transact::{Done, Request, check_etag};
use super::{Jobs, Options};
use crate::{
    Change, Error, Job, JobName, JobType, Outcome, Run, RunName, ToolName, ToolState, Trigger, Uid, Usage,
};

/// What a restart begins with.
#[derive(Debug)]
struct Restart {
    job: Uid,
    /// Runs that are to end before the new one begins.
    ended: Vec<Run>,
}

impl Jobs {
    /// Restarts a job that always runs, by replacing its instances; or ends what runs of a scheduled job and runs it
    /// now. A one-off cannot be restarted.
    pub async fn restart(&self, tool: &ToolName, name: &JobName, options: &Options) -> Result<(), Error> {
        let now = self.inner.clock.now();
        let request = Request::new(options, "restart", name)?;
        let run = (self.inner.ids.uid(), self.free_run_name(tool, name, now).await?);
        let catalogue = self.catalogue().await?;
        let done = self
            .transact_request(tool, &request, |state| {
                let job = state.job(name).ok_or_else(|| Error::JobNotFound(name.clone()))?;
                check_etag(options, job)?;
                let (restart, changes) = match job.definition.job_type {
                    JobType::OneOff => return Err(Error::RestartOneOff),
                    JobType::Scheduled => {
                        let resolved = self.resolve(job, &catalogue);
                        let fresh = new_run(job, &resolved, run.0.clone(), run.1.clone(), now);
                        self.restart_scheduled(state, job, fresh, now)?
                    }
                    JobType::Continuous | JobType::Webservice => restart_always(job, now),
                };
                Ok((restart, Outcome::Restarted, changes))
            })
            .await?;
        match done {
            Done::Now(restart) if !options.validate_only => {
                self.end_runs(tool, &restart.ended).await?;
                self.converge(tool, &restart.job).await
            }
            _ => Ok(()),
        }
    }

    fn restart_scheduled(
        &self,
        state: &ToolState,
        job: &Job,
        fresh: Run,
        now: Timestamp,
    ) -> Result<(Restart, Vec<Change>), Error> {
        let run = Run { trigger: Trigger::Restart, name: unused(state, fresh.name.clone(), now), ..fresh };
        let ended: Vec<Run> = state
            .runs_of(&job.uid)
            .filter(|run| run.state.is_open())
            .map(|run| Run { cancelled_at: run.cancelled_at.or(Some(now)), ..run.clone() })
            .collect();
        let others = state.runs.iter().filter(|run| !ended.iter().any(|old| old.uid == run.uid));
        let before = Usage::of(state.jobs.iter(), state.runs.iter());
        let after = Usage::of(state.jobs.iter(), others.chain([&run]));
        self.check_quota(&job.tool, &before, &after)?;
        let restarted = Job { restarted_at: Some(now), ..job.clone() };
        let mut changes = vec![Change::PutJob(Box::new(restarted)), Change::PutRun(Box::new(run))];
        changes.extend(ended.iter().map(|run| Change::PutRun(Box::new(run.clone()))));
        Ok((Restart { job: job.uid.clone(), ended }, changes))
    }
}

fn restart_always(job: &Job, now: Timestamp) -> (Restart, Vec<Change>) {
    let restarted = Job { restarted_at: Some(now), ..job.clone() };
    let restart = Restart { job: job.uid.clone(), ended: Vec::new() };
    (restart, vec![Change::PutJob(Box::new(restarted))])
}

/// The name, or the next one that no live run of the tool has: two runs made in one second are told apart.
pub(crate) fn unused(state: &ToolState, name: RunName, now: Timestamp) -> RunName {
    let taken = |name: &RunName| state.runs.iter().any(|run| run.name == *name);
    let Some((job, _)) = name.as_str().rsplit_once('-').filter(|_| taken(&name)) else { return name };
    let Ok(job) = JobName::parse(job) else { return name };
    let numbers = std::iter::successors(Some(now.as_second()), |number| number.checked_add(1));
    numbers.map(|number| RunName::numbered(&job, number)).find(|name| !taken(name)).unwrap_or(name)
}
