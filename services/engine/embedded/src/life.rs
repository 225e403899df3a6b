//! The life of one instance: its runs one after the other, from the first intent to the end.
//!
//! Exactly one task lives an instance, and a run's directory is held by its shim's lock, so there is never more than
//! one process of an instance. After a restart of the server the same task begins again from the records.

mod hold;
mod start;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use engine::{Backoff, Container, Exit, ExitReason, ExitStatus, Instance, Kind, Phase};
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use self::hold::Held;
use self::start::Opening;
use crate::records::InstanceRecord;
use crate::shared::{Shared, blocking};

/// Told to end: the grace between the polite signal and the kill.
pub(crate) type Order = Option<Duration>;

/// The first wait after something that should have worked did not; it doubles.
const TROUBLE: Duration = Duration::from_millis(250);
const MOST_TROUBLE: Duration = Duration::from_secs(30);
/// How long a shim may take to clean up after its run.
const LEAVING: Duration = Duration::from_secs(15);

/// What a life tells its workload.
#[derive(Debug)]
pub(crate) enum Report {
    /// The instance is now so, and reached there.
    Changed(Box<Instance>, Option<Ipv4Addr>),
    /// It ended for good, and all it held is free.
    Finished(engine::InstanceId, Exit),
}

/// The task of one instance.
#[derive(Debug)]
pub(crate) struct Life {
    shared: Arc<Shared>,
    record: InstanceRecord,
    /// Since when the deadline of a workload that runs once counts.
    deadline_from: Timestamp,
    orders: watch::Receiver<Order>,
    reports: mpsc::Sender<Report>,
    view: Instance,
    address: Option<Ipv4Addr>,
    backoff: Backoff,
    /// The connection to the run that ended last, until the end is recorded.
    ended: Option<Held>,
}

impl Life {
    pub(crate) fn new(
        shared: Arc<Shared>,
        record: InstanceRecord,
        deadline_from: Timestamp,
        orders: watch::Receiver<Order>,
        reports: mpsc::Sender<Report>,
    ) -> Self {
        let view = first_view(&record, shared.directories.run(&record.id, record.run).is_dir());
        let mut backoff = Backoff::default();
        for _ in 0..record.streak {
            backoff.after(Duration::ZERO);
        }
        Self { shared, record, deadline_from, orders, reports, view, address: None, backoff, ended: None }
    }

    /// Lives to the end.
    pub(crate) async fn live(mut self) {
        let mut recorded = true;
        self.clear_old_runs().await;
        let end = if let Some(end) = self.record.end.clone() {
            end
        } else {
            self.publish().await;
            let end = self.runs().await;
            self.record.end = Some(end.clone());
            recorded = self.record_end().await;
            end
        };
        self.view.phase = final_phase(&end);
        self.view.container = Container::Terminated(end.clone());
        self.view.ready = false;
        self.publish().await;
        self.leave().await;
        if recorded {
            self.clean().await;
        }
        self.shared.step("engine.instance.cleaned");
        // a closed channel means that the engine is closing
        let _ = self.reports.send(Report::Finished(self.record.id.clone(), end)).await;
    }

    async fn runs(&mut self) -> Exit {
        loop {
            if let Some(end) = self.wait_for_turn().await {
                return end;
            }
            let exit = self.run().await;
            let once = matches!(self.record.workload.kind, Kind::Once { .. });
            if once || self.is_ordered() || exit.reason == ExitReason::Stopped {
                return exit;
            }
            self.intend_next(exit).await;
        }
    }

    /// Waits for the back-off of a run that has not begun. Gives the end where it is told to end meanwhile.
    async fn wait_for_turn(&mut self) -> Option<Exit> {
        let last = self.record.last_exit.clone()?;
        if self.shared.directories.run(&self.record.id, self.record.run).is_dir() {
            return None;
        }
        let delay = self.delay();
        let due = last.finished.checked_add(delay).unwrap_or(last.finished);
        let left = Duration::try_from(self.now().until(due).unwrap_or_default()).unwrap_or_default();
        if !left.is_zero() {
            self.view.container =
                Container::Waiting { message: Some(format!("back-off {}s before restart", delay.as_secs())) };
            self.publish().await;
            self.pause(left).await;
        }
        self.is_ordered().then_some(Exit { reason: ExitReason::Stopped, ..last })
    }

    /// The back-off that the record stands for.
    fn delay(&self) -> Duration {
        let mut backoff = Backoff::default();
        let mut delay = Duration::ZERO;
        for _ in 0..self.record.streak {
            delay = backoff.after(Duration::ZERO);
        }
        delay
    }

    /// Records that a run ended and that another one follows.
    async fn intend_next(&mut self, exit: Exit) {
        self.view.ready = false;
        self.view.container = Container::Terminated(exit.clone());
        self.publish().await;
        let ran = exit.started.and_then(|started| exit.finished.duration_since(started).try_into().ok());
        let delay = self.backoff.after(ran.unwrap_or_default());
        self.record.streak = if delay.is_zero() { 1 } else { self.record.streak.saturating_add(1) };
        let old = self.record.run;
        self.record.run = old.saturating_add(1);
        self.record.last_exit = Some(exit.clone());
        self.save().await;
        self.shared.step("engine.exit.recorded");
        self.leave().await;
        let directory = self.shared.directories.run(&self.record.id, old);
        if let Err(error) = blocking(move || durable::remove_directory(&directory)).await {
            tracing::warn!(instance = %self.record.id, %error, "the directory of a run stays");
        }
        self.view.last_exit = Some(exit);
    }

