//! One process per directory, and whether the last one closed what is in it properly.

use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

const STOPPED: &str = "stopped";

/// How long a lock is waited for that no living process claims: a child that a killed holder had forked keeps it until
/// it executes its program.
const LET_GO: Duration = Duration::from_secs(2);

/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(10);

/// An exclusive lock on a file. The file tells which process has it, or that the last holder stopped cleanly.
#[derive(Debug)]
pub struct Lock {
    file: File,
    was_unclean: bool,
}

/// Why a lock was not taken.
#[derive(Debug)]
pub enum LockError {
    /// Another holder has it, in this process or another.
    Held {
        /// The lock's file.
        path: PathBuf,
        /// The process that has it, if it could be read.
        pid: Option<u32>,
    },
    /// The file cannot be used.
    Io {
        /// The lock's file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl Lock {
    /// Takes the lock of this file, which is made if it is not there (mode 0600). A holder that lives is refused to at
    /// once. Where the process that the file names is gone, some child of it is about to let go: it blocks for up to
    /// 2 s.
    ///
    /// # Errors
    /// Another holder has it, or the file cannot be used.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        let given_up = Instant::now() + LET_GO;
        Self::take_while(path, || {
            thread::sleep(LOOK);
            Instant::now() < given_up
        })
    }

    /// The same, and `wait` says whether to look again.
    fn take_while(path: &Path, mut wait: impl FnMut() -> bool) -> Result<Self, LockError> {
        let io = |source| LockError::Io { path: path.to_owned(), source };
        let mut file = OpenOptions::new();
        let file = file.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = file.open(path).map_err(io)?;
        while let Err(error) = file.try_lock() {
            let TryLockError::WouldBlock = error else { return Err(io(error.into())) };
            let pid = content(&file).ok().and_then(|text| text.parse().ok());
            if pid.is_some_and(lives) || !wait() {
                return Err(LockError::Held { path: path.to_owned(), pid });
            }
        }
        let before = content(&file).map_err(io)?;
        overwrite(&file, &std::process::id().to_string()).map_err(io)?;
        Ok(Self { file, was_unclean: !before.is_empty() && before != STOPPED })
    }

    /// Whether the last holder ended without [`Self::mark_stopped`].
    pub fn was_unclean(&self) -> bool {
        self.was_unclean
    }

    /// Notes that everything was closed properly.
    ///
    /// # Errors
    /// The note could not be written: the next holder takes this one for killed.
    pub fn mark_stopped(&self) -> io::Result<()> {
        overwrite(&self.file, STOPPED)
    }
}

impl Drop for Lock {
    /// Lets go now: a child that is between its fork and its program has the open file too.
    fn drop(&mut self) {
        // closing it does the same, a little later
        let _ = self.file.unlock();
    }
}

impl Display for LockError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { path, pid: Some(pid) } => write!(f, "{} is held by process {pid}", path.display()),
            Self::Held { path, pid: None } => write!(f, "{} is held by another process", path.display()),
            Self::Io { path, source } => write!(f, "cannot lock {}: {source}", path.display()),
        }
    }
}

impl Error for LockError {}

impl From<LockError> for io::Error {
    fn from(error: LockError) -> Self {
        let kind = match &error {
            LockError::Held { .. } => io::ErrorKind::ResourceBusy,
            LockError::Io { source, .. } => source.kind(),
        };
        Self::new(kind, error)
    }
}

/// Whether there is such a process that has not ended (proc(5); a process that nobody waited for yet has ended too).
fn lives(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // the name may have spaces and parentheses of its own
    stat.rsplit_once(") ").is_some_and(|(_, fields)| !fields.starts_with(['Z', 'X']))
}

fn content(file: &File) -> io::Result<String> {
    let mut bytes = [0; 64];
    let length = file.read_at(&mut bytes, 0)?;
    Ok(String::from_utf8_lossy(&bytes[..length]).trim().to_owned())
}

/// Always the same number of bytes, in place, so that a full disk cannot refuse them.
fn overwrite(file: &File, text: &str) -> io::Result<()> {
    file.write_all_at(format!("{text:<15}\n").as_bytes(), 0)?;
    file.sync_data()
}

#[cfg(test)]
mod tests;
