//! The service is killed at every durable step; whatever it had promised holds after the next start.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use engine::memory::Memory;
use engine::{
    Attachment, Capabilities, Engine, Error as EngineError, Image, InstanceId, LogEntry, LogPage, LogQuery,
    Observation, Signal, Workload, WorkloadId,
};
use futures_core::stream::BoxStream;
use jiff::Timestamp;

use super::harness::{Harness, generous};
use super::{continuous, name, one_off, scheduled, tool};
use crate::{
    Answer, Change, CommitError, DefinitionInput, Error, JobName, JobType, MemoryRepository, Options,
    Repository, RepositoryError, Revision, Run, RunName, RunQuery, Site, ToolName, ToolState,
};

/// Lets a number of durable steps happen and hangs at the next one, before or after its effect.
#[derive(Debug, Default)]
pub(super) struct Fuse {
    left: AtomicU64,
    is_armed: std::sync::atomic::AtomicBool,
    hangs_after: std::sync::atomic::AtomicBool,
}

impl Fuse {
    fn arm(&self, steps: u64, hangs_after: bool) {
        self.left.store(steps, Ordering::SeqCst);
        self.hangs_after.store(hangs_after, Ordering::SeqCst);
        self.is_armed.store(true, Ordering::SeqCst);
    }

    fn disarm(&self) -> bool {
        self.is_armed.swap(false, Ordering::SeqCst) && self.left.load(Ordering::SeqCst) == 0
    }

    async fn step<T>(&self, effect: impl Future<Output = T>) -> T {
        if !self.is_armed.load(Ordering::SeqCst) {
            return effect.await;
        }
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match left {
            Ok(left) if left > 1 => effect.await,
            Ok(_) if self.hangs_after.load(Ordering::SeqCst) => {
                effect.await;
                std::future::pending().await
            }
            _ => std::future::pending().await,
        }
    }
}

/// Records whose commits may hang.
#[derive(Debug)]
pub(super) struct FusedRepository(pub(super) Arc<MemoryRepository>, pub(super) Arc<Fuse>);

/// An engine whose changes may hang.
#[derive(Debug)]
pub(super) struct FusedEngine(pub(super) Memory, pub(super) Arc<Fuse>);

#[async_trait]
impl Repository for FusedRepository {
    async fn tools(&self) -> Result<Vec<ToolName>, RepositoryError> {
        self.0.tools().await
    }

    async fn load(&self, tool: &ToolName) -> Result<ToolState, RepositoryError> {
        self.0.load(tool).await
    }

    async fn commit(
        &self,
        tool: &ToolName,
        expected: &Revision,
        changes: Vec<Change>,
    ) -> Result<(), CommitError> {
        self.1.step(self.0.commit(tool, expected, changes)).await
    }

    async fn run(&self, tool: &ToolName, name: &RunName) -> Result<Option<Run>, RepositoryError> {
        self.0.run(tool, name).await
    }

    async fn runs(&self, tool: &ToolName, query: RunQuery) -> Result<Vec<Run>, RepositoryError> {
        self.0.runs(tool, query).await
    }

    async fn recall(&self, tool: &ToolName, request: &str) -> Result<Option<Answer>, RepositoryError> {
        self.0.recall(tool, request).await
    }
}

#[async_trait]
impl Engine for FusedEngine {
    async fn apply(&self, workload: Workload) -> Result<(), EngineError> {
        self.1.step(self.0.apply(workload)).await
    }

    async fn delete(&self, id: &WorkloadId) -> Result<(), EngineError> {
        self.1.step(self.0.delete(id)).await
    }

    async fn retain(&self, wanted: &[WorkloadId]) -> Result<(), EngineError> {
        self.1.step(self.0.retain(wanted)).await
    }

    async fn restart(&self, id: &WorkloadId, at: Timestamp) -> Result<(), EngineError> {
        self.1.step(self.0.restart(id, at)).await
    }

    async fn signal(&self, id: &InstanceId, signal: Signal) -> Result<(), EngineError> {
        self.0.signal(id, signal).await
    }

    async fn observe(&self) -> Result<BoxStream<'static, Observation>, EngineError> {
        self.0.observe().await
    }

    async fn logs(&self, query: LogQuery) -> Result<LogPage, EngineError> {
        self.0.logs(query).await
    }

    async fn follow(
        &self,
        query: LogQuery,
    ) -> Result<BoxStream<'static, Result<LogEntry, EngineError>>, EngineError> {
        self.0.follow(query).await
    }

    async fn attach(&self, id: &InstanceId) -> Result<Attachment, EngineError> {
        self.0.attach(id).await
    }

    async fn images(&self) -> Result<Vec<Image>, EngineError> {
        self.0.images().await
    }

    async fn capabilities(&self) -> Result<Capabilities, EngineError> {
        self.0.capabilities().await
    }
}

