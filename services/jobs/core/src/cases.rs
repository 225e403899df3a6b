//! The use cases: each applies the rules, makes one commit, and then tells the engine.

mod create;
mod delete;
mod logs;
mod read;
mod restart;
mod runs;
mod transact;
mod upsert;
mod view;

use std::sync::Arc;
use std::time::Duration;

use engine::{Engine, Image};

use crate::board::Board;
use crate::locks::Locks;
use crate::{
    Clock, Definition, DefinitionInput, Error, Ids, JobName, JobType, Repository, Resolved, ResolvedImage,
    Site, ToolName, ToolState,
};

pub use logs::{LogRequest, LogWindow};
pub use read::{JobEvent, JobEvents};
pub use runs::{RunEvents, RunOverrides, RunPage};
pub use upsert::Upserted;
pub use view::JobView;

pub(crate) use create::new_run;
#[cfg(test)]
pub(crate) use delete::mark_deleted;
pub(crate) use view::calendar;

/// How long the answer to a request id is kept.
pub const ANSWERS_KEPT: Duration = Duration::from_hours(24);

/// What the service needs from outside.
#[derive(Clone, Debug)]
pub struct Ports {
    /// Where jobs and runs are recorded.
    pub repository: Arc<dyn Repository>,
    /// What runs them.
    pub engine: Arc<dyn Engine>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Identities.
    pub ids: Arc<dyn Ids>,
}

/// How a change is asked for. The default asks for nothing special, as old clients do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Repeating a request with the same id has one effect.
    pub request_id: Option<String>,
    /// The job must still be as [`Job::etag`](crate::Job::etag) said.
    pub etag: Option<String>,
    /// Check everything, change nothing.
    pub validate_only: bool,
}

/// The jobs service. Clones are the same service. [`Jobs::run`] must be running beside the use cases: it follows the
/// engine, starts what is due and clears what is over.
#[derive(Clone, Debug)]
pub struct Jobs {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) repository: Arc<dyn Repository>,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) site: Site,
    pub(crate) board: Board,
    /// One change of a tool's records at a time in this process; other processes are kept apart by revisions.
    pub(crate) tools: Locks,
    /// One call about a workload at a time, so that a late apply cannot follow a delete.
    pub(crate) workloads: Locks,
    /// Held shared to give the engine a workload, exclusively while it is told which are all.
    pub(crate) gate: tokio::sync::RwLock<()>,
}

/// A definition that was checked against everything but the other jobs.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) definition: Definition,
    pub(crate) resolved: Resolved,
}

impl Jobs {
    /// The service over these ports.
    pub fn new(ports: Ports, site: Site) -> Self {
        let Ports { repository, engine, clock, ids } = ports;
        let inner = Inner {
            repository,
            engine,
            clock,
            ids,
            site,
            board: Board::default(),
            tools: Locks::default(),
            workloads: Locks::default(),
            gate: tokio::sync::RwLock::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// What the site decided.
    pub fn site(&self) -> &Site {
        &self.inner.site
    }

    pub(crate) async fn catalogue(&self) -> Result<Vec<Image>, Error> {
        self.inner.engine.images().await.map_err(Error::of_engine)
    }

    /// Parses and resolves a definition; its image gets its canonical name, by which definitions are compared.
    pub(crate) async fn prepare(&self, tool: &ToolName, input: &DefinitionInput) -> Result<Prepared, Error> {
        let mut definition = Definition::parse(input)?;
        let catalogue = self.catalogue().await?;
        let image = ResolvedImage::find(&definition.image, &catalogue)
            .map_err(|missing| Error::NoSuchImage { url: missing.url })?;
        definition.image.clone_from(&image.name);
        self.inner.site.limits_of(tool).check_container(&definition)?;
        let resolved = Resolved::new(&definition, tool, image, &self.inner.site)?;
        Ok(Prepared { definition, resolved })
    }

    /// Refuses a second owner of the tool's host (contract 3.15), on creation and on update.
    pub(crate) fn check_publish(
        &self,
        state: &ToolState,
        tool: &ToolName,
        definition: &Definition,
    ) -> Result<(), Error> {
        if !definition.is_published() {
            return Ok(());
        }
        let other = state
            .jobs
            .iter()
            .find(|job| job.is_present() && job.definition.is_published() && *job.name() != definition.name);
        match other {
            Some(owner) => Err(Error::PublishConflict {
                host: self.inner.site.host(tool),
                owner: JobName::clone(owner.name()),
            }),
            None => Ok(()),
        }
    }
}

/// Whether a job of this type is started when it is made.
pub(crate) const fn starts_at_once(job_type: JobType) -> bool {
    !matches!(job_type, JobType::Scheduled)
}
