//! A file that only takes up room, to be given up when the disk is full, so that deleting still works.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::io::Errno;

use crate::OpenError;

const FILE: &str = "state.reserve";

/// Opens the database beside a reserve file. If that fails for want of room the reserve is given up, and it is tried
/// once more.
pub(crate) fn open_beside<T>(
    directory: &Path,
    bytes: u64,
    open: impl Fn() -> Result<T, OpenError>,
) -> Result<(Reserve, T), OpenError> {
    let mut reserve = Reserve { path: directory.join(FILE), bytes, released: false };
    if let Err(error) = reserve.make() {
        if error.kind() != io::ErrorKind::StorageFull {
            return Err(OpenError::io(&reserve.path)(error));
        }
        reserve.release();
    }
    match open() {
        Err(error) if error.is_full() && reserve.release() => open().map(|opened| (reserve, opened)),
        result => result.map(|opened| (reserve, opened)),
    }
}

#[derive(Debug)]
pub(crate) struct Reserve {
    path: PathBuf,
    bytes: u64,
    released: bool,
}

impl Reserve {
    /// Whether the file was given up.
    pub(crate) fn is_released(&self) -> bool {
        self.released
    }

    /// Gives the file up; false if that was done before.
    pub(crate) fn release(&mut self) -> bool {
        if std::mem::replace(&mut self.released, true) {
            return false;
        }
        tracing::warn!("the disk is full: new records are refused until there is room again");
        if let Err(error) = self.remove() {
            tracing::warn!(%error, "cannot remove the reserve file");
        }
        true
    }

    /// Makes the file again if there is room for it and some more, so that it is not given up again at once.
    /// Answers whether it is there.
    pub(crate) fn restore(&mut self) -> bool {
        if self.released && self.has_room() {
            match self.make() {
                Ok(()) => {
                    self.released = false;
                    tracing::info!("there is room on the disk again");
                }
                Err(error) => tracing::warn!(%error, "cannot make the reserve file"),
            }
        }
        !self.released
    }

    fn has_room(&self) -> bool {
        let Some(directory) = self.path.parent() else { return false };
        let wanted = self.bytes.saturating_add(self.bytes / 4).saturating_add(1 << 20);
        statvfs(directory).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) >= wanted)
    }

    fn make(&self) -> io::Result<()> {
        let taken =
            fs::metadata(&self.path).map(|file| (file.len(), file.blocks() * 512)).unwrap_or_default();
        if taken.0 == self.bytes && taken.1 >= self.bytes {
            return Ok(());
        }
        if self.bytes == 0 {
            return self.remove();
        }
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.path)?;
        let made = fill(&file, self.bytes);
        if made.is_err() {
            self.remove()?;
        }
        made
    }

    fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn fill(mut file: &File, bytes: u64) -> io::Result<()> {
    match fallocate(file, FallocateFlags::empty(), 0, bytes) {
        Ok(()) => return Ok(()),
        Err(Errno::OPNOTSUPP) => {}
        Err(error) => return Err(error.into()),
    }
    let zeros = vec![0; 1 << 20];
    let mut left = bytes;
    while left > 0 {
        let part = usize::try_from(left).map_or(zeros.len(), |left| left.min(zeros.len()));
        file.write_all(zeros.get(..part).unwrap_or(&zeros))?;
        left -= part as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
