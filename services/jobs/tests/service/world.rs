//! A server that runs, and calls to it as anybody.

use std::sync::Arc;
use std::time::Duration;

use api::jobs::v1::images_client::ImagesClient;
use api::jobs::v1::jobs_client::JobsClient;
use api::jobs::v1::quotas_client::QuotasClient;
use api::jobs::v1::runs_client::RunsClient;
use api::jobs::v1::status_client::StatusClient;
use api::jobs::v1::{
    CreateJobRequest, GetJobRequest, GetRunRequest, Job, JobSpec, JobType, ListRunsRequest, Run, RunState,
};
use api::logs::v1::logs_client::LogsClient;
use engine::Command;
use engine::memory::{ManualClock, Memory, Options, Script};
use futures_util::StreamExt as _;
use jobs_core::{Cpu, Jobs, Limits, Ports, Site};
use mesh::client::{Channel, Endpoint};
use mesh::drain::Drain;
use mesh::identity::Principal;
use mesh::memory::{self, Connector};
use mesh::serve::{Listener, Server};
use mesh::status::Problem;
use tonic::{Code, Status, Streaming};

use crate::faults::Faulty;
use crate::time::{Random, Time};

/// Looks that are taken until something must be so; each lets everything else go on.
const LOOKS: usize = 2000;

pub(crate) struct World {
    pub(crate) engine: Memory,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) records: Arc<Faulty>,
    connector: Connector,
    drain: Drain,
    service: tokio::task::JoinHandle<()>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let limits = Limits { cpu: Cpu::millis(64_000), pods: 40, ..Limits::default() };
        Self::with(Site { limits, ..Site::default() }).await
    }

    pub(crate) async fn with(site: Site) -> Self {
        let clock = Arc::new(ManualClock::new("2026-11-23T10:00:05Z".parse().unwrap()));
        let choose =
            Box::new(|workload: &engine::Workload, _: u32| Script::of(&without_files(&workload.command)));
        let engine = Memory::with(&clock, Options { choose, ..Options::default() });
        let time = Time::of(&clock);
        let records = jobs::Records::new(Arc::new(store::memory::Memory::default()));
        let records = Arc::new(Faulty::new(records));
        let ports = Ports {
            repository: records.clone(),
            engine: Arc::new(engine.clone()),
            clock: time.clone(),
            ids: Arc::new(Random),
        };
        let jobs = Jobs::new(ports, site);
        let metrics = Arc::new(|| "jobs_total 1\n".to_owned());
        let services = jobs::service(jobs::Deps { jobs: jobs.clone(), clock: time, metrics });
        let server = Server::builder(services).descriptors(api::JOBS_DESCRIPTORS).build().unwrap();
        let (listener, connector) = memory::pair(Principal::Anonymous);
        let drain = Drain::new();
        tokio::spawn(server.serve(vec![Listener::memory(listener)], drain.clone()));
        let service = tokio::spawn(async move { jobs.run().await });
        // The service has looked at everything once.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        Self { engine, clock, records, connector, drain, service }
    }

    /// A channel of this caller.
    pub(crate) fn channel(&self, caller: &str) -> Channel {
        let connector = self.connector.identified_as(caller.parse().unwrap());
        Channel::new(Endpoint::memory(connector))
    }

    /// Jobs as the tool `alpha`.
    pub(crate) fn jobs(&self) -> JobsClient<Channel> {
        self.jobs_as("tool:alpha")
    }

    pub(crate) fn jobs_as(&self, caller: &str) -> JobsClient<Channel> {
        JobsClient::new(self.channel(caller))
    }

    pub(crate) fn runs(&self) -> RunsClient<Channel> {
        RunsClient::new(self.channel("tool:alpha"))
    }

    pub(crate) fn logs(&self) -> LogsClient<Channel> {
        LogsClient::new(self.channel("tool:alpha"))
    }

    pub(crate) fn images(&self, caller: &str) -> ImagesClient<Channel> {
        ImagesClient::new(self.channel(caller))
    }

    pub(crate) fn quotas(&self, caller: &str) -> QuotasClient<Channel> {
        QuotasClient::new(self.channel(caller))
    }

    pub(crate) fn status(&self) -> StatusClient<Channel> {
        StatusClient::new(self.channel("anonymous"))
    }

    pub(crate) async fn create(&self, job: JobSpec) -> Result<Job, Status> {
        let request =
            CreateJobRequest { tool: "alpha".into(), job: Some(job), ..CreateJobRequest::default() };
        Ok(self.jobs().create_job(request).await?.into_inner().job.unwrap())
    }

    pub(crate) async fn get(&self, name: &str) -> Result<Job, Status> {
        let request = GetJobRequest { tool: "alpha".into(), name: name.into(), include_unset: None };
        Ok(self.jobs().get_job(request).await?.into_inner().job.unwrap())
    }

    /// The newest run of a job.
    pub(crate) async fn run_of(&self, job: &str) -> Run {
        let request =
            ListRunsRequest { tool: "alpha".into(), job: Some(job.into()), ..ListRunsRequest::default() };
        self.runs().list_runs(request).await.unwrap().into_inner().runs.remove(0)
    }

    pub(crate) async fn run(&self, name: &str) -> Run {
        let request = GetRunRequest { tool: "alpha".into(), name: name.into() };
        self.runs().get_run(request).await.unwrap().into_inner().run.unwrap()
    }

    /// The newest run of a job, once it is so.
    pub(crate) async fn run_in(&self, job: &str, state: RunState) -> Run {
        self.until(async || {
            let run = self.run_of(job).await;
            (run.state() == state).then_some(run)
        })
        .await
    }

    /// Looks until something is there, letting no time pass.
    pub(crate) async fn until<T>(&self, look: impl AsyncFn() -> Option<T>) -> T {
        for _ in 0..LOOKS {
            if let Some(found) = look().await {
                return found;
            }
            tokio::task::yield_now().await;
        }
        panic!("it never became so");
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.drain.stop();
        self.service.abort();
    }
}

