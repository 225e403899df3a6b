//! Directories whose names last.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// Makes a directory that only the owner may enter, with its parents, durably; one that exists is fine and keeps its
/// mode.
pub fn make_directory(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make_directory(parent(path))?;
            DirBuilder::new().mode(0o700).create(path)?;
        }
        // whoever made it may have been killed before its name was safe; where it is not ours to read, it is not ours
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {
            return match sync(parent(path)) {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
                synced => synced,
            };
        }
        made => made?,
    }
    sync(parent(path))
}

/// Removes a directory with all in it, durably; one that is not there is fine.
pub fn remove_directory(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync(parent(path)),
    }
}

/// Where a path's name is kept: the working directory for a name alone.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        // the root, which is always there
        None => path,
    }
}

/// Makes the names in a directory survive a loss of power.
pub(crate) fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn it_is_made_with_its_parents_and_nobody_else_may_look_into_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/c");
        make_directory(&path).unwrap();
        make_directory(&path).unwrap();
        for made in [&path, &folder.path().join("a")] {
            assert_eq!(fs::metadata(made).unwrap().permissions().mode() & 0o777, 0o700);
        }
        remove_directory(&folder.path().join("a")).unwrap();
        remove_directory(&folder.path().join("a")).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_file_in_its_place_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::write(&path, "").unwrap();
        assert_eq!(make_directory(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(make_directory(&path.join("below")).unwrap_err().kind(), io::ErrorKind::NotADirectory);
    }

    #[test]
    fn a_name_alone_is_in_the_working_directory() {
        assert_eq!(parent(Path::new("data")), Path::new("."));
        assert_eq!(parent(Path::new("/data")), Path::new("/"));
        assert_eq!(parent(Path::new("/")), Path::new("/"));
    }
}
