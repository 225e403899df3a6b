//! A tool and what belongs to it.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use jiff::Timestamp;

use crate::ToolName;

/// Unix ids given to tools (contract 8.1: 50000 and above, the first is 50001). An id is never given twice.
pub const UNIX_IDS: RangeInclusive<u32> = 50_001..=59_999;

/// A tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Its name.
    pub name: ToolName,
    /// Its identity; a tool of the same name made later has another.
    pub uid: String,
    /// User and group id of its processes.
    pub unix_id: u32,
    /// When it was created.
    pub created: Timestamp,
    /// Its certificate; none until it was issued.
    pub certificate: Option<Certificate>,
    /// Set once it is to go; what belongs to it is taken away, then the tool.
    pub removing: Option<Removal>,
}

/// How a tool goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Whether its home is deleted too.
    pub delete_home: bool,
}

/// What is remembered of an issued certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Serial number, lower case hexadecimal; names it in revocation lists.
    pub serial: String,
    /// When it ends.
    pub expires: Timestamp,
}

/// A certificate with its key, on its way into a home.
#[derive(Clone)]
pub struct Credentials {
    /// What is remembered.
    pub certificate: Certificate,
    /// The certificate in PEM.
    pub certificate_pem: String,
    /// The key in PEM: a secret.
    pub key_pem: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// One thing seen by a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A tool is now so.
    Put(Tool),
    /// A tool is gone.
    Deleted(ToolName),
    /// Everything that was there has been told.
    Synced,
}

/// A tool with the place of its home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The tool.
    pub tool: Tool,
    /// Absolute path of its home.
    pub home: PathBuf,
}
