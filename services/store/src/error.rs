//! What a store can answer instead of a result.

use crate::{Key, Revision};

/// The result of a call to a store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a store refused or failed a call.
///
/// After [`Error::Unavailable`] or [`Error::Closed`] from a commit its outcome is unknown; after any other variant
/// nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A check of the commit did not hold.
    #[error("{key} {}", state(*.found))]
    Conflict {
        /// The key of the first check that failed.
        key: Key,
        /// The revision the record has now, if it is there.
        found: Option<Revision>,
    },
    /// A watch cannot resume after the revision that was asked for: changes after it were trimmed, or this store has
    /// not reached it (it was restored from a backup). List again and watch from there.
    #[error("the changes asked for are gone; the oldest revision to resume after is {oldest}")]
    Compacted {
        /// The lowest revision that a watch of this kind can resume after.
        oldest: Revision,
    },
    /// A commit for one tool named a key of another.
    #[error("{key} does not belong to the tool {tool:?}")]
    ForeignKey {
        /// The key that is out of place.
        key: Key,
        /// The tool the commit was for.
        tool: String,
    },
    /// A part of a key is empty, too long or has a character that no key may have.
    #[error("the {field} of a key {reason}")]
    InvalidKey {
        /// `kind`, `tool` or `name`.
        field: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// One commit wrote the same key twice.
    #[error("{key} is written twice in one commit")]
    WrittenTwice {
        /// The key that occurs twice.
        key: Key,
    },
    /// A document is over [`crate::limits::DOCUMENT_BYTES`].
    #[error("the document of {key} has {size} bytes; the limit is {limit}")]
    TooLarge {
        /// The key whose document is too large.
        key: Key,
        /// The size of the document in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A commit has more parts than one commit may have.
    #[error("the commit has {count} {what}; the limit is {limit}")]
    TooMany {
        /// `checks`, `writes` or `bytes`.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The disk is full, or nearly: only commits that delete or replace are taken until there is room again.
    #[error("the store has no room for new records")]
    Full,
    /// The store cannot answer now; the same call may succeed later.
    #[error("the store is unavailable: {reason}")]
    Unavailable {
        /// What happened, for an operator.
        reason: String,
    },
    /// The store was closed, or stopped after a failure it cannot continue from; no later call will succeed.
    #[error("the store is closed: {reason}")]
    Closed {
        /// Why it was closed, for an operator.
        reason: String,
    },
}

fn state(revision: Option<Revision>) -> String {
    match revision {
        Some(revision) => format!("is at revision {revision}"),
        None => "does not exist".to_owned(),
    }
}
