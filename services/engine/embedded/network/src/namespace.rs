//! Network namespaces that are kept by a bind mount, so that they outlive whoever made them.
#![allow(unsafe_code, reason = "unshare has no safe form")]

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::thread;

use rustix::io::Errno;
use rustix::mount::{UnmountFlags, mount_bind, unmount};
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// `NSFS_MAGIC`: what a kept namespace looks like to statfs.
const NAMESPACE_FILE: u64 = 0x6e73_6673;
/// The namespace of the calling thread; the one under `self` is the main thread's.
const OWN: &str = "/proc/thread-self/ns/net";

/// Makes a namespace, runs `inside` in it, and keeps it at `path` if that went well.
pub(crate) fn create<F>(path: &Path, inside: F) -> io::Result<()>
where
    F: FnOnce(BorrowedFd<'_>) -> io::Result<()> + Send,
{
    // the namespace belongs to a thread, and this one ends with it
    let work = || {
        // SAFETY: only this new thread changes, it shares nothing that depends on its network namespace, and the
        // file descriptor table stays shared (CLONE_FILES is not among the flags)
        unsafe { unshare_unsafe(UnshareFlags::NEWNET) }?;
        tune();
        let own = File::open(OWN)?;
        inside(own.as_fd())?;
        File::create(path)?;
        mount_bind(OWN, path).inspect_err(|_| drop(fs::remove_file(path)))?;
        Ok(())
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("netns".to_owned()).spawn_scoped(scope, work)?;
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that made the namespace ended")))
    })
}

/// Whether a namespace is kept there.
pub(crate) fn is_kept(path: &Path) -> bool {
    rustix::fs::statfs(path)
        .is_ok_and(|found| u64::try_from(found.f_type).is_ok_and(|kind| kind == NAMESPACE_FILE))
}

/// Keeps it no longer: it ends with the last process in it. One that is gone is fine.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match unmount(path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
        Ok(()) | Err(Errno::INVAL | Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What container runtimes set in a new namespace. The defaults stay where the kernel does not know a name.
fn tune() {
    let settings = [
        // any port and ping without privileges: there is nobody else in here
        ("ipv4/ip_unprivileged_port_start", "0"),
        ("ipv4/ping_group_range", "0 2147483647"),
        // interfaces made from now on speak IPv4 only; the loopback keeps ::1
        ("ipv6/conf/default/disable_ipv6", "1"),
    ];
    for (name, value) in settings {
        if let Err(error) = fs::write(Path::new("/proc/sys/net").join(name), value) {
            tracing::debug!(name, %error, "network setting kept as it is");
        }
    }
}
