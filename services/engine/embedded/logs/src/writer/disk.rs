//! What the writer does to the disk, so that tests can fill it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

pub(super) trait Disk {
    /// Creates a segment, or empties one that was begun and never got an entry.
    fn create(&mut self, path: &Path) -> io::Result<File>;
    /// Writes all of `bytes` at an offset.
    fn write(&mut self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Removes a segment.
    fn remove(&mut self, path: &Path) -> io::Result<()>;
}

/// The file system as it is.
#[derive(Debug)]
pub(super) struct FileSystem;

impl Disk for FileSystem {
    fn create(&mut self, path: &Path) -> io::Result<File> {
        File::options().read(true).write(true).create(true).truncate(true).open(path)
    }

    fn write(&mut self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}
