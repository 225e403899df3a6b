//! Files that are whole or absent: written beside their place, synced, renamed into it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::Path;

use crate::directory;

/// What of a new file survives a loss of power. A crash of the process alone loses nothing in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Nothing: the file may be torn afterwards.
    Nothing,
    /// Its contents: the former file may be there again, but whole.
    Contents,
    /// All of it, once the call returns.
    All,
}

/// How a file is put in the place of another. A reader sees the former file or this one.
#[derive(Clone, Copy, Debug)]
pub struct Replace {
    mode: u32,
    owner: Option<u32>,
    sync: Sync,
}

impl Replace {
    /// With these permissions, whatever the mask of the process is; all of it survives.
    pub const fn mode(mode: u32) -> Self {
        Self { mode, owner: None, sync: Sync::All }
    }

    /// And this user and group, where there is one to give it to.
    pub const fn owner(self, owner: Option<u32>) -> Self {
        Self { owner, ..self }
    }

    /// And no more synced than this.
    pub const fn sync(self, sync: Sync) -> Self {
        Self { sync, ..self }
    }

    /// Puts `contents` at `path`. On an error the former file stays, and nothing is left beside it; the file is made
    /// under the name with `.new` after it.
    pub fn write(self, path: &Path, contents: &[u8]) -> io::Result<()> {
        let mut beside = OsString::from(path);
        beside.push(".new");
        let beside = Path::new(&beside);
        let mut file = create(beside)?;
        let written = self.fill(&mut file, contents).and_then(|()| fs::rename(beside, path));
        if written.is_err() {
            // a full disk wants the room, and the first error is the one to report
            let _ = fs::remove_file(beside);
        }
        written?;
        if self.sync == Sync::All { directory::sync(directory::parent(path)) } else { Ok(()) }
    }

    fn fill(self, file: &mut File, contents: &[u8]) -> io::Result<()> {
        file.write_all(contents)?;
        if let Some(id) = self.owner {
            fchown(&*file, Some(id), Some(id))?;
        }
        // last, for a change of the owner takes bits away
        file.set_permissions(Permissions::from_mode(self.mode))?;
        if self.sync == Sync::Nothing { Ok(()) } else { file.sync_all() }
    }
}

/// Puts a file at `path`, durably, that only the owner may read.
pub fn write(path: &Path, contents: &[u8]) -> io::Result<()> {
    Replace::mode(0o600).write(path, contents)
}

/// Moves a file that somebody else wrote to `path`, in the same directory, durably.
pub fn put_in_place(written: &Path, path: &Path) -> io::Result<()> {
    File::open(written)?.sync_all()?;
    fs::rename(written, path)?;
    directory::sync(directory::parent(path))
}

/// Removes a file durably; one that is not there is fine.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => directory::sync(directory::parent(path)),
    }
}

/// A file of our own. What is there is a leftover of a crash, or a link that the owner of the folder put there: it is
/// never written through.
fn create(beside: &Path) -> io::Result<File> {
    let open = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(beside);
    match open() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(beside)?;
            open()
        }
        opened => opened,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_replaced_with_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        for (contents, mode) in [("one", 0o400), ("two", 0o400), ("three", 0o666)] {
            Replace::mode(mode).write(&path, contents.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), contents);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_leftover_and_a_planted_link_are_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let (victim, path) = (folder.path().join("victim"), folder.path().join("key"));
        fs::write(&victim, "untouched").unwrap();
        symlink(&victim, folder.path().join("key.new")).unwrap();
        write(&path, b"secret").unwrap();
        fs::write(folder.path().join("key.new"), "a longer leftover of a crash").unwrap();
        write(&path, b"another").unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"untouched");
        assert_eq!(fs::read(&path).unwrap(), b"another");
    }

    #[test]
    fn a_failure_leaves_the_former_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("place");
        fs::create_dir(&place).unwrap();
        assert!(write(&place, b"a file does not replace a directory").is_err());
        assert!(place.is_dir());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        fs::create_dir(folder.path().join("other.new")).unwrap();
        assert!(write(&folder.path().join("other"), b"nor is one in the way removed").is_err());
    }

    #[test]
    fn what_another_wrote_is_put_in_place_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (written, path) = (folder.path().join("copy.partial"), folder.path().join("copy"));
        fs::write(&written, "copy").unwrap();
        put_in_place(&written, &path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "copy");
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
