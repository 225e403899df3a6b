//! Keys, revisions, records, and what a commit is made of.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// What sort of thing a record describes, e.g. `job`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(Cow<'static, str>);

impl Kind {
    /// The kind with this name; meant for constants.
    pub const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Kind {
    fn from(name: String) -> Self {
        Self(Cow::Owned(name))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a record is. Keys are ordered by kind, then tool, then name, each by its bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The sort of thing.
    pub kind: Kind,
    /// The tool it belongs to; commits are atomic within one tool.
    pub tool: String,
    /// Its name, unique within kind and tool.
    pub name: String,
}

impl Key {
    /// The key of `name` among the `kind` records of `tool`.
    pub fn new(kind: Kind, tool: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind, tool: tool.into(), name: name.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} of tool {:?}", self.kind, self.name, self.tool)
    }
}

/// A point in the history of a store. Later commits have greater revisions; nothing else may be read into the number.
///
/// The text form is what goes into etags and resume tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(u64);

impl Revision {
    /// Before the first commit.
    pub const ZERO: Self = Self(0);

    /// For implementations: the revision with this number.
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// For implementations: the number of this revision.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// For implementations: the revision after this one.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is not the text form of a revision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a revision")]
pub struct ParseRevisionError;

impl FromStr for Revision {
    type Err = ParseRevisionError;

    /// Takes exactly what `Display` writes, so that equal revisions have equal texts.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let canonical =
            text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        if !canonical {
            return Err(ParseRevisionError);
        }
        text.parse().map(Self).map_err(|_| ParseRevisionError)
    }
}

/// One versioned document.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it is.
    pub key: Key,
    /// The revision of the commit that last wrote it.
    pub revision: Revision,
    /// The version of the document's form, as its owner counts them.
    pub version: u32,
    /// JSON text, which the store does not look into.
    pub document: Arc<str>,
}

/// Leaves the document out: it may hold secrets, and a debug print may reach a log.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("key", &self.key)
            .field("revision", &self.revision)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// A condition of a commit, on the state before its writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// There is no record with this key.
    Absent(Key),
    /// There is a record with this key.
    Present(Key),
    /// There is a record with this key, and it was last written at this revision.
    At(Key, Revision),
}

impl Check {
    /// The key it is about.
    pub fn key(&self) -> &Key {
        match self {
            Self::Absent(key) | Self::Present(key) | Self::At(key, _) => key,
        }
    }

    /// Whether it holds for a record that is at `found`, or absent.
    pub fn holds(&self, found: Option<Revision>) -> bool {
        match self {
            Self::Absent(_) => found.is_none(),
            Self::Present(_) => found.is_some(),
            Self::At(_, revision) => found == Some(*revision),
        }
    }
}

/// A change that a commit makes.
#[derive(Clone, PartialEq, Eq)]
pub enum Write {
    /// Create or replace a record.
    Put {
        /// Where it goes.
        key: Key,
        /// The version of the document's form.
        version: u32,
        /// JSON text.
        document: Arc<str>,
    },
    /// Remove a record; nothing happens if there is none.
    Delete {
        /// The record to remove.
        key: Key,
    },
}

impl Write {
    /// A [`Write::Put`].
    pub fn put(key: Key, version: u32, document: impl Into<Arc<str>>) -> Self {
        Self::Put { key, version, document: document.into() }
    }

    /// A [`Write::Delete`].
    pub fn delete(key: Key) -> Self {
        Self::Delete { key }
    }

    /// The key it writes.
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }
}

/// Leaves the document out, as [`Record`] does.
impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put { key, version, .. } => {
                f.debug_struct("Put").field("key", key).field("version", version).finish_non_exhaustive()
            }
            Self::Delete { key } => f.debug_struct("Delete").field("key", key).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use super::*;

    #[test]
    fn a_revision_has_one_text() {
        for text in ["0", "7", "18446744073709551615"] {
            assert_eq!(text.parse::<Revision>().unwrap().to_string(), text);
        }
        for text in ["", "00", "07", "+7", "-1", " 7", "7 ", "18446744073709551616", "x", "٣"] {
            assert_eq!(text.parse::<Revision>(), Err(ParseRevisionError), "{text:?}");
        }
    }

    #[test]
    fn documents_stay_out_of_debug_prints() {
        let key = Key::new(Kind::new("envvar"), "alpha", "TOKEN");
        let write = Write::put(key.clone(), 1, r#"{"value":"hunter2"}"#);
        let record = Record { key, revision: Revision::ZERO, version: 1, document: "hunter2".into() };
        let printed = format!("{write:?} {record:?}");
        assert!(printed.contains("TOKEN"));
        assert!(!printed.contains("hunter2"));
    }

    #[test]
    fn keys_are_ordered_by_kind_tool_name() {
        let key = |kind, tool, name| Key::new(Kind::new(kind), tool, name);
        assert!(key("a", "z", "z") < key("b", "a", "a"));
        assert!(key("a", "b", "a") > key("a", "a", "z"));
        assert!(key("a", "a-b", "a") < key("a", "ab", "a"));
    }
}
