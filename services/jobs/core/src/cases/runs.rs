//! Runs as resources of their own: list, look, watch, cancel, attach, run now.

use engine::{Attachment, InstanceId, WorkloadId};
use futures_core::stream::BoxStream;
use futures_util::stream;
use jiff::Timestamp;

use super::create::new_run;
use super::restart::unused;
use super::transact::{Done, Request};
use super::{Jobs, Options};
use crate::quoted::Quoted;
use crate::{
    Change, Error, Job, JobName, Outcome, Run, RunName, RunQuery, ToolName, ToolState, Usage, Violations,
    shell,
};

/// The most runs in one page.
const PAGE_MAX: usize = 1000;
/// The most variables that a run may be given, and the longest of them in bytes.
const ENV_MAX: usize = 100;
const ENV_TEXT_MAX: usize = 32 * 1024;

/// What a single run does differently from its job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunOverrides {
    /// Instead of the job's command.
    pub command: Option<String>,
    /// After the command, a word each.
    pub args: Vec<String>,
    /// Environment beside the job's.
    pub env: Vec<(String, String)>,
    /// Keep standard input open for somebody to attach.
    pub stdin: bool,
}

/// Some runs, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPage {
    /// The runs.
    pub runs: Vec<Run>,
    /// Where the next page begins, if there is one.
    pub next: Option<(Timestamp, RunName)>,
}

/// What becomes of a run; ends when the run has ended.
pub type RunEvents = BoxStream<'static, Result<Run, Error>>;

impl Jobs {
    /// Runs a job now, beside whatever runs of it.
    pub async fn run_now(
        &self,
        tool: &ToolName,
        name: &JobName,
        overrides: &RunOverrides,
        options: &Options,
    ) -> Result<Run, Error> {
        check_overrides(overrides)?;
        let now = self.inner.clock.now();
        let request = Request::new(options, "run", &(name, overrides))?;
        let (uid, run_name) = (self.inner.ids.uid(), self.free_run_name(tool, name, now).await?);
        let catalogue = self.catalogue().await?;
        let done = self
            .transact_request(tool, &request, |state| {
                let job = state.job(name).ok_or_else(|| Error::JobNotFound(name.clone()))?;
                super::transact::check_etag(options, job)?;
                if !job.has_runs() {
                    return Err(Error::NoRuns(name.clone()));
                }
                let run_name = unused(state, run_name.clone(), now);
                let run = new_run(job, &self.resolve(job, &catalogue), uid.clone(), run_name, now);
                let run = self.overridden(state, job, run, overrides)?;
                let change = Change::PutRun(Box::new(run.clone()));
                Ok((run.clone(), Outcome::Run(run.name), vec![change]))
            })
            .await?;
        match done {
            Done::Before(Outcome::Run(run)) => self.get_run(tool, &run).await,
            Done::Before(_) => Err(Error::RequestIdReused),
            Done::Now(run) if options.validate_only => Ok(run),
            Done::Now(run) => self.start_run(tool, run, options).await,
        }
    }

    fn overridden(
        &self,
        state: &ToolState,
        job: &Job,
        mut run: Run,
        overrides: &RunOverrides,
    ) -> Result<Run, Error> {
        if let Some(command) = &overrides.command {
            run.command = Some(command.clone());
        }
        for arg in &overrides.args {
            let command = run.command.get_or_insert_default();
            command.push(' ');
            command.push_str(&shell::quote(arg));
        }
        run.env.clone_from(&overrides.env);
        run.stdin = overrides.stdin;
        let before = Usage::of(state.jobs.iter(), state.runs.iter());
        let after = Usage::of(state.jobs.iter(), state.runs.iter().chain([&run]));
        self.check_quota(&job.tool, &before, &after)?;
        Ok(run)
    }

    /// Tells the engine of a run that was committed; takes it back when the engine refuses.
    async fn start_run(&self, tool: &ToolName, run: Run, options: &Options) -> Result<Run, Error> {
        let Err(refusal) = self.converge(tool, &run.job_uid).await else { return Ok(run) };
        self.transact(tool, |_| {
            let request = options.request_id.clone().map(Change::Forget);
            Ok(((), std::iter::once(Change::DeleteRun(run.name.clone())).chain(request).collect()))
        })
        .await?;
        self.remove_or_warn(tool, &run.workload_id()).await;
        Err(refusal)
    }

    /// One run.
    pub async fn get_run(&self, tool: &ToolName, name: &RunName) -> Result<Run, Error> {
        let run = self.inner.repository.run(tool, name).await?;
        run.ok_or_else(|| Error::RunNotFound(name.clone()))
    }

