//! The service over memory, with a clock that only the test moves.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use engine::memory::{ManualClock, Memory, Options as EngineOptions, Script, Timed};
use engine::{Clock as _, Command};
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::crashes::{Fuse, FusedEngine, FusedRepository};
use super::{catalogue, moment, tool};
use crate::{
    Clock, Cpu, Error, Ids, JobName, JobView, Jobs, Limits, MemoryRepository, Options, Ports,
    Repository as _, Run, Short, Site, ToolState, Uid,
};

pub(super) const START: &str = "2026-11-23T10:00:05Z";

/// The service and all it stands on.
pub(super) struct Harness {
    pub(super) jobs: Jobs,
    pub(super) engine: Memory,
    pub(super) repository: Arc<MemoryRepository>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) fuse: Arc<Fuse>,
    waits: Arc<Waits>,
    ids: Arc<Counter>,
    site: Site,
    service: Option<tokio::task::JoinHandle<()>>,
}

impl Harness {
    pub(super) async fn new() -> Self {
        Self::with(Site { limits: generous(), ..Site::default() }).await
    }

    pub(super) async fn with(site: Site) -> Self {
        let clock = Arc::new(ManualClock::new(moment(START)));
        let options = EngineOptions {
            images: catalogue(),
            choose: Box::new(|workload, _| Script::of(&without_redirects(&workload.command))),
            ..EngineOptions::default()
        };
        let engine = Memory::with(&clock, options);
        let waits = Arc::new(Waits { clock: Arc::clone(&clock), waiting: Mutex::default() });
        let timed = Arc::downgrade(&(Arc::clone(&waits) as Arc<dyn Timed>));
        clock.register(timed);
        let repository = Arc::new(MemoryRepository::default());
        let ids = Arc::new(Counter::default());
        let fuse = Arc::new(Fuse::default());
        let jobs = service(&repository, &engine, &fuse, &waits, &ids, &site);
        let mut harness = Self { jobs, engine, repository, clock, fuse, waits, ids, site, service: None };
        harness.start().await;
        harness
    }

    /// The service runs.
    pub(super) async fn start(&mut self) {
        let jobs = self.jobs.clone();
        self.service = Some(tokio::spawn(async move { jobs.run().await }));
        self.settle().await;
    }

    /// The service is killed: whatever it was doing is left undone, and all that it knew is forgotten.
    pub(super) async fn kill(&mut self) {
        if let Some(service) = self.service.take() {
            service.abort();
            let _ = service.await;
        }
        self.jobs = service(&self.repository, &self.engine, &self.fuse, &self.waits, &self.ids, &self.site);
    }

    /// Lets everything happen that happens without time passing.
    pub(super) async fn settle(&self) {
        for _ in 0..80 {
            tokio::task::yield_now().await;
        }
    }

    /// Lets seconds pass, one after the other.
    pub(super) async fn advance(&self, seconds: u64) {
        for _ in 0..seconds {
            self.clock.advance(Duration::from_secs(1));
            self.settle().await;
        }
    }

    /// Lets a little time pass and something happen.
    pub(super) async fn advance_lightly(&self) {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        self.clock.advance(Duration::from_millis(500));
    }