/// What the caller was told.
#[derive(Debug, Default)]
struct Promises {
    created: Vec<&'static str>,
    deleted: Vec<&'static str>,
    replicas: Option<u32>,
    restarted: bool,
}

/// A working day: everything that changes something. Notes what was acknowledged.
async fn work(h: &Harness, promises: &std::sync::Mutex<Promises>) -> Result<(), Error> {
    let (jobs, tool, options) = (h.jobs.clone(), tool(), Options::default());
    let note = |note: &dyn Fn(&mut Promises)| note(&mut promises.lock().unwrap());
    let web = continuous("web", "sleep infinity");
    jobs.create(&tool, &web, &options).await?;
    note(&|promises| promises.created.push("web"));
    jobs.create(&tool, &scheduled("cron", "sleep 90", "* * * * *"), &options).await?;
    note(&|promises| promises.created.push("cron"));
    jobs.create(&tool, &one_off("once", "sleep 1000"), &options).await?;
    note(&|promises| promises.created.push("once"));
    jobs.create(&tool, &one_off("gone", "sleep 1000"), &options).await?;
    let more = DefinitionInput { replicas: Some(2), ..web };
    jobs.upsert(&tool, &more, &options).await?;
    note(&|promises| promises.replicas = Some(2));
    jobs.restart(&tool, &name("web"), &options).await?;
    note(&|promises| promises.restarted = true);
    jobs.delete(&tool, &name("gone"), &options).await?;
    note(&|promises| promises.deleted.push("gone"));
    crate::Clock::sleep(&*jobs.inner.clock, std::time::Duration::from_secs(70)).await;
    jobs.restart(&tool, &name("cron"), &options).await?;
    Ok(())
}

async fn check(h: &Harness, promises: &Promises, point: &str) {
    let views = h.jobs.list(&tool()).await.unwrap();
    let present = |job: &str| views.iter().any(|view| view.job.name() == &JobName::parse(job).unwrap());
    for job in &promises.created {
        assert!(present(job), "{point}: an acknowledged job is lost: {job}");
    }
    for job in &promises.deleted {
        assert!(!present(job), "{point}: a deleted job came back: {job}");
    }
    let state = h.repository_state().await;
    assert!(state.jobs.iter().all(crate::Job::is_present), "{point}: a deletion is not finished");
    let web = views.iter().find(|view| view.job.definition.job_type == JobType::Continuous);
    if let Some(replicas) = promises.replicas {
        assert_eq!(web.unwrap().resolved.replicas, replicas, "{point}");
    }
    assert!(!promises.restarted || web.unwrap().job.restarted_at.is_some(), "{point}");
    assert!(views.iter().all(|view| view.status.up_to_date), "{point}: {views:?}");
    let mut wanted: Vec<String> = state.runs.iter().map(|run| run.uid.to_string()).collect();
    wanted.extend(web.map(|view| view.job.uid.to_string()));
    wanted.sort();
    let mut workloads: Vec<String> = h.engine.workloads().into_iter().map(|found| found.id.0).collect();
    workloads.sort();
    assert_eq!(workloads, wanted, "{point}: what runs is what is recorded");
    let mut due: Vec<_> = h.runs("cron").await.into_iter().map(|run| run.name).collect();
    let count = due.len();
    due.dedup();
    assert_eq!(due.len(), count, "{point}: one run for each due time");
}

#[tokio::test]
async fn every_promise_holds_after_a_kill_at_every_step() {
    let mut reached = 0;
    for hangs_after in [false, true] {
        for steps in 1.. {
            let point =
                format!("step {steps}, killed {}", if hangs_after { "after it" } else { "before it" });
            let site = Site { limits: generous(), ..Site::default() };
            let mut h = Harness::with(site).await;
            h.fuse.arm(steps, hangs_after);
            let promises = std::sync::Mutex::new(Promises::default());
            {
                let mut work = std::pin::pin!(work(&h, &promises));
                for _ in 0..200 {
                    if let std::task::Poll::Ready(done) =
                        futures_util::FutureExt::now_or_never(std::future::poll_fn(|context| {
                            std::task::Poll::Ready(work.as_mut().poll(context))
                        }))
                        .unwrap()
                    {
                        done.unwrap();
                        break;
                    }
                    h.advance_lightly().await;
                }
            }
            let was_reached = h.fuse.disarm();
            h.kill().await;
            h.start().await;
            h.advance(40).await;
            check(&h, &promises.into_inner().unwrap(), &point).await;
            if !was_reached {
                break;
            }
            reached += 1;
        }
    }
    assert!(reached > 40, "{reached} steps");
}
