//! Which workloads there are, and the task of each.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use engine::{Error, Kind, Workload, WorkloadId};
use tokio::sync::{mpsc, oneshot, watch};

use crate::actor::{Actor, Command, Done};
use crate::config::Apart;
use crate::name;
use crate::records::{InstanceRecord, WorkloadRecord};
use crate::shared::{Shared, failed};
use crate::task::Task;

/// All workloads of an engine.
#[derive(Debug)]
pub(crate) struct Supervisor {
    shared: Arc<Shared>,
    apart: Apart,
    known: tokio::sync::Mutex<HashMap<WorkloadId, Handle>>,
    closed: AtomicBool,
    /// Instances that were found without their workload.
    orphans: Mutex<Vec<InstanceRecord>>,
}

/// A workload's task.
#[derive(Debug)]
struct Handle {
    workload: Workload,
    commands: mpsc::Sender<Command>,
    over: watch::Receiver<bool>,
    _task: Task,
}

impl Supervisor {
    /// Takes over what an earlier server left.
    pub(crate) async fn open(shared: Arc<Shared>, apart: Apart) -> io::Result<Arc<Self>> {
        let (workloads, instances) = shared
            .on_disk(|directories| Ok((directories.load_workloads()?, directories.load_instances()?)))
            .await?;
        let mut of: HashMap<WorkloadId, Vec<InstanceRecord>> = HashMap::new();
        for instance in instances {
            of.entry(instance.workload.id.clone()).or_default().push(instance);
        }
        let known = tokio::sync::Mutex::default();
        let this = Arc::new(Self {
            shared,
            apart,
            known,
            closed: AtomicBool::new(false),
            orphans: Mutex::default(),
        });
        let tools: BTreeSet<&String> = workloads.iter().map(|record| &record.workload.tool).collect();
        if tools.len() > 1 {
            this.refuse_together().map_err(io::Error::other)?;
        }
        let mut known = this.known.lock().await;
        for record in workloads {
            let instances = of.remove(&record.workload.id).unwrap_or_default();
            this.enlist(&mut known, record, instances);
        }
        drop(known);
        *this.orphans.lock().unwrap_or_else(PoisonError::into_inner) = of.into_values().flatten().collect();
        Ok(this)
    }

    pub(crate) async fn apply(self: &Arc<Self>, workload: Workload) -> Result<(), Error> {
        name::check(&workload)?;
        let id = workload.id.clone();
        let mut known = self.known.lock().await;
        // under the lock: what is begun before is closed, and nothing is begun after
        if self.closed.load(Ordering::SeqCst) {
            return Err(Error::Unavailable("it was closed".to_owned()));
        }
        if let Some(handle) = known.get(&id).filter(|handle| !handle.commands.is_closed()) {
            if handle.workload.generation < workload.generation {
                self.check(&known, &workload)?;
            }
            let commands = handle.commands.clone();
            drop(known);
            let applied = workload.clone();
            tell(&commands, |done| Command::Apply(Box::new(workload), done)).await?;
            if let Some(handle) = self.known.lock().await.get_mut(&id)
                && handle.workload.generation < applied.generation
            {
                handle.workload = applied;
            }
            return Ok(());
        }
        self.shared.images.find(&workload.image)?;
        self.check(&known, &workload)?;
        let record = WorkloadRecord::new(workload);
        let saved = record.clone();
        let saving = self.shared.on_disk(move |directories| directories.save_workload(&saved));
        saving.await.map_err(failed("the record of a workload cannot be written"))?;
        self.shared.step("engine.apply.recorded");
        let instances = self.take_orphans(|orphan| orphan.workload.id == id);
        self.enlist(&mut known, record, instances);
        Ok(())
    }

    pub(crate) async fn restart(&self, id: &WorkloadId, at: jiff::Timestamp) -> Result<(), Error> {
        let commands = self.commands(id).await.ok_or_else(|| Error::UnknownWorkload(id.clone()))?;
        tell(&commands, |done| Command::Restart(at, done)).await
    }

    pub(crate) async fn delete(&self, id: &WorkloadId) -> Result<(), Error> {
        let Some(commands) = self.commands(id).await else { return Ok(()) };
        match tell(&commands, Command::Delete).await {
            // it ended in between, which only a deleted one does
            Err(Error::Unavailable(_)) if commands.is_closed() => Ok(()),
            other => other,
        }
    }

    /// Deletes all that is not wanted, and what nothing belongs to.
    pub(crate) async fn retain(self: &Arc<Self>, wanted: &[WorkloadId]) -> Result<(), Error> {
        let wanted: BTreeSet<&WorkloadId> = wanted.iter().collect();
        let all: Vec<WorkloadId> = self.known.lock().await.keys().cloned().collect();
        for id in all.iter().filter(|id| !wanted.contains(id)) {
            self.delete(id).await?;
        }
        self.sweep().await;
        Ok(())
    }

