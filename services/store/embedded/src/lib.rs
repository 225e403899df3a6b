//! The record store on `SQLite`: one file in a service's directory, durable commits, no other process to run.
//!
//! Commits go to one writer thread, which takes all that wait into one transaction and pays for one fsync; reads go to
//! a few reader threads with connections of their own. The file is an ordinary database that `sqlite3` opens.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use async_trait::async_trait;
use durable::Lock;
use rusqlite::Connection;
use store::follow::follow;
use store::{
    Changes, Check, Key, Kind, Listing, Query, Record, Result, Revision, Store, WatchFrom, Write, limits,
};
use tokio::sync::oneshot;

use reader::Reads;
use shared::Shared;
use writer::{Commit, Writer};

mod backup;
mod error;
mod options;
mod queue;
mod reader;
mod reserve;
mod schema;
mod shared;
mod writer;

pub use error::OpenError;
pub use options::{OnFatal, OnStep, Options};

/// The name of the database in the directory.
pub const FILE: &str = "state.db";
const LOCK: &str = "state.lock";

/// A store in one directory. One process has it open at a time.
///
/// Dropping it waits for the commit that is being written, ends its watches and closes the file. After a failure it
/// cannot continue from (see [`Options::on_fatal`]) every call answers [`store::Error::Closed`].
pub struct Sqlite {
    file: PathBuf,
    shared: Arc<Shared>,
    reads: Reads,
    readers: Vec<JoinHandle<()>>,
    writer: Option<JoinHandle<()>>,
    backups: Arc<tokio::sync::Mutex<()>>,
    lock: Arc<Lock>,
}

impl Sqlite {
    /// Opens the store in `directory`, which is made (0700) if it is not there, and brings an older file up to date.
    /// After a stop that was not clean the file is checked first. Blocks on the disk.
    pub fn open(directory: &Path, options: Options) -> Result<Self, OpenError> {
        let Options { deletions_kept, reserve_bytes, readers, on_step, on_fatal } = options;
        durable::make_directory(directory).map_err(OpenError::io(directory))?;
        let lock = Arc::new(Lock::take(&directory.join(LOCK)).map_err(OpenError::lock(directory))?);
        let file = directory.join(FILE);
        let (reserve, connection) =
            reserve::open_beside(directory, reserve_bytes, || schema::open(&file, lock.was_unclean()))?;
        let readers =
            (0..readers.max(1)).map(|_| schema::open_reader(&file)).collect::<Result<Vec<_>, _>>()?;
        let shared = Arc::new(Shared::new(on_fatal));
        let writer = Writer::new(connection, reserve, deletions_kept, on_step, &shared)?;
        let reads = Reads::new(&shared);
        let backups = Arc::default();
        let mut store = Self { file, shared, reads, readers: Vec::new(), writer: None, backups, lock };
        for connection in readers {
            store.readers.push(reader::spawn(&store.shared, connection)?);
        }
        store.writer = Some(writer::spawn(writer)?);
        Ok(store)
    }

    /// Writes a copy of the store as it is at one moment to `target`, atomically and durably, while commits go on. A
    /// file that is there is replaced; the copy opens as a store when it is put in the place of [`FILE`].
    pub async fn backup_to(&self, target: &Path) -> Result<()> {
        self.shared.check_open()?;
        let turn = Arc::clone(&self.backups).lock_owned().await;
        let (file, target, lock) = (self.file.clone(), target.to_owned(), Arc::clone(&self.lock));
        let (reply, answer) = oneshot::channel();
        let copy = move || {
            let result = backup::copy(&file, &target);
            drop((turn, lock));
            // the caller may have gone; the copy stands
            let _ = reply.send(result);
        };
        std::thread::Builder::new()
            .name("store-backup".to_owned())
            .spawn(copy)
            .map_err(error::unavailable)?;
        answer.await.unwrap_or_else(|_| Err(error::unavailable("the backup stopped")))
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn get(&self, key: &Key) -> Result<Option<Record>> {
        self.reads.get(key.clone()).await
    }

    async fn list(&self, query: &Query) -> Result<Listing> {
        self.reads.list(query.clone()).await
    }

    async fn watch(&self, kind: &Kind, from: WatchFrom) -> Result<Changes> {
        self.shared.check_open()?;
        let notice = self.shared.notices.subscribe(kind)?;
        follow(self.reads.clone(), kind.clone(), from, notice).await
    }

    async fn commit(&self, tool: &str, checks: Vec<Check>, writes: Vec<Write>) -> Result<Revision> {
        limits::check_commit(tool, &checks, &writes)?;
        let (reply, answer) = oneshot::channel();
        self.shared.commits.push(Commit { checks, writes, reply }).await.map_err(|_| self.shared.closed())?;
        answer.await.unwrap_or_else(|_| Err(self.shared.closed()))
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        // The last connection that is closed brings the log into the file. Of two that are closed at once each takes
        // the other for the last one, and what was deleted stays readable in the log.
        self.shared.reads.close();
        let mut stopped = self.readers.drain(..).map(JoinHandle::join).all(|ended| ended.is_ok());
        self.shared.close();
        stopped &= self.writer.take().is_none_or(|writer| writer.join().is_ok());
        if stopped && !self.shared.has_failed() {
            // without the note the next start checks the file
            if let Err(error) = self.lock.mark_stopped() {
                tracing::warn!(%error, "cannot note the clean stop of a store");
            }
        }
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("file", &self.file).finish_non_exhaustive()
    }
}

/// A connection and what it reads or writes, for the threads that own one.
type Work = Box<dyn FnOnce(&mut Connection) + Send>;
