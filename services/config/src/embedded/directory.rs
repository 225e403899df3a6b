//! The data directory: where things are in it, and the lock that keeps a second server out.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use durable::{Lock, LockError};

/// A data directory.
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
}

/// Held for as long as this process owns the directory.
#[derive(Debug)]
pub struct Owned {
    _lock: Lock,
}

/// What became of an attempt to own a directory.
#[derive(Debug)]
pub enum Ownership {
    /// This one does now.
    Ours(Owned),
    /// Another process owns it; its id where that is known.
    Theirs(Option<u32>),
}

impl Directory {
    /// The directory at `path`, made if it is missing; nobody else may look into it.
    pub fn open(path: &Path) -> Result<Self> {
        durable::make_directory(path)
            .with_context(|| format!("cannot make the data directory {}", path.display()))?;
        let path = fs::canonicalize(path).with_context(|| format!("cannot find {}", path.display()))?;
        Ok(Self { path })
    }

    /// Tries to own it.
    pub fn own(&self) -> Result<Ownership> {
        match Lock::take(&self.path.join("lock")) {
            Ok(lock) => Ok(Ownership::Ours(Owned { _lock: lock })),
            Err(LockError::Held { pid, .. }) => Ok(Ownership::Theirs(pid)),
            Err(error) => Err(error.into()),
        }
    }

    /// Owns it, or says who does.
    pub fn own_or_refuse(&self) -> Result<Owned> {
        match self.own()? {
            Ownership::Ours(owned) => Ok(owned),
            Ownership::Theirs(Some(pid)) => {
                bail!("the data directory {} is in use by process {pid}", self.path.display())
            }
            Ownership::Theirs(None) => bail!("the data directory {} is in use", self.path.display()),
        }
    }

    /// The directory itself, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The store of a service.
    pub fn service(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Homes of tools.
    pub fn homes(&self) -> PathBuf {
        self.path.join("project")
    }

    /// Roots, keys and certificates.
    pub fn pki(&self) -> PathBuf {
        self.path.join("pki")
    }

    /// The socket of administrators: whoever can open it is one.
    pub fn admin_socket(&self) -> PathBuf {
        self.path.join("admin.sock")
    }

    /// Quotas and limits of the site.
    pub fn site_file(&self) -> PathBuf {
        self.path.join("site.yaml")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_second_owner_learns_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::open(&folder.path().join("data")).unwrap();
        let owned = directory.own_or_refuse().unwrap();
        let refused = directory.own_or_refuse().unwrap_err().to_string();
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        drop(owned);
        directory.own_or_refuse().unwrap();
    }

    #[test]
    fn nobody_else_may_look_into_it() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::open(&folder.path().join("data")).unwrap();
        assert_eq!(fs::metadata(directory.path()).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
