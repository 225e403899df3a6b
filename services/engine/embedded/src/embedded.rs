//! The engine itself: the port's calls, and how it is opened and closed.

mod open;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use durable::Lock;
use engine::{
    Attachment, Capabilities, Engine, Error, Image, InstanceId, LogEntry, LogPage, LogQuery, Observation,
    Signal, Workload, WorkloadId,
};
use engine_router::Table;
use engine_shim::protocol::Request;
use futures_core::stream::BoxStream;
use jiff::Timestamp;

use crate::attach;
use crate::records;
use crate::shared::{Shared, failed};
use crate::supervisor::Supervisor;
use crate::task::Task;

/// Runs workloads as processes on this machine. Dropping it leaves every instance running, for the next one to take
/// over.
#[derive(Debug)]
pub struct Embedded {
    shared: Arc<Shared>,
    supervisor: Arc<Supervisor>,
    held: Mutex<Option<Held>>,
}

/// What an engine has until it is closed.
#[derive(Debug)]
struct Held {
    _upkeep: [Task; 2],
    /// Held for as long as this engine owns the directory.
    _lock: Lock,
}

impl Embedded {
    /// Where published workloads are found, for an [`engine_router::Router`].
    pub fn table(&self) -> Arc<Table> {
        self.shared.routes.table()
    }

    /// Lets go of the directory; every call after it is refused. Instances run on and are taken over by the next
    /// engine, or are stopped first, with their addresses removed; workloads stay wanted in either case.
    ///
    /// # Errors
    /// The network could not be removed.
    pub async fn close(&self, stop_instances: bool) -> Result<(), Error> {
        self.supervisor.close(stop_instances).await;
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
        let shared = Arc::clone(&self.shared);
        let closing = crate::shared::blocking(move || {
            if stop_instances {
                shared.services.remove()?;
                open::remove_group(shared.cgroup.as_ref());
            }
            drop(held);
            Ok(())
        });
        closing.await.map_err(failed("the network cannot be removed"))
    }

    /// The newest run of an instance that lives.
    fn run_of(&self, id: &InstanceId) -> Result<(std::path::PathBuf, bool), Error> {
        let unknown = || Error::UnknownInstance(id.clone());
        let view = self.shared.board.get(id).filter(|view| !view.is_finished()).ok_or_else(unknown)?;
        let record = self.shared.directories.load_instance(&view.id);
        let record: records::InstanceRecord =
            record.map_err(failed("the record of an instance cannot be read"))?.ok_or_else(unknown)?;
        Ok((self.shared.directories.run(id, record.run), record.workload.stdin))
    }
}

#[async_trait]
impl Engine for Embedded {
    async fn apply(&self, workload: Workload) -> Result<(), Error> {
        self.supervisor.apply(workload).await
    }

    async fn delete(&self, id: &WorkloadId) -> Result<(), Error> {
        self.supervisor.delete(id).await
    }

    async fn retain(&self, wanted: &[WorkloadId]) -> Result<(), Error> {
        self.supervisor.retain(wanted).await
    }

    async fn restart(&self, id: &WorkloadId, at: Timestamp) -> Result<(), Error> {
        self.supervisor.restart(id, at).await
    }

    async fn signal(&self, id: &InstanceId, signal: Signal) -> Result<(), Error> {
        if self.shared.board.get(id).is_none() {
            return Err(Error::UnknownInstance(id.clone()));
        }
        // one that has no process now has nothing to signal
        let Some(link) = self.shared.links.link(id) else { return Ok(()) };
        let number = match signal {
            Signal::Hangup => 1,
            Signal::Interrupt => 2,
            Signal::Kill => 9,
            Signal::Terminate => 15,
        };
        // a shim that cannot be told has left, and its run with it
        let _ = link.send(&Request::Signal { number }).await;
        Ok(())
    }

    async fn observe(&self) -> Result<BoxStream<'static, Observation>, Error> {
        Ok(self.shared.board.observe())
    }

    async fn logs(&self, query: LogQuery) -> Result<LogPage, Error> {
        self.shared.logs.page(query).await
    }

    async fn follow(&self, query: LogQuery) -> Result<BoxStream<'static, Result<LogEntry, Error>>, Error> {
        let (supervisor, asked) = (Arc::downgrade(&self.supervisor), query.clone());
        let done = async move {
            if let Some(supervisor) = supervisor.upgrade() {
                supervisor.until_over(&asked.tool, &asked.name, asked.workload.as_ref()).await;
            }
        };
        Ok(self.shared.logs.follow(query, done))
    }

    async fn attach(&self, id: &InstanceId) -> Result<Attachment, Error> {
        let (run, stdin) = self.run_of(id)?;
        attach::attach(&run, stdin).await.map_err(failed("the instance cannot be attached to"))
    }

    async fn images(&self) -> Result<Vec<Image>, Error> {
        Ok(self.shared.images.list())
    }

    async fn capabilities(&self) -> Result<Capabilities, Error> {
        Ok(self.shared.capabilities.clone())
    }
}
