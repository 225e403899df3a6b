//! The task of one workload: makes its instances what the definition wants, until it is deleted.

mod publish;
mod steps;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engine::{Error, Exit, Instance, InstanceId, Workload};
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::life::{self, Life, Order, Report};
use crate::records::{InstanceRecord, WorkloadRecord};
use crate::shared::{Shared, failed};
use crate::task::Task;

/// What a workload is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// A definition; a lower generation changes nothing.
    Apply(Box<Workload>, Done),
    /// Replace every instance.
    Restart(Timestamp, Done),
    /// Stop and forget.
    Delete(Done),
    /// Stop every instance, and stay known. The sender is dropped when all have ended.
    Halt(oneshot::Sender<()>),
}

/// Told when it is durable.
pub(crate) type Done = oneshot::Sender<Result<(), Error>>;

/// How many commands and reports may wait.
const WAITING: usize = 64;
/// When something that the disk refused is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// The task of one workload.
#[derive(Debug)]
pub(crate) struct Actor {
    shared: Arc<Shared>,
    record: WorkloadRecord,
    members: BTreeMap<InstanceId, Member>,
    commands: mpsc::Receiver<Command>,
    reports: mpsc::Receiver<Report>,
    reporter: mpsc::Sender<Report>,
    /// Instances that are drained before they are stopped.
    draining: JoinSet<InstanceId>,
    /// When to look again, where nothing else happens before.
    wake: Option<Timestamp>,
    published: Option<publish::Published>,
    halt: Halt,
    /// Whether nothing of it will ever run again.
    over: watch::Sender<bool>,
}

/// Whether everything is to stop, and nothing new to be started.
#[derive(Debug)]
enum Halt {
    No,
    /// Who waits learns by the drop that all has ended.
    Ending {
        _waits: oneshot::Sender<()>,
    },
    Done,
}

/// One instance.
#[derive(Debug)]
struct Member {
    record: InstanceRecord,
    view: Instance,
    address: Option<std::net::Ipv4Addr>,
    orders: watch::Sender<Order>,
    /// It is not needed any more.
    leaving: bool,
    /// Its task has looked at what there is.
    settled: bool,
    end: Option<Exit>,
    _task: Task,
}

impl Actor {
    /// The task of a workload, with what an earlier server left of it.
    pub(crate) fn new(
        shared: Arc<Shared>,
        record: WorkloadRecord,
        mut instances: Vec<InstanceRecord>,
    ) -> (Self, mpsc::Sender<Command>, watch::Receiver<bool>) {
        let (sender, commands) = mpsc::channel(WAITING);
        let (reporter, reports) = mpsc::channel(WAITING);
        let (over, receiver) = watch::channel(false);
        let mut actor = Self {
            shared,
            record,
            members: BTreeMap::new(),
            commands,
            reports,
            reporter,
            draining: JoinSet::new(),
            wake: None,
            published: None,
            halt: Halt::No,
            over,
        };
        instances.sort_by_key(|instance| instance.created);
        for instance in instances {
            actor.enlist(instance, false);
        }
        (actor, sender, receiver)
    }

