//! What the memory engine holds, and its queue of things to do.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::output::Kept;
use super::script::Script;
use super::{Call, Choose, Options};
use crate::{
    Backoff, Condition, ConditionKind, Container, Error, ExitReason, Instance, InstanceId, LogEntry,
    LogQuery, Observation, Output, Phase, Workload, WorkloadId,
};

/// One workload that was applied and not deleted.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) workload: Workload,
    /// Rises with every change that replaces instances.
    pub(super) revision: u64,
    pub(super) restarted: Option<Timestamp>,
    /// Its deadline has passed.
    pub(super) overdue: bool,
    /// The next instance of a `Once` workload is not made before.
    pub(super) not_before: Option<Timestamp>,
    pub(super) condition: Option<ConditionKind>,
}

/// One instance with its pretended process.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) instance: Instance,
    /// The definition it was made from.
    pub(super) workload: Workload,
    pub(super) revision: u64,
    pub(super) script: Script,
    /// Rises with every start and end of the process: an event of an older epoch means nothing.
    pub(super) epoch: u64,
    pub(super) alive: bool,
    pub(super) step: usize,
    pub(super) backoff: Backoff,
    /// The startup probe has succeeded.
    pub(super) started: bool,
    /// Failures of the probe in a row.
    pub(super) failures: u32,
    /// Why it is being stopped, if it is.
    pub(super) stopping: Option<ExitReason>,
    /// It goes away when its process has ended.
    pub(super) leaving: bool,
    pub(super) stdin_closed: bool,
    /// Input that is not yet a whole line.
    pub(super) partial: Vec<u8>,
    pub(super) attached: Vec<mpsc::UnboundedSender<Output>>,
}

impl Run {
    /// Counts as one of the instances that are wanted.
    pub(super) const fn is_active(&self) -> bool {
        !self.leaving && !self.instance.is_finished()
    }
}

/// Something to do at a certain time.
#[derive(Clone, Debug)]
pub(super) enum Event {
    Start(InstanceId, u64),
    Step(InstanceId, u64),
    Probe(InstanceId, u64),
    Kill(InstanceId, u64),
    Deadline(WorkloadId),
    Reconcile(WorkloadId),
}

/// A receiver of new output.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) query: LogQuery,
    pub(super) sender: mpsc::UnboundedSender<Result<LogEntry, Error>>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) options: Options,
    pub(super) now: Timestamp,
    pub(super) entries: BTreeMap<WorkloadId, Entry>,
    pub(super) runs: BTreeMap<InstanceId, Run>,
    pub(super) output: Vec<Kept>,
    pub(super) followers: Vec<Follower>,
    pub(super) observers: Vec<mpsc::Sender<Observation>>,
    pub(super) faults: VecDeque<(Call, Error)>,
    /// Why no instance can be made, if so.
    pub(super) refusal: Option<ConditionKind>,
    queue: BTreeMap<(Timestamp, u64), Event>,
    /// Numbers events and instances.
    pub(super) counter: u64,
}

impl State {
    pub(super) fn new(options: Options, now: Timestamp) -> Self {
        Self {
            options,
            now,
            entries: BTreeMap::new(),
            runs: BTreeMap::new(),
            output: Vec::new(),
            followers: Vec::new(),
            observers: Vec::new(),
            faults: VecDeque::new(),
            refusal: None,
            queue: BTreeMap::new(),
            counter: 0,
        }
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.queue.first_key_value().map(|((due, _), _)| *due)
    }

    /// Does everything that is due, in order.
    pub(super) fn run(&mut self, now: Timestamp, choose: &Choose) {
        self.now = self.now.max(now);
        while let Some(first) = self.queue.first_entry().filter(|first| first.key().0 <= now) {
            match first.remove() {
                Event::Start(id, epoch) => self.start(&id, epoch),
                Event::Step(id, epoch) => self.step(&id, epoch),
                Event::Probe(id, epoch) => self.probe(&id, epoch),
                Event::Kill(id, epoch) => self.kill(&id, epoch),
                Event::Deadline(id) => self.deadline(&id),
                Event::Reconcile(id) => self.reconcile(&id, choose),
            }
        }
        self.end_followers();
    }

    /// Queues an event; events of the same time happen in the order in which they were queued.
    pub(super) fn later(&mut self, delay: Duration, event: Event) {
        let due = self.now.checked_add(delay).unwrap_or(Timestamp::MAX);
        self.counter += 1;
        self.queue.insert((due, self.counter), event);
    }

    pub(super) fn soon(&mut self, event: Event) {
        self.later(Duration::ZERO, event);
    }

    /// Fails the call if a test asked for it.
    pub(super) fn fault(&mut self, call: Call) -> Result<(), Error> {
        match self.faults.iter().position(|(faulty, _)| *faulty == call) {
            Some(at) => self.faults.remove(at).map_or(Ok(()), |(_, error)| Err(error)),
            None => Ok(()),
        }
    }

    /// Changes an instance and tells of it.
    pub(super) fn change(&mut self, id: &InstanceId, change: impl FnOnce(&mut Instance)) {
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        change(&mut run.instance);
        run.instance.changed = self.now;
        let seen = Observation::Instance(run.instance.clone());
        self.tell(&seen);
    }

    /// Takes an instance away.
    pub(super) fn forget(&mut self, id: &InstanceId) {
        if self.runs.remove(id).is_some() {
            self.tell(&Observation::Gone(id.clone()));
        }
    }

    /// Sets the condition of a workload and tells of it where it is news.
    pub(super) fn condition(&mut self, id: &WorkloadId, kind: ConditionKind) {
        let since = self.now;
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        if entry.condition.as_ref() == Some(&kind) {
            return;
        }
        entry.condition = Some(kind.clone());
        self.tell(&Observation::Condition(Condition { workload: id.clone(), kind, since }));
    }

    /// Tells every observer; one that is too slow is dropped, which ends its stream.
    fn tell(&mut self, seen: &Observation) {
        self.observers.retain(|observer| observer.try_send(seen.clone()).is_ok());
    }

    /// Makes an instance of a workload.
    pub(super) fn create(&mut self, id: &WorkloadId, choose: &Choose) {
        let Some(entry) = self.entries.get(id) else {
            return;
        };
        let workload = entry.workload.clone();
        let revision = entry.revision;
        let attempt = self.runs.values().filter(|run| run.instance.workload == *id).count();
        let script = choose(&workload, u32::try_from(attempt).unwrap_or(u32::MAX));
        self.counter += 1;
        let instance = Instance {
            id: InstanceId(format!("{}-{:06}", workload.name, self.counter)),
            workload: id.clone(),
            generation: workload.generation,
            tool: workload.tool.clone(),
            name: workload.name.clone(),
            phase: Phase::Pending,
            container: Container::Absent,
            last_exit: None,
            restarts: 0,
            ready: false,
            created: self.now,
            changed: self.now,
            message: None,
        };
        let id = instance.id.clone();
        let delay = script.start_after;
        let run = Run {
            instance,
            workload,
            revision,
            script,
            epoch: 0,
            alive: false,
            step: 0,
            backoff: Backoff::default(),
            started: false,
            failures: 0,
            stopping: None,
            leaving: false,
            stdin_closed: false,
            partial: Vec::new(),
            attached: Vec::new(),
        };
        self.runs.insert(id.clone(), run);
        self.change(&id, |_| {});
        self.later(delay, Event::Start(id, 0));
    }
}
