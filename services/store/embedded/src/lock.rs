//! One process per directory, and whether the last one closed it properly.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

use crate::OpenError;

const FILE: &str = "state.lock";
const STOPPED: &str = "stopped";

/// An exclusive lock on a directory. The lock file tells who holds it, or that the last holder stopped cleanly.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    file: File,
    was_unclean: bool,
}

impl DirectoryLock {
    /// Makes the directory if need be and locks it, without waiting.
    pub(crate) fn acquire(directory: &Path) -> Result<Self, OpenError> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(OpenError::io(directory))?;
        let path = directory.join(FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(OpenError::io(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = content(&mut file).ok().and_then(|text| text.parse().ok());
                return Err(OpenError::InUse { directory: directory.to_owned(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(OpenError::io(&path)(error)),
        }
        let before = content(&mut file).map_err(OpenError::io(&path))?;
        let was_unclean = !before.is_empty() && before != STOPPED;
        overwrite(&file, &std::process::id().to_string()).map_err(OpenError::io(&path))?;
        Ok(Self { file, was_unclean })
    }

    /// Whether the last holder ended without [`Self::mark_stopped`].
    pub(crate) fn was_unclean(&self) -> bool {
        self.was_unclean
    }

    /// Notes that everything was closed properly. A note that is lost costs the next start a check.
    pub(crate) fn mark_stopped(&self) {
        if let Err(error) = overwrite(&self.file, STOPPED) {
            tracing::warn!(%error, "cannot note the clean stop of a store");
        }
    }
}

fn content(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(64).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// Always the same number of bytes, in place, so that a full disk cannot refuse them.
fn overwrite(file: &File, text: &str) -> io::Result<()> {
    file.write_all_at(format!("{text:<15}\n").as_bytes(), 0)?;
    file.sync_data()
}