    /// Stops and removes what nothing belongs to: instances, and addresses.
    pub(crate) async fn sweep(self: &Arc<Self>) {
        let mut orphans: HashMap<WorkloadId, Vec<InstanceRecord>> = HashMap::new();
        for orphan in self.take_orphans(|_| true) {
            tracing::warn!(instance = %orphan.id, "an instance belongs to no workload: it is removed");
            orphans.entry(orphan.workload.id.clone()).or_default().push(orphan);
        }
        let mut known = self.known.lock().await;
        if self.closed.load(Ordering::SeqCst) {
            return;
        }
        for instances in orphans.into_values() {
            if let Some(workload) = instances.first().map(|instance| instance.workload.clone()) {
                let record = WorkloadRecord { deleting: true, ..WorkloadRecord::new(workload) };
                self.enlist(&mut known, record, instances);
            }
        }
        drop(known);
        for id in self.shared.services.attached() {
            if !self.shared.directories.is_used(&id)
                && let Err(error) = self.shared.services.detach(&id).await
            {
                tracing::warn!(instance = %id, %error, "the address of an instance that is gone stays");
            }
        }
    }

    /// Ends every task. Instances go on without, or are stopped before.
    pub(crate) async fn close(&self, stop: bool) {
        let mut known = self.known.lock().await;
        self.closed.store(true, Ordering::SeqCst);
        if stop {
            let mut waiting = Vec::new();
            for handle in known.values() {
                let (done, stopped) = oneshot::channel();
                if handle.commands.send(Command::Halt(done)).await.is_ok() {
                    waiting.push(stopped);
                }
            }
            for stopped in waiting {
                // dropped when every instance has ended
                let _ = stopped.await;
            }
        }
        known.clear();
    }

    /// Waits until nothing of a job, or of one of its workloads, will ever run again.
    pub(crate) async fn until_over(&self, tool: &str, name: &str, workload: Option<&WorkloadId>) {
        loop {
            let known = self.known.lock().await;
            let of_job = known.values().filter(|handle| {
                let known = &handle.workload;
                known.tool == tool && known.name == name && workload.is_none_or(|id| *id == known.id)
            });
            let next = of_job
                .map(|handle| handle.over.clone())
                .find(|over| !*over.borrow() && over.has_changed().is_ok());
            drop(known);
            let Some(mut next) = next else { return };
            // an error means that it was forgotten
            let _ = next.wait_for(|over| *over).await;
        }
    }

    async fn commands(&self, id: &WorkloadId) -> Option<mpsc::Sender<Command>> {
        let known = self.known.lock().await;
        known.get(id).map(|handle| handle.commands.clone()).filter(|commands| !commands.is_closed())
    }

    fn enlist(
        self: &Arc<Self>,
        known: &mut HashMap<WorkloadId, Handle>,
        record: WorkloadRecord,
        instances: Vec<InstanceRecord>,
    ) {
        let workload = record.workload.clone();
        let (actor, commands, over) = Actor::new(Arc::clone(&self.shared), record, instances);
        let (this, id, own) = (Arc::downgrade(self), workload.id.clone(), commands.clone());
        let task = Task::spawn(async move {
            actor.work().await;
            let Some(this) = this.upgrade() else { return };
            let mut known = this.known.lock().await;
            // another one of the same id may have taken the place
            if known.get(&id).is_some_and(|handle| handle.commands.same_channel(&own)) {
                known.remove(&id);
            }
        });
        known.insert(workload.id.clone(), Handle { workload, commands, over, _task: task });
    }

    fn take_orphans(&self, which: impl Fn(&InstanceRecord) -> bool) -> Vec<InstanceRecord> {
        let mut orphans = self.orphans.lock().unwrap_or_else(PoisonError::into_inner);
        orphans.extract_if(.., |orphan| which(orphan)).collect()
    }

    /// Refuses what cannot run beside the others, where instances have no network of their own.
    fn check(&self, known: &HashMap<WorkloadId, Handle>, workload: &Workload) -> Result<(), Error> {
        if self.shared.has_networks() {
            return Ok(());
        }
        let others = || {
            let all = known.values().filter(|handle| !handle.commands.is_closed());
            all.map(|handle| &handle.workload).filter(|other| other.id != workload.id)
        };
        if others().any(|other| other.tool != workload.tool) {
            self.refuse_together()?;
        }
        let Some(port) = workload.port else { return Ok(()) };
        if matches!(workload.kind, Kind::Always { replicas } if replicas > 1) {
            return Err(Error::Unsupported {
                feature: "several replicas on one port".to_owned(),
                hint:
                    "instances share this machine's network; run the server as root, or allow user namespaces"
                        .to_owned(),
            });
        }
        match others().find(|other| other.port == Some(port)) {
            None => Ok(()),
            Some(owner) => Err(Error::Unsupported {
                feature: format!("port {}", port.number),
                hint: format!("job {} of tool {} has it; choose another port", owner.name, owner.tool),
            }),
        }
    }

    fn refuse_together(&self) -> Result<(), Error> {
        if self.shared.has_networks() || self.apart == Apart::Trusted {
            return Ok(());
        }
        Err(Error::Unsupported {
            feature: "more than one tool".to_owned(),
            hint: "instances are plain processes here and tools could read each other's files; run the server as \
                   root, allow user namespaces, or say that tools trust each other"
                .to_owned(),
        })
    }
}

/// Tells a workload's task something and waits until it is durable.
async fn tell(commands: &mpsc::Sender<Command>, command: impl FnOnce(Done) -> Command) -> Result<(), Error> {
    let (done, answer) = oneshot::channel();
    let gone = || Error::Unavailable("the workload has just ended".to_owned());
    commands.send(command(done)).await.map_err(|_| gone())?;
    answer.await.map_err(|_| gone())?
}
