//! Sees what an engine reports until something holds, while time passes.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use futures_core::stream::BoxStream;
use futures_util::StreamExt;
use futures_util::future::{Either, select};

use super::{Harness, PATIENCE};
use crate::{Condition, Container, Engine, Instance, InstanceId, Observation, WorkloadId};

/// How finely time passes while waiting.
const STEP: Duration = Duration::from_millis(50);

/// What one observer has seen of its tool.
pub(super) struct Watch<'a> {
    env: &'a dyn Harness,
    stream: BoxStream<'static, Observation>,
    /// What is there.
    pub(super) instances: BTreeMap<InstanceId, Instance>,
    /// The last that was seen of those which have gone.
    pub(super) gone: BTreeMap<InstanceId, Instance>,
    pub(super) conditions: Vec<Condition>,
    pub(super) synced: bool,
    /// Fewest ready instances of a workload after any change, since it was set.
    pub(super) fewest_ready: Option<(WorkloadId, usize)>,
}

impl<'a> Watch<'a> {
    /// Observes an engine until it has told what holds now.
    pub(super) async fn new(engine: &dyn Engine, env: &'a dyn Harness) -> Self {
        let stream = engine.observe().await.expect("an engine can be observed");
        let mut watch = Self {
            env,
            stream,
            instances: BTreeMap::new(),
            gone: BTreeMap::new(),
            conditions: Vec::new(),
            synced: false,
            fewest_ready: None,
        };
        watch.until("synced", |watch| watch.synced).await;
        watch
    }

    /// Waits until something holds; panics with all that was seen when it does not in time.
    pub(super) async fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let end = self.env.now() + PATIENCE;
        while !holds(self) {
            let seen = format!("{:#?}, gone {:#?}", self.instances, self.gone);
            assert!(self.env.now() < end, "{what} did not become true; there are {seen}");
            self.pass().await;
        }
    }

    /// Sees what happens within some time.
    pub(super) async fn quiet(&mut self, time: Duration) {
        let end = self.env.now() + time;
        while self.env.now() < end {
            self.pass().await;
        }
    }

    /// The instances of a workload.
    pub(super) fn of(&self, id: &WorkloadId) -> Vec<&Instance> {
        self.instances.values().filter(|instance| instance.workload == *id).collect()
    }

    /// How many instances of a workload are ready.
    pub(super) fn ready(&self, id: &WorkloadId) -> usize {
        self.of(id).iter().filter(|instance| instance.ready).count()
    }

    /// Waits until so many instances of a workload are ready and no others are there.
    pub(super) async fn until_ready(&mut self, id: &WorkloadId, count: usize) {
        let settled = |watch: &Self| watch.ready(id) == count && watch.of(id).len() == count;
        self.until(&format!("{count} ready"), settled).await;
    }

    /// The one instance of a workload, when it has ended.
    pub(super) async fn finished(&mut self, id: &WorkloadId) -> Instance {
        self.until("finished", |watch| watch.of(id).iter().any(|instance| instance.is_finished())).await;
        let of = self.of(id);
        assert_eq!(of.len(), 1, "{of:#?}");
        of[0].clone()
    }

    /// The ids of the instances of a workload.
    pub(super) fn ids(&self, id: &WorkloadId) -> Vec<InstanceId> {
        self.of(id).into_iter().map(|instance| instance.id.clone()).collect()
    }

    /// Sees one thing, or lets a little time pass.
    async fn pass(&mut self) {
        let seen = match select(self.stream.next(), pin!(self.env.pass(STEP))).await {
            Either::Left((seen, _)) => seen.expect("the engine went on telling"),
            Either::Right(_) => return,
        };
        self.see(seen);
    }

    fn see(&mut self, seen: Observation) {
        match seen {
            Observation::Instance(instance) if instance.tool == self.env.tool() => {
                check(&instance);
                assert!(!self.gone.contains_key(&instance.id), "{} came back", instance.id);
                self.instances.insert(instance.id.clone(), instance);
            }
            Observation::Gone(id) => {
                if let Some(last) = self.instances.remove(&id) {
                    self.gone.insert(id, last);
                }
            }
            Observation::Condition(condition) => self.conditions.push(condition),
            Observation::Synced => {
                assert!(!self.synced, "synced is said once");
                self.synced = true;
            }
            Observation::Instance(_) => {}
        }
        if let Some((id, fewest)) = self.fewest_ready.take() {
            let ready = self.ready(&id);
            self.fewest_ready = Some((id, fewest.min(ready)));
        }
    }
}

/// What holds of every instance at any time.
fn check(instance: &Instance) {
    if instance.ready {
        assert!(
            matches!(instance.container, Container::Running { .. }),
            "ready means running: {instance:#?}"
        );
    }
    if instance.is_finished() {
        assert!(
            matches!(instance.container, Container::Terminated(_)),
            "the end has a status: {instance:#?}"
        );
    }
    assert!(instance.changed >= instance.created, "{instance:#?}");
}

/// Everything that a stream gives until it ends, while time passes.
pub(super) async fn collect<T>(env: &dyn Harness, mut stream: BoxStream<'static, T>) -> Vec<T> {
    let end = env.now() + PATIENCE;
    let mut items = Vec::new();
    loop {
        assert!(env.now() < end, "the stream did not end after {} items", items.len());
        match select(stream.next(), pin!(env.pass(STEP))).await {
            Either::Left((Some(item), _)) => items.push(item),
            Either::Left((None, _)) => return items,
            Either::Right(_) => {}
        }
    }
}

/// The next item of a stream, while time passes.
pub(super) async fn next<T>(env: &dyn Harness, stream: &mut BoxStream<'static, T>) -> T {
    let end = env.now() + PATIENCE;
    loop {
        assert!(env.now() < end, "nothing came");
        if let Either::Left((item, _)) = select(stream.next(), pin!(env.pass(STEP))).await {
            return item.expect("the stream goes on");
        }
    }
}