    /// Runs of a tool or of one job, past ones included, the newest first; at most `limit` and never over 1000.
    pub async fn list_runs(
        &self,
        tool: &ToolName,
        job: Option<&JobName>,
        limit: usize,
        after: Option<(Timestamp, RunName)>,
    ) -> Result<RunPage, Error> {
        let limit = limit.clamp(1, PAGE_MAX);
        let query = RunQuery { job: job.cloned(), after, limit: limit + 1 };
        let mut runs = self.inner.repository.runs(tool, query).await?;
        let is_more = runs.len() > limit;
        runs.truncate(limit);
        let last = runs.last().filter(|_| is_more);
        let next = last.map(|run| (run.created, run.name.clone()));
        Ok(RunPage { runs, next })
    }

    /// A run as it is and as it changes, until it has ended.
    pub fn watch_run(&self, tool: &ToolName, name: &RunName) -> RunEvents {
        let changed = self.inner.board.subscribe(tool);
        let watch =
            WatchRun { changed, jobs: self.clone(), tool: tool.clone(), name: name.clone(), told: None };
        Box::pin(stream::try_unfold(watch, WatchRun::next))
    }

    /// Ends a run; returns it once it has ended, or as it is after the patience of a deletion.
    pub async fn cancel(&self, tool: &ToolName, name: &RunName) -> Result<Run, Error> {
        let now = self.inner.clock.now();
        self.get_run(tool, name).await?;
        let run = self
            .transact(tool, |state| {
                let run = state.runs.iter().find(|run| run.name == *name && run.state.is_open());
                let run = run.ok_or_else(|| Error::RunNotOpen(name.clone()))?;
                let run = Run { cancelled_at: run.cancelled_at.or(Some(now)), ..run.clone() };
                Ok((run.clone(), vec![Change::PutRun(Box::new(run))]))
            })
            .await?;
        self.end_runs(tool, &[run]).await?;
        self.get_run(tool, name).await
    }

    /// Connects to the standard streams of what executes a run, or the newest live run of a job.
    pub async fn attach(&self, tool: &ToolName, name: &RunName) -> Result<Attachment, Error> {
        let run = self.get_run(tool, name).await?;
        let instance = self.running_instance(&run.workload_id());
        let instance = instance.ok_or_else(|| Error::RunNotOpen(name.clone()))?;
        self.inner.engine.attach(&instance).await.map_err(Error::of_engine)
    }

    fn running_instance(&self, workload: &WorkloadId) -> Option<InstanceId> {
        let instances = self.inner.board.instances(std::slice::from_ref(workload));
        instances.into_iter().find(|instance| !instance.is_finished()).map(|instance| instance.id)
    }

    /// Ends runs that are marked, waits for it within the patience of a deletion, and records it.
    pub(crate) async fn end_runs(&self, tool: &ToolName, runs: &[Run]) -> Result<(), Error> {
        let ends = runs.iter().filter(|run| run.state.was_started()).map(|run| async {
            self.remove(tool, &run.workload_id()).await?;
            self.wait_quiet(tool, &run.workload_id()).await;
            Ok::<(), Error>(())
        });
        futures_util::future::try_join_all(ends).await?;
        self.close(tool).await
    }
}

fn check_overrides(overrides: &RunOverrides) -> Result<(), Violations> {
    let mut wrong = Violations::default();
    let texts = overrides.command.iter().chain(&overrides.args);
    if texts.clone().any(|text| text.contains('\0')) {
        wrong.add_schema("args", "The command and its arguments can't contain a null character");
    }
    if texts.map(String::len).sum::<usize>() > 100 * 1024 {
        wrong.add_schema("args", "The command with its arguments can't be longer than 100 KiB");
    }
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    for (name, value) in &overrides.env {
        if !is_name(name) || name.len() + value.len() > ENV_TEXT_MAX || value.contains('\0') {
            wrong.add_schema("env", format!("Invalid environment variable {}", Quoted(name)));
        }
    }
    if overrides.env.len() > ENV_MAX {
        wrong.add_schema(
            "env",
            format!("A run can't have more than {ENV_MAX} environment variables of its own"),
        );
    }
    wrong.into_result(())
}

#[derive(Debug)]
struct WatchRun {
    changed: tokio::sync::watch::Receiver<u64>,
    jobs: Jobs,
    tool: ToolName,
    name: RunName,
    told: Option<Run>,
}

impl WatchRun {
    async fn next(mut self) -> Result<Option<(Run, Self)>, Error> {
        loop {
            if self.told.as_ref().is_some_and(|run| !run.state.is_open()) {
                return Ok(None);
            }
            self.changed.mark_unchanged();
            let run = self.jobs.get_run(&self.tool, &self.name).await?;
            if self.told.as_ref() != Some(&run) {
                self.told = Some(run.clone());
                return Ok(Some((run, self)));
            }
            // the sender lives as long as the service, which this holds
            if self.changed.changed().await.is_err() {
                return Ok(None);
            }
        }
    }
}
