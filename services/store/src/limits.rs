//! Bounds that every store keeps, and the checks that need no stored state.

use std::collections::HashSet;

use crate::{Check, Error, Key, Result, Write};

/// The largest document, in bytes.
pub const DOCUMENT_BYTES: usize = 1 << 20;
/// The documents of one commit together, in bytes.
pub const COMMIT_BYTES: usize = 8 << 20;
/// The most checks in one commit.
pub const CHECKS: usize = 256;
/// The most writes in one commit.
pub const WRITES: usize = 256;
/// The longest name of a kind, in bytes.
pub const KIND_BYTES: usize = 63;
/// The longest tool or record name, in bytes.
pub const NAME_BYTES: usize = 512;

/// Refuses a commit that breaks a rule whatever the state of the store is.
pub fn check_commit(tool: &str, checks: &[Check], writes: &[Write]) -> Result<()> {
    at_most("checks", checks.len(), CHECKS)?;
    at_most("writes", writes.len(), WRITES)?;
    for key in checks.iter().map(Check::key).chain(writes.iter().map(Write::key)) {
        check_key(key)?;
        if key.tool != tool {
            return Err(Error::ForeignKey { key: key.clone(), tool: tool.to_owned() });
        }
    }
    check_documents(writes)?;
    check_written_once(writes)
}

fn check_key(key: &Key) -> Result<()> {
    check_part("kind", key.kind.as_str(), KIND_BYTES)?;
    check_part("tool", &key.tool, NAME_BYTES)?;
    check_part("name", &key.name, NAME_BYTES)
}

fn check_part(field: &'static str, text: &str, limit: usize) -> Result<()> {
    let reason = if text.is_empty() {
        "is empty"
    } else if text.len() > limit {
        "is too long"
    } else if text.contains('\0') {
        "has a NUL character"
    } else {
        return Ok(());
    };
    Err(Error::InvalidKey { field, reason })
}

fn check_documents(writes: &[Write]) -> Result<()> {
    let mut total = 0;
    for write in writes {
        if let Write::Put { key, document, .. } = write {
            let size = document.len();
            if size > DOCUMENT_BYTES {
                return Err(Error::TooLarge { key: key.clone(), size, limit: DOCUMENT_BYTES });
            }
            total += size;
        }
    }
    at_most("bytes", total, COMMIT_BYTES)
}

fn check_written_once(writes: &[Write]) -> Result<()> {
    let mut seen = HashSet::with_capacity(writes.len());
    match writes.iter().map(Write::key).find(|key| !seen.insert(*key)) {
        Some(key) => Err(Error::WrittenTwice { key: key.clone() }),
        None => Ok(()),
    }
}

fn at_most(what: &'static str, count: usize, limit: usize) -> Result<()> {
    if count > limit { Err(Error::TooMany { what, count, limit }) } else { Ok(()) }
}
