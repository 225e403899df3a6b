//! Reads: a few threads, each with a connection of its own, and the queries.

use std::sync::Arc;
use std::thread::JoinHandle;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use store::follow::{Cursor, PAGE, Page, Pages};
use store::{Event, Key, Kind, Listing, Query, Record, Result, Revision};
use tokio::sync::oneshot;

use crate::OpenError;
use crate::error::{Failure, unavailable};
use crate::shared::{Shared, Watchman};

/// A page of changes ends after so many bytes of documents, however few changes it has.
const PAGE_BYTES: usize = 4 << 20;

const GET: &str = "SELECT tool, name, revision, version, document FROM records \
     WHERE kind = ?1 AND tool = ?2 AND name = ?3";
const LIST_ALL: &str = "SELECT tool, name, revision, version, document FROM records \
     WHERE kind = ?1 AND (tool, name) > (?2, ?3) ORDER BY tool, name LIMIT ?4";
const LIST_TOOL: &str = "SELECT tool, name, revision, version, document FROM records \
     WHERE kind = ?1 AND tool = ?2 AND name > ?3 ORDER BY name LIMIT ?4";
const CHANGES: &str = "SELECT tool, name, revision, version, document FROM records \
     WHERE kind = ?1 AND (revision, tool, name) > (?2, ?3, ?4) \
     UNION ALL SELECT tool, name, revision, NULL, NULL FROM deletions \
     WHERE kind = ?1 AND (revision, tool, name) > (?2, ?3, ?4) AND revision > ?5 \
     ORDER BY revision, tool, name";

/// Starts a thread that reads with `connection` until the store is closed.
pub(crate) fn spawn(shared: &Arc<Shared>, mut connection: Connection) -> Result<JoinHandle<()>, OpenError> {
    let watchman = Watchman(Arc::clone(shared));
    let run = move || {
        while let Some(work) = watchman.0.reads.pop() {
            work(&mut connection);
        }
    };
    std::thread::Builder::new().name("store-read".to_owned()).spawn(run).map_err(OpenError::Thread)
}

/// The reads of a store, for its callers and its watches.
#[derive(Debug, Clone)]
pub(crate) struct Reads(Arc<Shared>);

impl Reads {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self(Arc::clone(shared))
    }

    pub(crate) async fn get(&self, key: Key) -> Result<Option<Record>> {
        self.read(move |snapshot| get(snapshot, &key)).await
    }

    pub(crate) async fn list(&self, query: Query) -> Result<Listing> {
        self.read(move |snapshot| list(snapshot, &query)).await
    }

    /// Runs `query` on a reader thread, in a transaction, so that all it reads is of one moment.
    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let work = move |connection: &mut Connection| {
            let result = connection.transaction().and_then(|snapshot| query(&snapshot));
            // the caller may have given up
            let _ = reply.send(result);
        };
        self.0.reads.push(Box::new(work)).await.map_err(|_| self.0.closed())?;
        match answer.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.failed(&error)),
            Err(_) => Err(self.0.closed()),
        }
    }

    fn failed(&self, error: &rusqlite::Error) -> store::Error {
        if Failure::of(error) == Failure::Fatal {
            self.0.fail(&error.to_string());
            return self.0.closed();
        }
        unavailable(error)
    }
}

#[async_trait]
impl Pages for Reads {
    async fn page(&self, kind: &Kind, cursor: &Cursor) -> Result<Page> {
        let (kind, place) = (kind.clone(), cursor.clone());
        let (page, horizon) = self
            .read(move |snapshot| Ok((page(snapshot, &kind, &place)?, horizon(snapshot, &kind)?)))
            .await?;
        cursor.check(page.head, horizon)?;
        Ok(page)
    }
}

/// `SQLite`'s integers are signed; no revision of a store is beyond them, and one from outside that is selects nothing.
pub(crate) fn number(revision: Revision) -> i64 {
    i64::try_from(revision.number()).unwrap_or(i64::MAX)
}

pub(crate) fn revision(row: &Row<'_>, column: usize) -> rusqlite::Result<Revision> {
    row.get(column).map(|number: i64| Revision::from_number(number.unsigned_abs()))
}

pub(crate) fn head(snapshot: &Transaction<'_>) -> rusqlite::Result<Revision> {
    snapshot.prepare_cached("SELECT revision FROM head")?.query_row([], |row| revision(row, 0))
}

fn horizon(snapshot: &Transaction<'_>, kind: &Kind) -> rusqlite::Result<Revision> {
    let mut query = snapshot.prepare_cached("SELECT revision FROM horizons WHERE kind = ?1")?;
    Ok(query.query_row([kind.as_str()], |row| revision(row, 0)).optional()?.unwrap_or_default())
}

fn get(snapshot: &Transaction<'_>, key: &Key) -> rusqlite::Result<Option<Record>> {
    let mut query = snapshot.prepare_cached(GET)?;
    query.query_row([key.kind.as_str(), &key.tool, &key.name], |row| record(row, &key.kind)).optional()
}

fn list(snapshot: &Transaction<'_>, query: &Query) -> rusqlite::Result<Listing> {
    let revision = head(snapshot)?;
    let limit = query.limit.and_then(|limit| i64::try_from(limit).ok()).unwrap_or(i64::MAX);
    let first = (query.tool.as_deref().unwrap_or_default(), "");
    let after = query.after.as_ref().map(|(tool, name)| (tool.as_str(), name.as_str()));
    let (tool, name) = after.map_or(first, |after| first.max(after));
    if query.tool.as_deref().is_some_and(|only| only != tool) {
        return Ok(Listing { records: Vec::new(), revision });
    }
    let mut rows = snapshot.prepare_cached(if query.tool.is_some() { LIST_TOOL } else { LIST_ALL })?;
    let records = rows
        .query_map(params![query.kind.as_str(), tool, name, limit], |row| record(row, &query.kind))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Listing { records, revision })
}

fn page(snapshot: &Transaction<'_>, kind: &Kind, cursor: &Cursor) -> rusqlite::Result<Page> {
    let head = head(snapshot)?;
    let mut query = snapshot.prepare_cached(CHANGES)?;
    let (from, silent) = (number(cursor.revision), number(cursor.silent_through));
    let mut rows = query.query(params![kind.as_str(), from, cursor.tool, cursor.name, silent])?;
    let mut changes = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        if changes.len() == PAGE || bytes > PAGE_BYTES {
            return Ok(Page { changes, head, last: false });
        }
        let event = change(row, kind)?;
        if let Event::Put(record) = &event {
            bytes += record.document.len();
        }
        changes.push(event);
    }
    Ok(Page { changes, head, last: true })
}

fn change(row: &Row<'_>, kind: &Kind) -> rusqlite::Result<Event> {
    if row.get_ref(4)?.as_str_or_null()?.is_some() {
        return record(row, kind).map(Event::Put);
    }
    let key = Key { kind: kind.clone(), tool: row.get(0)?, name: row.get(1)? };
    Ok(Event::Deleted { key, revision: revision(row, 2)? })
}

fn record(row: &Row<'_>, kind: &Kind) -> rusqlite::Result<Record> {
    let key = Key { kind: kind.clone(), tool: row.get(0)?, name: row.get(1)? };
    let document = row.get_ref(4)?.as_str()?.into();
    Ok(Record { key, revision: revision(row, 2)?, version: row.get(3)?, document })
}

#[cfg(test)]
mod tests;