/// The pretended processes know no redirects.
fn without_files(command: &Command) -> Command {
    match command {
        Command::Shell(text) if text.starts_with("exec 1>>") => {
            Command::Shell(text.splitn(3, ';').nth(2).unwrap_or_default().to_owned())
        }
        other => other.clone(),
    }
}

/// A one-off that writes no files.
pub(crate) fn one_off(name: &str, cmd: &str) -> JobSpec {
    JobSpec {
        name: Some(name.into()),
        imagename: Some("bookworm".into()),
        cmd: Some(cmd.into()),
        filelog: Some(false),
        ..JobSpec::default()
    }
}

pub(crate) fn continuous(name: &str) -> JobSpec {
    JobSpec { job_type: Some(JobType::Continuous.into()), ..one_off(name, "sleep infinity") }
}

pub(crate) fn scheduled(name: &str, cmd: &str) -> JobSpec {
    JobSpec { schedule: Some("17 3 * * *".into()), ..one_off(name, cmd) }
}

/// The next of a stream, which must be there.
pub(crate) async fn next<T>(stream: &mut Streaming<T>) -> Result<T, Status> {
    stream.next().await.expect("the stream ended")
}

/// A refusal as whoever shows it reads it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: Code,
    pub(crate) reason: String,
    pub(crate) http: Option<u16>,
    pub(crate) fields: Vec<String>,
    pub(crate) message: String,
}

impl Refused {
    pub(crate) fn by<T: std::fmt::Debug>(result: Result<T, Status>) -> Self {
        let problem = Problem::read(&result.unwrap_err());
        if !problem.reason.is_empty() {
            assert_eq!(problem.domain, "jobs.toolforge");
        }
        Self {
            http: problem.chosen_http_status(),
            code: problem.code,
            reason: problem.reason,
            fields: problem.violations.into_iter().map(|(field, _)| field).collect(),
            message: problem.message,
        }
    }

    /// Code, reason, chosen HTTP status and fields.
    pub(crate) fn parts(&self) -> (Code, &str, Option<u16>, Vec<&str>) {
        (self.code, &self.reason, self.http, self.fields.iter().map(String::as_str).collect())
    }
}
