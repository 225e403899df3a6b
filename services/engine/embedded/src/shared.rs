//! What all parts of one engine share.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::{Capabilities, Clock, Error, InstanceId, Secrets};
use engine_shim::{Parent, Tier};
use tokio::sync::Semaphore;

use crate::config::{Entropy, Identities, Limits, OnStep};
use crate::dial::Dial;
use crate::images::Images;
use crate::link::Link;
use crate::observe::Board;
use crate::records::Directories;
use crate::routes::Routes;
use crate::services::Services;

/// Runs that are started at the same time; more only take the processor from each other.
const STARTS: usize = 4;

/// What all parts of one engine share.
pub(crate) struct Shared {
    pub(crate) directories: Directories,
    pub(crate) exe: std::path::PathBuf,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) identities: Arc<dyn Identities>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Entropy,
    pub(crate) limits: Limits,
    pub(crate) tier: Tier,
    pub(crate) cgroup: Option<Parent>,
    pub(crate) capabilities: Capabilities,
    pub(crate) images: Images,
    pub(crate) logs: engine_logs::Logs,
    pub(crate) board: Board,
    pub(crate) services: Services,
    pub(crate) routes: Routes,
    pub(crate) starts: Semaphore,
    pub(crate) links: Arc<Links>,
    pub(crate) on_step: Option<OnStep>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("directories", &self.directories).finish_non_exhaustive()
    }
}

impl Shared {
    /// As many starts as may happen at once.
    pub(crate) fn starts() -> Semaphore {
        Semaphore::new(STARTS)
    }

    /// Tells that a durable step was made.
    pub(crate) fn step(&self, name: &'static str) {
        if let Some(on_step) = &self.on_step {
            on_step(name);
        }
    }

    /// Whether several instances can listen on one port.
    pub(crate) fn has_networks(&self) -> bool {
        self.tier != Tier::Process
    }

    /// Whether there is output of an instance of this name, though it may be long gone.
    pub(crate) fn has_logs(&self, tool: &str, job: &str, id: &InstanceId) -> bool {
        let of_instance = engine_logs::leaf(&self.directories.logs, tool, job, "-", &id.0);
        let (Some(name), Some(job)) = (of_instance.file_name(), of_instance.ancestors().nth(2)) else {
            return false;
        };
        std::fs::read_dir(job)
            .into_iter()
            .flatten()
            .flatten()
            .any(|workload| workload.path().join(name).exists())
    }

    /// Does something that waits for the disk with the directories.
    pub(crate) async fn on_disk<T, F>(&self, work: F) -> io::Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Directories) -> io::Result<T> + Send + 'static,
    {
        let directories = self.directories.clone();
        blocking(move || work(&directories)).await
    }
}

/// Living runs, and how to reach them.
#[derive(Debug, Default)]
pub(crate) struct Links {
    known: Mutex<HashMap<InstanceId, (Arc<Link>, Dial)>>,
}

impl Links {
    pub(crate) fn insert(&self, id: &InstanceId, link: Arc<Link>, dial: Dial) {
        self.lock().insert(id.clone(), (link, dial));
    }

    pub(crate) fn remove(&self, id: &InstanceId) {
        self.lock().remove(id);
    }

    /// The connection to a living run.
    pub(crate) fn link(&self, id: &InstanceId) -> Option<Arc<Link>> {
        self.lock().get(id).map(|(link, _)| Arc::clone(link))
    }

    /// How to reach the ports of a living run.
    pub(crate) fn dial(&self, id: &InstanceId) -> Option<Dial> {
        self.lock().get(id).map(|(_, dial)| dial.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<InstanceId, (Arc<Link>, Dial)>> {
        // insertions and removals only: a panic elsewhere leaves the map whole
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does something that waits for the disk or the kernel, away from the tasks that must not wait.
pub(crate) async fn blocking<T, F>(work: F) -> io::Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> io::Result<T> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// A failure of the disk or the kernel, in the port's words.
pub(crate) fn failed(context: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |error| Error::failed(context, error)
}
