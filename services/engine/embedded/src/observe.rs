//! What is seen: the newest state of every instance, told to everyone who observes.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_stream::stream;
use engine::{Condition, ConditionKind, Instance, InstanceId, Observation, WorkloadId};
use futures_core::stream::BoxStream;
use jiff::Timestamp;
use tokio::sync::mpsc;

/// How far an observer may be behind.
const BEHIND: usize = 1024;

/// The newest state of everything, and who wants to know.
#[derive(Debug, Default)]
pub(crate) struct Board {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    instances: BTreeMap<InstanceId, Instance>,
    conditions: BTreeMap<WorkloadId, Condition>,
    observers: Vec<mpsc::Sender<Observation>>,
}

impl State {
    /// Tells everyone; who cannot take it is let go, and its stream ends.
    fn tell(&mut self, observation: &Observation) {
        self.observers.retain(|observer| observer.try_send(observation.clone()).is_ok());
    }
}

impl Board {
    /// An instance is now so.
    pub(crate) fn instance(&self, instance: &Instance) {
        let mut state = self.lock();
        let known = state.instances.insert(instance.id.clone(), instance.clone());
        if known.as_ref() != Some(instance) {
            state.tell(&Observation::Instance(instance.clone()));
        }
    }

    /// An instance is no more.
    pub(crate) fn gone(&self, id: &InstanceId) {
        let mut state = self.lock();
        if state.instances.remove(id).is_some() {
            state.tell(&Observation::Gone(id.clone()));
        }
    }

    /// What holds of a workload. That it progresses is told only where something else was told before.
    pub(crate) fn condition(&self, workload: &WorkloadId, kind: ConditionKind, now: Timestamp) {
        let mut state = self.lock();
        let told = state.conditions.get(workload).map(|condition| &condition.kind);
        if told.unwrap_or(&ConditionKind::Progressing) == &kind {
            return;
        }
        let condition = Condition { workload: workload.clone(), kind, since: now };
        state.conditions.insert(workload.clone(), condition.clone());
        state.tell(&Observation::Condition(condition));
    }

    /// A workload is no more.
    pub(crate) fn forget(&self, workload: &WorkloadId) {
        self.lock().conditions.remove(workload);
    }

    /// The newest state of an instance.
    pub(crate) fn get(&self, id: &InstanceId) -> Option<Instance> {
        self.lock().instances.get(id).cloned()
    }

    /// All that holds now, then every change.
    pub(crate) fn observe(&self) -> BoxStream<'static, Observation> {
        let (sender, mut receiver) = mpsc::channel(BEHIND);
        let mut state = self.lock();
        let instances: Vec<_> = state.instances.values().cloned().collect();
        let conditions: Vec<_> = state.conditions.values().cloned().collect();
        state.observers.push(sender);
        drop(state);
        Box::pin(stream! {
            for instance in instances {
                yield Observation::Instance(instance);
            }
            for condition in conditions {
                yield Observation::Condition(condition);
            }
            yield Observation::Synced;
            while let Some(observation) = receiver.recv().await {
                yield observation;
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // every change is one insertion or removal: a panic elsewhere leaves it whole
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
