//! Makes the instances of a workload what its definition wants.

use std::time::Duration;

use jiff::Timestamp;

use super::Choose;
use super::state::{Entry, Event, State};
use crate::{ConditionKind, Error, ExitReason, InstanceId, Kind, Phase, Workload, WorkloadId, retry_delay};

impl State {
    pub(super) fn apply(&mut self, workload: Workload) -> Result<(), Error> {
        if !self.options.images.iter().any(|image| image.is_called(&workload.image)) {
            return Err(Error::UnknownImage(workload.image));
        }
        let id = workload.id.clone();
        if let Some(entry) = self.entries.get_mut(&id) {
            if workload.generation <= entry.workload.generation {
                return Ok(());
            }
            entry.revision += u64::from(!workload.runs_like(&entry.workload));
            entry.workload = workload;
        } else {
            if let Kind::Once { deadline: Some(deadline), .. } = workload.kind {
                self.later(deadline, Event::Deadline(id.clone()));
            }
            let entry = Entry {
                workload,
                revision: 0,
                restarted: None,
                overdue: false,
                not_before: None,
                condition: None,
            };
            self.entries.insert(id.clone(), entry);
        }
        self.soon(Event::Reconcile(id));
        Ok(())
    }

    pub(super) fn delete(&mut self, id: &WorkloadId) {
        if self.entries.remove(id).is_none() {
            return;
        }
        for run in self.instances_of(id) {
            self.drain(&run);
        }
    }

    pub(super) fn restart(&mut self, id: &WorkloadId, at: Timestamp) -> Result<(), Error> {
        let entry = self.entries.get_mut(id).ok_or_else(|| Error::UnknownWorkload(id.clone()))?;
        if matches!(entry.workload.kind, Kind::Once { .. }) {
            return Err(Error::Unsupported {
                feature: "restart of a workload that runs once".to_owned(),
                hint: "apply a new workload".to_owned(),
            });
        }
        if entry.restarted.is_none_or(|before| before < at) {
            entry.restarted = Some(at);
            entry.revision += 1;
            self.soon(Event::Reconcile(id.clone()));
        }
        Ok(())
    }

    pub(super) fn deadline(&mut self, id: &WorkloadId) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        entry.overdue = true;
        for run in self.instances_of(id) {
            self.stop(&run, ExitReason::DeadlineExceeded);
        }
    }

    pub(super) fn reconcile(&mut self, id: &WorkloadId, choose: &Choose) {
        match self.entries.get(id).map(|entry| entry.workload.kind.clone()) {
            Some(Kind::Once { retries, .. }) => self.reconcile_once(id, retries, choose),
            Some(Kind::Always { replicas }) => self.reconcile_always(id, replicas as usize, choose),
            None => {}
        }
    }

    /// One instance at a time, until one succeeds or too many have failed.
    fn reconcile_once(&mut self, id: &WorkloadId, retries: u32, choose: &Choose) {
        let phases: Vec<Phase> = self
            .runs
            .values()
            .filter(|run| run.instance.workload == *id)
            .map(|run| run.instance.phase)
            .collect();
        let failures = phases.iter().filter(|phase| **phase == Phase::Failed).count();
        if phases.len() > failures || failures > retries as usize {
            return;
        }
        let now = self.now;
        let Some(entry) = self.entries.get_mut(id).filter(|entry| !entry.overdue) else {
            return;
        };
        let delay = match (failures, entry.not_before) {
            (0, _) => Duration::ZERO,
            (_, Some(time)) => Duration::try_from(time.duration_since(now)).unwrap_or_default(),
            (failures, None) => retry_delay(u32::try_from(failures).unwrap_or(u32::MAX)),
        };
        if delay.is_zero() {
            entry.not_before = None;
            self.create_if_possible(id, choose);
        } else if entry.not_before.is_none() {
            entry.not_before = now.checked_add(delay).ok();
            self.later(delay, Event::Reconcile(id.clone()));
        }
    }

    /// A ready new instance before an old one is drained, and never more than one too many.
    fn reconcile_always(&mut self, id: &WorkloadId, replicas: usize, choose: &Choose) {
        let Some(revision) = self.entries.get(id).map(|entry| entry.revision) else {
            return;
        };
        let mut active: Vec<(bool, bool, InstanceId)> = self
            .runs
            .values()
            .filter(|run| run.instance.workload == *id && run.is_active())
            .map(|run| (run.revision == revision, run.instance.ready, run.instance.id.clone()))
            .collect();
        // the first to go: old ones before new ones, those that are not ready before those that are, the youngest first
        active.sort_by(|a, b| (a.0, a.1, &b.2).cmp(&(b.0, b.1, &a.2)));
        let mut ready = active.iter().filter(|one| one.1).count();
        let mut current = active.iter().filter(|one| one.0).count();
        let mut total = active.len();
        for (is_current, is_ready, run) in active {
            let replaced = !is_current && (current > 0 || replicas == 0);
            let surplus = replaced || current > replicas;
            if surplus && (!is_ready || ready > replicas) {
                self.drain(&run);
                ready -= usize::from(is_ready);
                current -= usize::from(is_current);
                total -= 1;
            }
        }
        let old = total - current;
        let room = (replicas + usize::from(old > 0)).saturating_sub(total);
        for _ in 0..room.min(replicas.saturating_sub(current)) {
            self.create_if_possible(id, choose);
        }
    }

    fn create_if_possible(&mut self, id: &WorkloadId, choose: &Choose) {
        if let Some(refusal) = self.refusal.clone() {
            return self.condition(id, refusal);
        }
        if self.entries.get(id).is_some_and(|entry| entry.condition.is_some()) {
            self.condition(id, ConditionKind::Progressing);
        }
        self.create(id, choose);
    }

    /// Stops an instance for good.
    fn drain(&mut self, id: &InstanceId) {
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        run.leaving = true;
        if run.instance.is_finished() {
            self.forget(id);
        } else {
            self.stop(id, ExitReason::Stopped);
        }
    }

    fn instances_of(&self, id: &WorkloadId) -> Vec<InstanceId> {
        let of = self.runs.values().filter(|run| run.instance.workload == *id);
        of.map(|run| run.instance.id.clone()).collect()
    }
}