    /// Lets time pass until a call returns.
    pub(super) async fn drive<T>(&self, call: impl Future<Output = T>) -> T {
        let mut call = pin!(call);
        loop {
            for _ in 0..80 {
                let polled = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
                if let Poll::Ready(value) = polled {
                    return value;
                }
                tokio::task::yield_now().await;
            }
            self.clock.advance(Duration::from_secs(1));
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) async fn create(&self, input: &crate::DefinitionInput) -> Result<JobView, Error> {
        let view = self.jobs.create(&tool(), input, &Options::default()).await;
        self.settle().await;
        view
    }

    pub(super) async fn get(&self, name: &str) -> Result<JobView, Error> {
        self.jobs.get(&tool(), &JobName::parse(name).unwrap()).await
    }

    pub(super) async fn short(&self, name: &str) -> Short {
        self.get(name).await.unwrap().status.short
    }

    pub(super) async fn delete(&self, name: &str) -> Result<(), Error> {
        let (tool, name, options) = (tool(), JobName::parse(name).unwrap(), Options::default());
        self.drive(self.jobs.delete(&tool, &name, &options)).await
    }

    /// The runs of a job, the oldest first.
    pub(super) async fn runs(&self, name: &str) -> Vec<Run> {
        let name = JobName::parse(name).unwrap();
        let mut runs = self.jobs.list_runs(&tool(), Some(&name), 1000, None).await.unwrap().runs;
        runs.reverse();
        runs
    }

    pub(super) async fn repository_state(&self) -> ToolState {
        self.repository.load(&tool()).await.unwrap()
    }

    /// How many jobs are recorded, those being deleted included.
    pub(super) async fn repository_jobs(&self) -> usize {
        self.repository_state().await.jobs.len()
    }

    /// The names of the workloads the engine has, sorted.
    pub(super) fn workloads(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.engine.workloads().into_iter().map(|workload| workload.name).collect();
        names.sort();
        names
    }
}

fn service(
    repository: &Arc<MemoryRepository>,
    engine: &Memory,
    fuse: &Arc<Fuse>,
    waits: &Arc<Waits>,
    ids: &Arc<Counter>,
    site: &Site,
) -> Jobs {
    let ports = Ports {
        repository: Arc::new(FusedRepository(Arc::clone(repository), Arc::clone(fuse))),
        engine: Arc::new(FusedEngine(engine.clone(), Arc::clone(fuse))),
        clock: Arc::clone(waits) as _,
        ids: Arc::clone(ids) as _,
    };
    Jobs::new(ports, site.clone())
}

pub(super) fn generous() -> Limits {
    Limits { cpu: Cpu::millis(100_000), pods: 100, jobs: 100, deployments: 100, ..Limits::default() }
}

/// The pretended processes know no redirects.
fn without_redirects(command: &Command) -> Command {
    match command {
        Command::Shell(text) if text.starts_with("exec 1>>") => {
            Command::Shell(text.splitn(3, ';').nth(2).unwrap_or_default().to_owned())
        }
        other => other.clone(),
    }
}

/// Waiting on the test's clock.
#[derive(Debug)]
struct Waits {
    clock: Arc<ManualClock>,
    waiting: Mutex<Vec<(Timestamp, oneshot::Sender<()>)>>,
}

#[async_trait]
impl Clock for Waits {
    fn now(&self) -> Timestamp {
        engine::Clock::now(&*self.clock)
    }

    async fn sleep(&self, duration: Duration) {
        let (wake, woken) = oneshot::channel();
        let until = self.clock.now().checked_add(duration).unwrap();
        self.waiting.lock().unwrap().push((until, wake));
        let _ = woken.await;
    }
}

impl Timed for Waits {
    fn next(&self) -> Option<Timestamp> {
        let mut waiting = self.waiting.lock().unwrap();
        waiting.retain(|(_, wake)| !wake.is_closed());
        waiting.iter().map(|(until, _)| *until).min()
    }

    fn run(&self, now: Timestamp) {
        let mut waiting = self.waiting.lock().unwrap();
        let (due, later) = std::mem::take(&mut *waiting).into_iter().partition(|(until, _)| *until <= now);
        *waiting = later;
        let due: Vec<(Timestamp, oneshot::Sender<()>)> = due;
        for (_, wake) in due {
            let _ = wake.send(());
        }
    }
}

#[derive(Debug, Default)]
struct Counter(AtomicU64);

impl Ids for Counter {
    fn uid(&self) -> Uid {
        Uid(format!("uid{:04}", self.0.fetch_add(1, Ordering::Relaxed)))
    }
}
