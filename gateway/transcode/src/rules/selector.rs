//! Selectors of service configurations: which methods a rule from outside is about.
//!
//! Source: `google/api/documentation.proto` and `google/api/http.proto` (field `selector`): qualified names, separated by
//! commas; an entry may end in `.*`, and `*` alone means everything.

use std::fmt;
use std::str::FromStr;

/// A parsed selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    text: String,
    entries: Vec<Entry>,
}

/// One of the names of a selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    All,
    /// Everything below a name, which ends in its dot here.
    Below(String),
    Exactly(String),
}

/// Text that is no selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a qualified name, one that ends in \".*\", or \"*\", each separated from the next by a comma, got {entry:?}"
)]
pub struct SelectorError {
    entry: String,
}

impl Selector {
    /// Whether it is about the element `full_name` (`pkg.Service.Method`).
    pub fn matches(&self, full_name: &str) -> bool {
        self.entries.iter().any(|entry| entry.matches(full_name))
    }

    /// Its names, one after another.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }
}

impl Entry {
    /// Whether it names the element `full_name`.
    pub(super) fn matches(&self, full_name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Below(scope) => full_name.len() > scope.len() && full_name.starts_with(scope.as_str()),
            Self::Exactly(name) => name == full_name,
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Below(scope) => write!(f, "{scope}*"),
            Self::Exactly(name) => f.write_str(name),
        }
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let entry = |part: &str| {
            let part = part.trim();
            if part == "*" {
                return Ok(Entry::All);
            }
            let name = part.strip_suffix(".*").unwrap_or(part);
            let named = name.split('.').all(|word| {
                word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                    && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            });
            match (named, name.len() == part.len()) {
                (false, _) => Err(SelectorError { entry: part.to_owned() }),
                (true, true) => Ok(Entry::Exactly(name.to_owned())),
                (true, false) => Ok(Entry::Below(format!("{name}."))),
            }
        };
        let entries = text.split(',').map(entry).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), entries })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
