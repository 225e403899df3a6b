//! Reads what writers wrote: pages, following, retention.

mod backward;
mod entry;
mod follow;
mod forward;
mod index;
mod merge;
mod page;
mod sweep;
mod tail;
#[cfg(test)]
mod tests;
mod tree;
mod watch;
mod window;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::{Error, LogEntry, LogPage, LogQuery};
use futures_core::stream::BoxStream;
use jiff::Timestamp;

use self::index::Indexes;
use self::watch::Watcher;

pub use self::sweep::{Retention, Swept};

/// The kept output of all instances below one directory, and what is being written there. Clones are the same.
#[derive(Clone)]
pub struct Logs {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    indexes: Indexes,
    watcher: Arc<Watcher>,
}

impl Logs {
    /// Opens or creates the directory. One thread watches it for as long as any clone or followed stream lives.
    pub fn open(root: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(root)?;
        let watcher = Watcher::start(root)?;
        let shared = Shared { root: root.to_path_buf(), indexes: Indexes::default(), watcher };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The directory for a [`Writer`](crate::Writer) of one instance.
    pub fn leaf(&self, tool: &str, job: &str, workload: &str, instance: &str) -> PathBuf {
        crate::leaf(&self.shared.root, tool, job, workload, instance)
    }

    /// One page, as [`Engine::logs`](engine::Engine::logs) says it. Reads files: [`page`](Self::page) is for async code.
    /// A page may be shorter than asked for where its lines are very long.
    pub fn query(&self, query: &LogQuery) -> Result<LogPage, Error> {
        page::page(&self.shared, query)
    }

    /// The same on a thread for blocking work.
    pub async fn page(&self, query: LogQuery) -> Result<LogPage, Error> {
        let logs = self.clone();
        let page = tokio::task::spawn_blocking(move || logs.query(&query)).await;
        page.map_err(|error| Error::failed("reading output", error))?
    }

    /// What is kept within the query (oldest first), then what is written, by new instances of the job too. `done`
    /// resolves when nothing will be written any more that the query asks for: what is there then is given before the
    /// stream ends. It ends too when `until` has passed. Nothing is polled: the kernel says what was written.
    pub fn follow<F>(&self, query: LogQuery, done: F) -> BoxStream<'static, Result<LogEntry, Error>>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        follow::follow(Arc::clone(&self.shared), query, Box::pin(done))
    }

    /// Drops what is too old or too much. An instance for which `lives` is true may still have a writer: its last
    /// segment stays. Reads and removes files.
    pub fn sweep(
        &self,
        now: Timestamp,
        retention: &Retention,
        lives: &dyn Fn(&str) -> bool,
    ) -> io::Result<Swept> {
        sweep::sweep(&self.shared.root, now, retention, lives)
    }

    /// Removes all output of a tool; a tool without output is fine.
    pub fn remove_tool(&self, tool: &str) -> io::Result<()> {
        sweep::remove(&self.shared.root.join(crate::segment::escape(tool)))
    }

    /// Removes all output of one instance.
    pub fn remove_instance(&self, tool: &str, job: &str, workload: &str, instance: &str) -> io::Result<()> {
        sweep::remove(&self.leaf(tool, job, workload, instance))
    }
}

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logs").field("root", &self.shared.root).finish_non_exhaustive()
    }
}