    /// Works until the workload is forgotten, or nobody can tell it anything any more.
    pub(crate) async fn work(mut self) {
        while !self.advance().await {
            let wake = self.wake.take();
            let shared = Arc::clone(&self.shared);
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => self.obey(command).await,
                    None => return,
                },
                report = self.reports.recv() => match report {
                    Some(report) => self.note(report).await,
                    None => return,
                },
                Some(drained) = self.draining.join_next() => {
                    if let Ok(id) = drained {
                        self.order(&id);
                    }
                }
                () = until(&shared, wake) => {}
            }
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Apply(workload, done) => {
                // whoever asked may have left; the answer is not owed then
                let _ = done.send(self.apply(*workload).await);
            }
            Command::Restart(at, done) => {
                let _ = done.send(self.restart(at).await);
            }
            Command::Delete(done) => {
                let _ = done.send(self.delete().await);
            }
            Command::Halt(done) => {
                self.halt = Halt::Ending { _waits: done };
                self.withdraw().await;
                self.order_all();
            }
        }
    }

    async fn apply(&mut self, workload: Workload) -> Result<(), Error> {
        if self.record.deleting {
            return Err(Error::Unavailable(format!("workload {} is being deleted", workload.id)));
        }
        if workload.generation <= self.record.workload.generation {
            return Ok(());
        }
        self.shared.images.find(&workload.image)?;
        let record = WorkloadRecord { workload, ..self.record.clone() };
        self.save(record, "engine.apply.recorded").await
    }

    async fn restart(&mut self, at: Timestamp) -> Result<(), Error> {
        if matches!(self.record.workload.kind, engine::Kind::Once { .. }) {
            return Err(Error::Unsupported {
                feature: "restart of a workload that runs once".to_owned(),
                hint: "apply a new workload".to_owned(),
            });
        }
        if self.record.deleting || self.record.restarted_at.is_some_and(|before| before >= at) {
            return Ok(());
        }
        let record = WorkloadRecord { restarted_at: Some(at), ..self.record.clone() };
        self.save(record, "engine.restart.recorded").await
    }

    async fn delete(&mut self) -> Result<(), Error> {
        if self.record.deleting {
            return Ok(());
        }
        let record = WorkloadRecord { deleting: true, ..self.record.clone() };
        self.save(record, "engine.delete.marked").await
    }

    async fn save(&mut self, record: WorkloadRecord, step: &'static str) -> Result<(), Error> {
        let saved = record.clone();
        let saving = self.shared.on_disk(move |directories| directories.save_workload(&saved));
        saving.await.map_err(failed("the record of a workload cannot be written"))?;
        self.record = record;
        self.shared.step(step);
        Ok(())
    }

    async fn note(&mut self, report: Report) {
        match report {
            Report::Changed(view, address) => {
                if let Some(member) = self.members.get_mut(&view.id) {
                    // the first word of a life that was taken over is what the record says
                    member.settled = member.settled || view.container != member.view.container || view.ready;
                    member.view = *view;
                    member.address = address;
                }
            }
            Report::Finished(id, end) => {
                if let Some(member) = self.members.get_mut(&id) {
                    member.settled = true;
                    member.end = Some(end);
                }
                self.shared.routes.drain(&id);
                if self.is_always() && matches!(self.halt, Halt::No) {
                    self.forget(&id).await;
                }
            }
        }
    }

    /// Removes the last of an instance.
    async fn forget(&mut self, id: &InstanceId) -> bool {
        let removed = id.clone();
        let removing = self.shared.on_disk(move |directories| directories.remove_instance(&removed));
        if let Err(error) = removing.await {
            tracing::error!(instance = %id, %error, "an instance cannot be forgotten now");
            self.look_again();
            return false;
        }
        self.shared.step("engine.instance.removed");
        self.members.remove(id);
        self.shared.board.gone(id);
        true
    }

    /// Begins or continues the life of an instance.
    fn enlist(&mut self, record: InstanceRecord, settled: bool) {
        let id = record.id.clone();
        let (orders, receiver) = watch::channel(None);
        let first = self.members.values().map(|member| member.record.created).min();
        let from = first.map_or(record.created, |first| first.min(record.created));
        let begun = self.shared.directories.run(&id, record.run).is_dir();
        let view = life::first_view(&record, begun);
        let life = Life::new(Arc::clone(&self.shared), record.clone(), from, receiver, self.reporter.clone());
        let task = Task::spawn(life.live());
        let member =
            Member { record, view, address: None, orders, leaving: false, settled, end: None, _task: task };
        self.members.insert(id, member);
    }

    fn order_all(&mut self) {
        let all: Vec<InstanceId> = self.members.keys().cloned().collect();
        for id in all {
            self.shared.routes.drain(&id);
            self.order(&id);
        }
    }

    /// Tells an instance to end.
    fn order(&mut self, id: &InstanceId) {
        if let Some(member) = self.members.get_mut(id) {
            member.leaving = true;
            let grace = member.record.workload.grace;
            member.orders.send_if_modified(|order| order.replace(grace).is_none());
        }
    }

    const fn is_always(&self) -> bool {
        matches!(self.record.workload.kind, engine::Kind::Always { .. })
    }

    fn look_again(&mut self) {
        let again = self.shared.clock.now().checked_add(AGAIN).ok();
        self.wake = match (self.wake, again) {
            (Some(wake), Some(again)) => Some(wake.min(again)),
            (wake, again) => wake.or(again),
        };
    }
}

/// Waits until a time of the clock; for ever without one.
async fn until(shared: &Shared, time: Option<Timestamp>) {
    let Some(time) = time else { return std::future::pending().await };
    let left = Duration::try_from(shared.clock.now().until(time).unwrap_or_default());
    tokio::time::sleep(left.unwrap_or_default()).await;
}
