//! Names of what one platform keeps in the kernel, derived from its directory so that two never meet.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::Error;

/// The names of one platform.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    digest: u32,
    directory: PathBuf,
}

impl Names {
    /// For the engine directory at this absolute path.
    pub(crate) fn of(engine_dir: &Path) -> Self {
        Self { digest: digest(engine_dir.as_os_str().as_bytes()), directory: engine_dir.to_owned() }
    }

    /// What the names of its interfaces begin with, ten characters of the fifteen an interface may have.
    pub(crate) fn prefix(&self) -> String {
        format!("tf-{:06x}-", self.digest)
    }

    /// Its nftables table; nft reads no hyphen in names.
    pub(crate) fn table(&self) -> String {
        format!("tf_{:06x}", self.digest)
    }

    /// The host's end of the pair of the instance with this number.
    pub(crate) fn link(&self, index: u32) -> String {
        format!("{}{index:x}", self.prefix())
    }

    /// The number in the name of an interface of ours.
    pub(crate) fn index(&self, link: &str) -> Option<u32> {
        u32::from_str_radix(link.strip_prefix(&self.prefix())?, 16).ok()
    }

    /// The x of `10.x.0.0/16` to try first.
    pub(crate) const fn first_subnet(&self) -> u8 {
        (self.digest & 0xff) as u8
    }

    /// Where namespaces are kept.
    pub(crate) fn namespaces(&self) -> PathBuf {
        self.directory.join("netns")
    }

    /// Where the namespace of an instance is kept.
    pub(crate) fn namespace(&self, instance: &str) -> PathBuf {
        self.namespaces().join(instance)
    }

    /// The state file.
    pub(crate) fn state(&self) -> PathBuf {
        self.directory.join("network.json")
    }
}

/// Refuses what could not be a file name, part of an alias or a word in a hosts file.
pub(crate) fn check(what: &'static str, value: &str) -> Result<(), Error> {
    let ordinary = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    let first = value.bytes().next();
    if value.len() <= 100
        && value.bytes().all(ordinary)
        && first.is_some_and(|c| c.is_ascii_alphanumeric() || c == b'_')
    {
        return Ok(());
    }
    Err(Error::Name { what, value: value.chars().take(120).collect() })
}

/// 24 bits of a path (FNV-1a, folded): enough to tell the platforms of one machine apart.
fn digest(bytes: &[u8]) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let folded = hash ^ (hash >> 24) ^ (hash >> 48);
    (folded & 0x00ff_ffff) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_an_interface_and_come_back() {
        let names = Names::of(Path::new("/srv/toolforge/engine"));
        assert_eq!(names.prefix().len(), 10);
        assert_eq!(names.link(0x7_ffff).len(), 15, "the last instance of a /12");
        assert_eq!(names.index(&names.link(0x7fff)), Some(0x7fff));
        assert_eq!(names.index("tf-ffffff-zz"), None);
        assert_eq!(names.index("eth0"), None);
    }

    #[test]
    fn another_directory_has_other_names() {
        let one = Names::of(Path::new("/srv/a/engine"));
        let two = Names::of(Path::new("/srv/b/engine"));
        assert_ne!(one.prefix(), two.prefix());
        assert_ne!(one.table(), two.table());
    }

    #[test]
    fn names_that_could_leave_their_place_are_refused() {
        for value in ["", ".", "..", "../x", "a/b", "a b", "a\nb", "-a", "é", &"a".repeat(101)] {
            assert!(check("instance", value).is_err(), "{value:?}");
        }
        for value in ["a", "_a", "job-7f.2", &"a".repeat(100)] {
            assert!(check("instance", value).is_ok(), "{value:?}");
        }
    }
}
