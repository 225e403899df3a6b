//! The port: what a service asks of its store.

use std::fmt::Debug;

use async_trait::async_trait;
use futures_core::stream::BoxStream;

use crate::{Check, Key, Kind, Record, Result, Revision, Write};

/// Versioned records with an atomic commit per tool.
///
/// Every answer shows committed states only, and a commit that was acknowledged is in every later answer.
#[async_trait]
pub trait Store: Send + Sync + Debug {
    /// The record at `key`, if there is one.
    async fn get(&self, key: &Key) -> Result<Option<Record>>;

    /// The records that `query` selects, ordered by tool and name, as they were at one moment.
    async fn list(&self, query: &Query) -> Result<Listing>;

    /// Follows the records of one kind.
    ///
    /// The changes of one record arrive in the order of its commits; no order is promised between records. States that
    /// were replaced before the watch came to read them may be left out, a deletion between two lives of a key never
    /// is. The stream ends only after an error, and a follower that is slow costs the store no memory.
    ///
    /// Fails with [`crate::Error::Compacted`], here or later in the stream, when changes that are due were trimmed.
    async fn watch(&self, kind: &Kind, from: WatchFrom) -> Result<Changes>;

    /// Applies all `writes` if all `checks` hold, else nothing, and answers when the outcome is durable.
    ///
    /// The revision is that of every record it wrote; a commit that changes nothing answers with the present one.
    /// Every key must belong to `tool`, each key may be written once, and [`crate::limits`] apply.
    ///
    /// Fails with [`crate::Error::Conflict`] naming the first check, in the order given, that did not hold.
    async fn commit(&self, tool: &str, checks: Vec<Check>, writes: Vec<Write>) -> Result<Revision>;
}

/// A running watch.
pub type Changes = BoxStream<'static, Result<Event>>;

/// Which records a listing is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Records of this kind.
    pub kind: Kind,
    /// Only those of this tool.
    pub tool: Option<String>,
    /// Only those after this tool and name, in the order of the listing.
    pub after: Option<(String, String)>,
    /// At most so many.
    pub limit: Option<usize>,
}

impl Query {
    /// All records of a kind.
    pub const fn all(kind: Kind) -> Self {
        Self { kind, tool: None, after: None, limit: None }
    }

    /// The records of a kind that belong to one tool.
    pub fn of(kind: Kind, tool: impl Into<String>) -> Self {
        Self { tool: Some(tool.into()), ..Self::all(kind) }
    }

    /// The same, from after this tool and name on: the last record of the page before.
    pub fn after(self, tool: impl Into<String>, name: impl Into<String>) -> Self {
        Self { after: Some((tool.into(), name.into())), ..self }
    }

    /// The same, at most `limit` records.
    pub fn limit(self, limit: usize) -> Self {
        Self { limit: Some(limit), ..self }
    }
}

/// The answer to a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The records, ordered by tool and name.
    pub records: Vec<Record>,
    /// The moment they were read; a watch after it misses nothing.
    pub revision: Revision,
}

/// Where a watch begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchFrom {
    /// With the current records, in no particular order, then [`Event::Synced`], then the changes.
    Start,
    /// With the changes after this revision, which came from [`Listing::revision`] or [`Event::Synced`].
    After(Revision),
}

/// What a watch reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A record is there, new or changed.
    Put(Record),
    /// A record was removed.
    Deleted {
        /// The key it had.
        key: Key,
        /// The revision of the commit that removed it.
        revision: Revision,
    },
    /// Everything up to this revision was reported. It comes once the watch has caught up, and after each group of
    /// changes; it is the one point to resume after, because one commit may change several records.
    Synced(Revision),
}
