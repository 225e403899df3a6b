//! The maps behind the store in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::follow::{Cursor, PAGE, Page};
use crate::{Check, Error, Event, Key, Kind, Listing, Query, Record, Result, Revision, Write};

#[derive(Debug)]
pub(super) struct State {
    head: Revision,
    records: BTreeMap<Key, Record>,
    /// The last deletion of each key that had one, also if the key is in use again.
    deleted: BTreeMap<Key, Revision>,
    /// The same by age, for trimming.
    deletions: BTreeSet<(Revision, Key)>,
    deletions_kept: usize,
    /// The greatest revision of a trimmed deletion, by kind.
    horizons: BTreeMap<Kind, Revision>,
    /// Every record and every kept deletion at its revision.
    changes: BTreeSet<(Kind, Revision, Key)>,
}

impl State {
    pub(super) fn new(deletions_kept: usize) -> Self {
        Self {
            head: Revision::ZERO,
            records: BTreeMap::new(),
            deleted: BTreeMap::new(),
            deletions: BTreeSet::new(),
            deletions_kept,
            horizons: BTreeMap::new(),
            changes: BTreeSet::new(),
        }
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Record> {
        self.records.get(key)
    }

    pub(super) fn list(&self, query: &Query) -> Listing {
        let tool = query.tool.as_deref().unwrap_or_default();
        let first = Key::new(query.kind.clone(), tool, "");
        let after = query.after.as_ref().map(|(tool, name)| Key::new(query.kind.clone(), tool, name));
        // no key has an empty name, so `first` itself is never left out
        let start = after.map_or(first.clone(), |after| first.max(after));
        let records = self
            .records
            .range((Bound::Excluded(start), Bound::Unbounded))
            .map(|(_, record)| record)
            .take_while(|record| record.key.kind == query.kind)
            .take_while(|record| query.tool.as_ref().is_none_or(|tool| record.key.tool == *tool))
            .take(query.limit.unwrap_or(usize::MAX))
            .cloned()
            .collect();
        Listing { records, revision: self.head }
    }

    pub(super) fn page(&self, kind: &Kind, cursor: &Cursor) -> Result<Page> {
        let horizon = self.horizons.get(kind).copied().unwrap_or_default();
        cursor.check(self.head, horizon)?;
        let behind = (kind.clone(), cursor.revision, Key::new(kind.clone(), &*cursor.tool, &*cursor.name));
        let mut changes: Vec<Event> = self
            .changes
            .range((Bound::Excluded(behind), Bound::Unbounded))
            .take_while(|(of, _, _)| of == kind)
            .filter_map(|(_, revision, key)| self.change(*revision, key, cursor.silent_through))
            .take(PAGE + 1)
            .collect();
        let last = changes.len() <= PAGE;
        changes.truncate(PAGE);
        Ok(Page { changes, head: self.head, last })
    }

    fn change(&self, revision: Revision, key: &Key, silent_through: Revision) -> Option<Event> {
        match self.records.get(key) {
            Some(record) if record.revision == revision => Some(Event::Put(record.clone())),
            _ if revision <= silent_through => None,
            _ => Some(Event::Deleted { key: key.clone(), revision }),
        }
    }

    pub(super) fn commit(&mut self, checks: &[Check], writes: Vec<Write>) -> Result<Revision> {
        for check in checks {
            let found = self.get(check.key()).map(|record| record.revision);
            if !check.holds(found) {
                return Err(Error::Conflict { key: check.key().clone(), found });
            }
        }
        let revision = self.head.next();
        for write in writes {
            match write {
                Write::Put { key, version, document } => {
                    self.put(Record { key, revision, version, document });
                }
                Write::Delete { key } => self.delete(key, revision),
            }
        }
        self.trim();
        Ok(self.head)
    }

    fn put(&mut self, record: Record) {
        let (key, revision) = (record.key.clone(), record.revision);
        if let Some(old) = self.records.insert(key.clone(), record) {
            self.changes.remove(&(key.kind.clone(), old.revision, key.clone()));
        }
        self.changes.insert((key.kind.clone(), revision, key));
        self.head = revision;
    }

    fn delete(&mut self, key: Key, revision: Revision) {
        let Some(old) = self.records.remove(&key) else { return };
        self.changes.remove(&(key.kind.clone(), old.revision, key.clone()));
        if let Some(before) = self.deleted.insert(key.clone(), revision) {
            self.deletions.remove(&(before, key.clone()));
            self.changes.remove(&(key.kind.clone(), before, key.clone()));
        }
        self.deletions.insert((revision, key.clone()));
        self.changes.insert((key.kind.clone(), revision, key));
        self.head = revision;
    }

    fn trim(&mut self) {
        while self.deletions.len() > self.deletions_kept {
            let Some((revision, key)) = self.deletions.pop_first() else { return };
            self.deleted.remove(&key);
            self.horizons.insert(key.kind.clone(), revision);
            self.changes.remove(&(key.kind.clone(), revision, key));
        }
    }
}
