//! Names of tools.

use std::fmt;
use std::str::FromStr;

/// The name of a tool: `[a-z0-9]([-a-z0-9]*[a-z0-9])?`, fewer than 54 characters (contract 8.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ToolName(String);

/// Names are shorter than this: `tool-` and the name must fit a DNS label with room for a suffix.
const MAX: usize = 54;

/// Why a text is no tool name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// It is empty.
    #[error("tool name is required")]
    Empty,
    /// It is too long.
    #[error("tool name has {0} characters, fewer than {MAX} are allowed")]
    TooLong(usize),
    /// It has a character where it may not be.
    #[error(
        "tool name may have lower case letters, digits and '-' only, and begins and ends with a letter or digit"
    )]
    Characters,
}

impl ToolName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ToolName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let edge = |c: Option<&u8>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let bytes = text.as_bytes();
        if bytes.is_empty() {
            return Err(InvalidName::Empty);
        }
        if bytes.len() >= MAX {
            return Err(InvalidName::TooLong(text.chars().count()));
        }
        let inner = bytes.iter().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == b'-');
        if !(inner && edge(bytes.first()) && edge(bytes.last())) {
            return Err(InvalidName::Characters);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ToolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn names_of_toolforge_are_accepted() {
        for name in ["a", "7", "wm-bot", "a--b", "x".repeat(53).as_str()] {
            assert_eq!(name.parse::<ToolName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn others_are_refused_with_the_reason() {
        assert_eq!("".parse::<ToolName>(), Err(InvalidName::Empty));
        assert_eq!("x".repeat(54).parse::<ToolName>(), Err(InvalidName::TooLong(54)));
        for name in ["-a", "a-", "A", "a.b", "a_b", "a b", "ü", "a/b", "..", "a\0b"] {
            assert_eq!(name.parse::<ToolName>(), Err(InvalidName::Characters), "{name:?}");
        }
    }
}
