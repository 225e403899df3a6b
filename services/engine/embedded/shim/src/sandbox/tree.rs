//! A root that is being furnished. Every path is resolved inside it: an image's links cannot lead out.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, mkdirat, openat2, symlinkat};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};

use crate::sys::set_mount_attributes;

/// What may be done below a mount. Nothing is ever a device or gives privileges, except where it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
    /// Written to, never executed from.
    Data,
    /// A device node.
    Device,
}

impl Access {
    const fn attributes(self) -> u64 {
        libc::MOUNT_ATTR_NOSUID
            | match self {
                Self::Read => libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_RDONLY,
                Self::Write => libc::MOUNT_ATTR_NODEV,
                Self::Data => libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC,
                Self::Device => libc::MOUNT_ATTR_NOEXEC,
            }
    }
}

/// An open root directory.
#[derive(Debug)]
pub(super) struct Tree {
    root: OwnedFd,
}

impl AsFd for Tree {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }
}

impl Tree {
    /// Mounts a new file system on `target`, a path of the host, and opens it.
    pub(super) fn mount(target: &Path, kind: &str, options: &[(&str, &str)]) -> io::Result<Self> {
        let root = make(kind, options, Access::Write)?;
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
        move_mount(&root, "", CWD, target, flags)?;
        Ok(Self { root })
    }

    /// Mounts a new file system inside.
    pub(super) fn mount_in(
        &self,
        target: &Path,
        kind: &str,
        options: &[(&str, &str)],
        access: Access,
    ) -> io::Result<()> {
        let place = self.directory(target)?;
        attach(&make(kind, options, access)?, &place)
    }

    /// Shows `source`, a path of the host with all that is mounted below it, at `target`.
    pub(super) fn bind(&self, source: &Path, target: &Path, access: Access) -> io::Result<()> {
        let flags =
            OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
        let tree = open_tree(CWD, source, flags)?;
        set_mount_attributes(tree.as_fd(), access.attributes(), true)?;
        let is_directory = FileType::from_raw_mode(fstat(&tree)?.st_mode) == FileType::Directory;
        let place = if is_directory { self.directory(target)? } else { self.file(target)? };
        attach(&tree, &place)
    }

    /// Restricts what is at `target` already.
    pub(super) fn restrict(&self, target: &Path, access: Access) -> io::Result<()> {
        let place = self.open(target, OFlags::PATH)?;
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_RECURSIVE
            | OpenTreeFlags::AT_EMPTY_PATH;
        let tree = open_tree(&place, "", flags)?;
        set_mount_attributes(tree.as_fd(), access.attributes(), true)?;
        attach(&tree, &place)
    }

    /// Makes the mount at `target` read-only, not what is mounted below it.
    pub(super) fn seal(&self, target: &Path) -> io::Result<()> {
        let place = self.open(target, OFlags::PATH)?;
        set_mount_attributes(place.as_fd(), libc::MOUNT_ATTR_RDONLY, false)
    }

    /// Opens a directory, making what is missing on the way.
    pub(super) fn directory(&self, path: &Path) -> io::Result<OwnedFd> {
        let mut here = self.open(Path::new("."), OFlags::PATH | OFlags::DIRECTORY)?;
        let mut walked = Path::new("").to_path_buf();
        for name in names(path)? {
            walked.push(name);
            match mkdirat(&here, name, Mode::from_raw_mode(0o755)) {
                // in a read-only part it may be there as well: the open below tells
                Ok(()) | Err(Errno::EXIST | Errno::ROFS | Errno::ACCESS | Errno::PERM) => {}
                Err(error) => return Err(error.into()),
            }
            // from the root again, so that links and `..` in them stay inside
            here = self.open(&walked, OFlags::PATH | OFlags::DIRECTORY)?;
        }
        Ok(here)
    }

    /// Opens a file as a place to mount on, making an empty one where there is none.
    pub(super) fn file(&self, path: &Path) -> io::Result<OwnedFd> {
        self.parent(path)?;
        match self.open(path, OFlags::PATH) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.open(path, OFlags::WRONLY | OFlags::CREATE)?;
                self.open(path, OFlags::PATH)
            }
            found => found,
        }
    }

    /// Makes a symbolic link; something that is there already stays.
    pub(super) fn link(&self, to: &Path, path: &Path) -> io::Result<()> {
        let (parent, name) = self.parent(path)?;
        match symlinkat(to, &parent, name) {
            Err(error) if error != Errno::EXIST => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Replaces the content of a small file.
    pub(super) fn write(&self, path: &Path, content: &str) -> io::Result<()> {
        self.parent(path)?;
        let file = self.open(path, OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC)?;
        File::from(file).write_all(content.as_bytes())
    }

    /// The content of a small file; empty where there is none.
    pub(super) fn read(&self, path: &Path) -> io::Result<String> {
        let mut content = Vec::new();
        match self.open(path, OFlags::RDONLY | OFlags::NONBLOCK) {
            Ok(file) => File::from(file).take(1 << 20).read_to_end(&mut content)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(String::from_utf8_lossy(&content).into_owned())
    }

    /// Whether there is something.
    pub(super) fn has(&self, path: &Path) -> bool {
        self.open(path, OFlags::PATH).is_ok()
    }

    fn parent<'a>(&self, path: &'a Path) -> io::Result<(OwnedFd, &'a OsStr)> {
        let name = path.file_name().ok_or(Errno::INVAL)?;
        Ok((self.directory(path.parent().unwrap_or(Path::new("/")))?, name))
    }

    fn open(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let mode = if flags.contains(OFlags::CREATE) { Mode::from_raw_mode(0o644) } else { Mode::empty() };
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        Ok(openat2(&self.root, path, flags | OFlags::CLOEXEC, mode, resolve)?)
    }
}

/// The parts of an absolute path without `..`.
fn names(path: &Path) -> io::Result<Vec<&OsStr>> {
    path.components()
        .filter(|part| *part != Component::RootDir)
        .map(|part| match part {
            Component::Normal(name) => Ok(name),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "the path has to be absolute without ..")),
        })
        .collect()
}

fn make(kind: &str, options: &[(&str, &str)], access: Access) -> io::Result<OwnedFd> {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in options {
        if value.is_empty() {
            fsconfig_set_flag(context.as_fd(), *key)?;
        } else {
            fsconfig_set_string(context.as_fd(), *key, *value)?;
        }
    }
    fsconfig_create(context.as_fd())?;
    let mount = fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
    set_mount_attributes(mount.as_fd(), access.attributes(), false)?;
    Ok(mount)
}

fn attach(mount: &OwnedFd, place: &OwnedFd) -> io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    Ok(move_mount(mount, "", place, "", flags)?)
}
