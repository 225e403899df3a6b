//! Why a store does not open, and what `SQLite`'s errors mean for it.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use durable::LockError;
use rusqlite::ErrorCode;
use rusqlite::ffi::{SQLITE_FULL, SQLITE_IOERR_DIR_FSYNC, SQLITE_IOERR_FSYNC, SQLITE_IOERR_SHMSIZE};
use store::Error;

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or this one, has it open.
    #[error("{} is in use{}", directory.display(), holder(*pid))]
    InUse {
        /// The directory.
        directory: PathBuf,
        /// The process that has it open, if it could be read.
        pid: Option<u32>,
    },
    /// A newer version of this program wrote the file. Nothing was changed.
    #[error("{} has format {found}, this program knows formats up to {known}", file.display())]
    Newer {
        /// The file.
        file: PathBuf,
        /// The format of the file.
        found: i64,
        /// The newest format that this program knows.
        known: i64,
    },
    /// The file is an `SQLite` database, but not one of this store. Nothing was changed.
    #[error("{} is a database of another program", file.display())]
    Foreign {
        /// The file.
        file: PathBuf,
    },
    /// The file is damaged.
    #[error("{} is damaged: {detail}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The first thing that the check found.
        detail: String,
    },
    /// The directory or a file in it cannot be used.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The directory or file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// `SQLite` refused.
    #[error("cannot open the database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

impl OpenError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn lock(directory: &Path) -> impl FnOnce(LockError) -> Self {
        let directory = directory.to_owned();
        move |error| match error {
            LockError::Held { pid, .. } => Self::InUse { directory, pid },
            LockError::Io { path, source } => Self::Io { path, source },
        }
    }

    /// Whether it failed for want of room on the disk.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Sqlite(error) => Failure::of(error) == Failure::Full,
            Self::Io { source, .. } => source.kind() == io::ErrorKind::StorageFull,
            _ => false,
        }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" by process {pid}")).unwrap_or_default()
}

/// What an error of `SQLite` means for a store that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No room on the disk; nothing was changed.
    Full,
    /// What is on the disk is not known any more, or known to be wrong.
    Fatal,
    /// Another process holds the file's lock.
    Busy,
    /// Anything else; this call failed.
    Call,
}

impl Failure {
    pub(crate) fn of(error: &rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(error, _) = error else { return Self::Call };
        match error.extended_code {
            SQLITE_FULL | SQLITE_IOERR_SHMSIZE => return Self::Full,
            SQLITE_IOERR_FSYNC | SQLITE_IOERR_DIR_FSYNC => return Self::Fatal,
            _ => {}
        }
        match error.code {
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Fatal,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
            _ => Self::Call,
        }
    }
}

pub(crate) fn unavailable(reason: impl Display) -> Error {
    Error::Unavailable { reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::Failure;

    #[test]
    fn a_code_means_what_it_means_for_the_data() {
        let failure = |code| Failure::of(&rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_SHMSIZE] {
            assert_eq!(failure(code), Failure::Full, "{code}");
        }
        for code in [
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_DIR_FSYNC,
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_CORRUPT_INDEX,
            ffi::SQLITE_NOTADB,
        ] {
            assert_eq!(failure(code), Failure::Fatal, "{code}");
        }
        for code in [ffi::SQLITE_BUSY, ffi::SQLITE_BUSY_SNAPSHOT, ffi::SQLITE_LOCKED] {
            assert_eq!(failure(code), Failure::Busy, "{code}");
        }
        for code in [ffi::SQLITE_IOERR_READ, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_NOMEM, ffi::SQLITE_TOOBIG] {
            assert_eq!(failure(code), Failure::Call, "{code}");
        }
    }
}
