//! A store in memory: the same rules as the others, nothing kept over a restart.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::follow::{Cursor, Page, Pages, follow};
use crate::notices::Notices;
use crate::{
    Changes, Check, Key, Kind, Listing, Query, Record, Result, Revision, Store, WatchFrom, Write, limits,
};
use state::State;

mod state;

/// How many deletions a store remembers for its watches unless told otherwise.
pub const DELETIONS_KEPT: usize = 10_000;

/// A store in memory.
#[derive(Debug)]
pub struct Memory {
    state: Shared,
    notices: Notices,
}

impl Memory {
    /// An empty store that remembers the last `deletions_kept` deletions; a watch that would need an older one is
    /// told [`crate::Error::Compacted`].
    pub fn new(deletions_kept: usize) -> Self {
        let state = Shared(Arc::new(Mutex::new(State::new(deletions_kept))));
        Self { state, notices: Notices::default() }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(DELETIONS_KEPT)
    }
}

#[async_trait]
impl Store for Memory {
    async fn get(&self, key: &Key) -> Result<Option<Record>> {
        Ok(self.state.lock().get(key).cloned())
    }

    async fn list(&self, query: &Query) -> Result<Listing> {
        Ok(self.state.lock().list(query))
    }

    async fn watch(&self, kind: &Kind, from: WatchFrom) -> Result<Changes> {
        let notice = self.notices.subscribe(kind)?;
        follow(self.state.clone(), kind.clone(), from, notice).await
    }

    async fn commit(&self, tool: &str, checks: Vec<Check>, writes: Vec<Write>) -> Result<Revision> {
        limits::check_commit(tool, &checks, &writes)?;
        let kinds: Vec<Kind> = writes.iter().map(|write| write.key().kind.clone()).collect();
        let revision = self.state.lock().commit(&checks, writes)?;
        self.notices.announce(&kinds);
        Ok(revision)
    }
}

/// The state, shared with the watches. They do not hold the notices, so they end when the store is dropped.
#[derive(Debug, Clone)]
struct Shared(Arc<Mutex<State>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Pages for Shared {
    async fn page(&self, kind: &Kind, cursor: &Cursor) -> Result<Page> {
        self.lock().page(kind, cursor)
    }
}