    /// One run, started or taken over, to its end.
    async fn run(&mut self) -> Exit {
        let mut trouble = TROUBLE;
        loop {
            match self.open().await {
                Ok(Opening::Live(held)) => {
                    if let Some(exit) = self.hold(held).await {
                        return exit;
                    }
                }
                Ok(Opening::Ended(exit, message)) => {
                    self.view.message = message;
                    return exit;
                }
                Err(message) => {
                    tracing::warn!(instance = %self.record.id, message, "an instance cannot be started now");
                    self.view.container = Container::Waiting { message: Some(message.clone()) };
                    self.view.message = Some(message);
                    self.publish().await;
                    self.pause(trouble).await;
                    trouble = (trouble * 2).min(MOST_TROUBLE);
                }
            }
        }
    }

    /// Waits, but not past an order to end.
    async fn pause(&mut self, time: Duration) {
        let ordered = async {
            // an error means that nobody can order any more: the engine is closing, and this task with it
            let _ = self.orders.wait_for(Option::is_some).await;
        };
        let _ = timeout(time, ordered).await;
    }

    fn is_ordered(&self) -> bool {
        self.orders.borrow().is_some()
    }

    /// Writes the record, for as long as it takes: a full disk ends some time.
    async fn save(&mut self) {
        loop {
            let (directories, record) = (self.shared.directories.clone(), self.record.clone());
            let Err(error) = blocking(move || directories.save_instance(&record)).await else { return };
            tracing::error!(instance = %self.record.id, %error, "the record of an instance cannot be written");
            sleep(MOST_TROUBLE / 10).await;
        }
    }

    /// Writes how it ended. One that was told to end is about to be removed, which a full disk must not prevent: then
    /// the shim's own record has to do, and stays.
    async fn record_end(&mut self) -> bool {
        if self.is_ordered() {
            let record = self.record.clone();
            let saving = self.shared.on_disk(move |directories| directories.save_instance(&record));
            if let Err(error) = saving.await {
                tracing::error!(instance = %self.record.id, %error, "the end of an instance cannot be recorded");
                return false;
            }
        } else {
            self.save().await;
        }
        self.shared.step("engine.exit.recorded");
        true
    }

    /// Lets go of runs before the newest one, whose end was recorded by a server that was killed then.
    async fn clear_old_runs(&mut self) {
        let (directory, newest) = (self.shared.directories.instance(&self.record.id), self.record.run);
        let cleared = blocking(move || {
            for entry in std::fs::read_dir(directory)? {
                let path = entry?.path();
                let run = path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
                if run.is_some_and(|run| run < newest) {
                    start::dismiss(&path)?;
                    durable::remove_directory(&path)?;
                }
            }
            Ok(())
        });
        if let Err(error) = cleared.await {
            tracing::warn!(instance = %self.record.id, %error, "the directory of an old run stays");
        }
    }

    /// Lets the shim of a run whose end is recorded go, and waits until nothing is left of it.
    async fn leave(&mut self) {
        let Some(mut held) = self.ended.take() else { return };
        if timeout(LEAVING, held.leave()).await.is_err() {
            tracing::warn!(instance = %self.record.id, "the holder of a run does not leave");
        }
    }

    /// Frees what the instance held. Its record stays until the workload is forgotten.
    async fn clean(&mut self) {
        if let Err(error) = self.shared.services.detach(&self.record.id).await {
            tracing::warn!(instance = %self.record.id, %error, "the address of an instance stays");
        }
        let directory = self.shared.directories.run(&self.record.id, self.record.run);
        let hosts = self.shared.directories.hosts(&self.record.id);
        let removed = blocking(move || {
            // the shim of a run that was recorded before a restart may linger: let it go first
            start::dismiss(&directory)?;
            durable::remove(&hosts)?;
            durable::remove_directory(&directory)
        });
        if let Err(error) = removed.await {
            tracing::warn!(instance = %self.record.id, %error, "the directory of a run stays");
        }
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Tells observers and the workload.
    async fn publish(&mut self) {
        self.view.changed = self.now();
        self.shared.board.instance(&self.view);
        // a closed channel means that the engine is closing
        let _ = self.reports.send(Report::Changed(Box::new(self.view.clone()), self.address)).await;
    }
}

/// What is known of an instance before its task looked.
pub(crate) fn first_view(record: &InstanceRecord, begun: bool) -> Instance {
    let again = record.run > 1;
    let workload = &record.workload;
    Instance {
        id: record.id.clone(),
        workload: workload.id.clone(),
        generation: workload.generation,
        tool: workload.tool.clone(),
        name: workload.name.clone(),
        phase: if again { Phase::Running } else { Phase::Pending },
        container: if again { Container::Waiting { message: None } } else { Container::Absent },
        last_exit: record.last_exit.clone(),
        restarts: record.run.saturating_sub(if begun || !again { 1 } else { 2 }),
        ready: false,
        created: record.created,
        changed: record.created,
        message: None,
    }
}

/// Succeeded is an end by itself with 0.
pub(crate) const fn final_phase(end: &Exit) -> Phase {
    match (end.status, end.reason) {
        (ExitStatus::Code(0), ExitReason::Completed | ExitReason::Stopped) => Phase::Succeeded,
        _ => Phase::Failed,
    }
}
