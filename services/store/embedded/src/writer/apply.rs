//! One commit inside the writer's transaction: its checks, then its writes.

use rusqlite::{OptionalExtension, Transaction, params};
use store::{Check, Error, Key, Result, Revision, Write};

use super::Commit;
use crate::reader::{head, number, revision};

const FIND: &str = "SELECT revision FROM records WHERE kind = ?1 AND tool = ?2 AND name = ?3";
const PUT: &str = "INSERT INTO records (kind, tool, name, revision, version, document) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (kind, tool, name) DO UPDATE \
     SET revision = excluded.revision, version = excluded.version, document = excluded.document";
const DELETE: &str = "DELETE FROM records WHERE kind = ?1 AND tool = ?2 AND name = ?3";
const DELETED_AGAIN: &str = "UPDATE deletions SET revision = ?4 WHERE kind = ?1 AND tool = ?2 AND name = ?3";
const DELETED: &str = "INSERT INTO deletions (kind, tool, name, revision) VALUES (?1, ?2, ?3, ?4)";
const CUTOFF: &str = "SELECT revision FROM deletions ORDER BY revision DESC LIMIT 1 OFFSET ?1";
const MOVE_HORIZONS: &str = "INSERT INTO horizons (kind, revision) \
     SELECT kind, max(revision) FROM deletions WHERE revision <= ?1 GROUP BY kind \
     ON CONFLICT (kind) DO UPDATE SET revision = excluded.revision";
const TRIM: &str = "DELETE FROM deletions WHERE revision <= ?1";

/// What the writer knows of the file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    head: Revision,
    deletions: i64,
}

impl Tally {
    pub(super) fn read(transaction: &Transaction<'_>) -> rusqlite::Result<Self> {
        let deletions = transaction.query_row("SELECT count(*) FROM deletions", [], |row| row.get(0))?;
        Ok(Self { head: head(transaction)?, deletions })
    }
}

/// Applies `commit`, or says why not; then nothing of it was written. Without a reserve, no new records are taken.
pub(super) fn apply(
    transaction: &Transaction<'_>,
    commit: &Commit,
    tally: &mut Tally,
    without_reserve: bool,
) -> rusqlite::Result<Result<Revision>> {
    for check in &commit.checks {
        if let Some(conflict) = conflict(transaction, check)? {
            return Ok(Err(conflict));
        }
    }
    if without_reserve && !frees_or_replaces(transaction, &commit.writes)? {
        return Ok(Err(Error::Full));
    }
    let revision = tally.head.next();
    let mut changed = false;
    for write in &commit.writes {
        match write {
            Write::Put { key, version, document } => {
                let place = (key.kind.as_str(), &key.tool, &key.name);
                let row = params![place.0, place.1, place.2, number(revision), version, document];
                transaction.prepare_cached(PUT)?.execute(row)?;
                changed = true;
            }
            Write::Delete { key } => changed |= delete(transaction, key, revision, tally)?,
        }
    }
    if changed {
        tally.head = revision;
    }
    Ok(Ok(tally.head))
}

/// Notes the new head, and forgets the oldest deletions once there are too many. An eighth more than asked for is kept,
/// so that not every commit trims.
pub(super) fn finish(transaction: &Transaction<'_>, tally: &mut Tally, kept: i64) -> rusqlite::Result<()> {
    transaction.prepare_cached("UPDATE head SET revision = ?1")?.execute([number(tally.head)])?;
    if tally.deletions <= kept.saturating_add(kept / 8) {
        return Ok(());
    }
    let mut cutoff = transaction.prepare_cached(CUTOFF)?;
    let cutoff: Option<i64> = cutoff.query_row([kept], |row| row.get(0)).optional()?;
    if let Some(cutoff) = cutoff {
        transaction.prepare_cached(MOVE_HORIZONS)?.execute([cutoff])?;
        let trimmed = transaction.prepare_cached(TRIM)?.execute([cutoff])?;
        tally.deletions = tally.deletions.saturating_sub(trimmed.try_into().unwrap_or(i64::MAX));
    }
    Ok(())
}

fn conflict(transaction: &Transaction<'_>, check: &Check) -> rusqlite::Result<Option<Error>> {
    let found = find(transaction, check.key())?;
    let key = check.key();
    Ok((!check.holds(found)).then(|| Error::Conflict { key: key.clone(), found }))
}

fn find(transaction: &Transaction<'_>, key: &Key) -> rusqlite::Result<Option<Revision>> {
    let mut query = transaction.prepare_cached(FIND)?;
    query.query_row([key.kind.as_str(), &key.tool, &key.name], |row| revision(row, 0)).optional()
}

fn delete(
    transaction: &Transaction<'_>,
    key: &Key,
    revision: Revision,
    tally: &mut Tally,
) -> rusqlite::Result<bool> {
    let place = (key.kind.as_str(), &key.tool, &key.name);
    if transaction.prepare_cached(DELETE)?.execute(place)? == 0 {
        return Ok(false);
    }
    let row = params![place.0, place.1, place.2, number(revision)];
    if transaction.prepare_cached(DELETED_AGAIN)?.execute(row)? == 0 {
        transaction.prepare_cached(DELETED)?.execute(row)?;
        tally.deletions += 1;
    }
    Ok(true)
}

/// Whether a commit may draw on what the reserve gave: it deletes something, or only replaces what is there.
fn frees_or_replaces(transaction: &Transaction<'_>, writes: &[Write]) -> rusqlite::Result<bool> {
    let mut replaces = true;
    for write in writes {
        let exists = find(transaction, write.key())?.is_some();
        match write {
            Write::Delete { .. } if exists => return Ok(true),
            Write::Delete { .. } => {}
            Write::Put { .. } => replaces &= exists,
        }
    }
    Ok(replaces)
}

#[cfg(test)]
mod tests;
