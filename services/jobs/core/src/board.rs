//! What is known of the engine now: instances, conditions, and which definition it was given.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::{Condition, Instance, InstanceId, Observation, WorkloadId};
use tokio::sync::{Notify, watch};

use crate::ToolName;

/// The view of the engine that rules look at; also tells whoever waits that something of a tool has changed.
#[derive(Debug, Default)]
pub(crate) struct Board {
    seen: Mutex<Seen>,
    dirty: Notify,
}

#[derive(Debug, Default)]
struct Seen {
    instances: HashMap<WorkloadId, BTreeMap<InstanceId, Instance>>,
    workloads: HashMap<InstanceId, WorkloadId>,
    conditions: HashMap<WorkloadId, Condition>,
    /// Instances that ended and are gone, numbered, until their end is recorded.
    ended: Vec<(u64, Instance)>,
    endings: u64,
    /// Instances told since the stream began, until it is in step.
    told: Option<HashSet<InstanceId>>,
    /// The tool and the generation of what the engine was given.
    applied: HashMap<WorkloadId, (ToolName, u64)>,
    watchers: HashMap<ToolName, watch::Sender<u64>>,
    dirty: BTreeSet<ToolName>,
}

impl Board {
    /// A new stream of observations begins.
    pub(crate) fn begin(&self) {
        self.lock().told = Some(HashSet::new());
    }

    /// Takes one observation, and pokes whom it concerns.
    pub(crate) fn observe(&self, observation: Observation) {
        let mut seen = self.lock();
        let tool = match observation {
            Observation::Instance(instance) => seen.put(instance),
            Observation::Gone(id) => seen.remove(&id),
            Observation::Condition(condition) => {
                let tool = seen.applied.get(&condition.workload).map(|(tool, _)| tool.clone());
                seen.conditions.insert(condition.workload.clone(), condition);
                tool
            }
            Observation::Synced => {
                seen.drop_untold();
                None
            }
        };
        if let Some(tool) = tool {
            self.poke_locked(seen, &tool);
        }
    }

    /// The instances of some workloads.
    pub(crate) fn instances(&self, of: &[WorkloadId]) -> Vec<Instance> {
        let seen = self.lock();
        of.iter().filter_map(|id| seen.instances.get(id)).flat_map(BTreeMap::values).cloned().collect()
    }

    /// The instances of a workload, and those that ended and are gone since their end was last recorded.
    pub(crate) fn history(&self, of: &WorkloadId) -> Vec<Instance> {
        let seen = self.lock();
        let ended = seen.ended.iter().map(|(_, instance)| instance).filter(|ended| ended.workload == *of);
        ended.chain(seen.instances.get(of).into_iter().flat_map(BTreeMap::values)).cloned().collect()
    }

    /// How many instances have gone so far.
    pub(crate) fn endings(&self) -> u64 {
        self.lock().endings
    }

    /// The ends of a tool's instances, of the first so many, are recorded.
    pub(crate) fn recorded(&self, tool: &ToolName, endings: u64) {
        let is_kept = |(number, ended): &(u64, Instance)| *number > endings || ended.tool != tool.as_str();
        self.lock().ended.retain(is_kept);
    }

    /// The conditions of some workloads.
    pub(crate) fn conditions(&self, of: &[WorkloadId]) -> Vec<Condition> {
        let seen = self.lock();
        of.iter().filter_map(|id| seen.conditions.get(id)).cloned().collect()
    }

    /// Whether nothing of a workload runs, as far as is known.
    pub(crate) fn is_quiet(&self, id: &WorkloadId) -> bool {
        self.lock().instances.get(id).is_none_or(|all| all.values().all(Instance::is_finished))
    }

    /// The generation that the engine was given.
    pub(crate) fn applied(&self, id: &WorkloadId) -> Option<u64> {
        self.lock().applied.get(id).map(|(_, generation)| *generation)
    }

    /// The engine was given a workload.
    pub(crate) fn set_applied(&self, id: WorkloadId, tool: &ToolName, generation: u64) {
        self.lock().applied.insert(id, (tool.clone(), generation));
    }

    /// The engine was told to forget a workload, or did not take it.
    pub(crate) fn forget(&self, id: &WorkloadId) {
        let mut seen = self.lock();
        seen.applied.remove(id);
        seen.conditions.remove(id);
    }

    /// Tells when something of the tool changes.
    pub(crate) fn subscribe(&self, tool: &ToolName) -> watch::Receiver<u64> {
        let mut seen = self.lock();
        seen.watchers.retain(|_, watcher| watcher.receiver_count() > 0);
        seen.watchers.entry(tool.clone()).or_default().subscribe()
    }

    /// Something of the tool has changed.
    pub(crate) fn poke(&self, tool: &ToolName) {
        self.poke_locked(self.lock(), tool);
    }

    /// Waits until some tool is to be looked at.
    pub(crate) async fn poked(&self) {
        self.dirty.notified().await;
    }

    /// The tools to be looked at.
    pub(crate) fn take_dirty(&self) -> BTreeSet<ToolName> {
        std::mem::take(&mut self.lock().dirty)
    }

    fn poke_locked(&self, mut seen: MutexGuard<'_, Seen>, tool: &ToolName) {
        if let Some(watcher) = seen.watchers.get(tool) {
            watcher.send_modify(|count| *count += 1);
        }
        seen.dirty.insert(tool.clone());
        drop(seen);
        self.dirty.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn put(&mut self, instance: Instance) -> Option<ToolName> {
        if let Some(told) = &mut self.told {
            told.insert(instance.id.clone());
        }
        let tool = ToolName::parse(&instance.tool).ok();
        self.workloads.insert(instance.id.clone(), instance.workload.clone());
        let all = self.instances.entry(instance.workload.clone()).or_default();
        all.insert(instance.id.clone(), instance);
        tool
    }

    fn remove(&mut self, id: &InstanceId) -> Option<ToolName> {
        let workload = self.workloads.remove(id)?;
        let all = self.instances.get_mut(&workload)?;
        let instance = all.remove(id)?;
        if all.is_empty() {
            self.instances.remove(&workload);
        }
        let tool = ToolName::parse(&instance.tool).ok()?;
        if instance.is_finished() {
            self.endings += 1;
            self.ended.push((self.endings, instance));
        }
        Some(tool)
    }

    /// What a new stream did not tell went away while nobody looked.
    fn drop_untold(&mut self) {
        let Some(told) = self.told.take() else { return };
        let gone: Vec<InstanceId> = self.workloads.keys().filter(|id| !told.contains(id)).cloned().collect();
        for id in gone {
            if let Some(tool) = self.remove(&id) {
                self.dirty.insert(tool);
            }
        }
    }
}
