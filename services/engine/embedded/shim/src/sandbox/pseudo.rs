//! A `/proc` of its own, without what tells about the machine or changes it.

use std::io;
use std::path::Path;

use super::Attempt as _;
use super::tree::{Access, Tree};

/// Files that read as empty.
const EMPTY_FILES: [&str; 8] =
    ["interrupts", "kcore", "keys", "key-users", "latency_stats", "sched_debug", "timer_list", "config.gz"];

/// Directories that are empty.
const EMPTY_DIRECTORIES: [&str; 3] = ["acpi", "asound", "scsi"];

/// What may be read, and is never written, whoever the reader is.
const READ_ONLY: [&str; 5] = ["bus", "fs", "irq", "sys", "sysrq-trigger"];

/// Needs `/dev/null` of the host.
pub(super) fn proc(root: &Tree) -> io::Result<()> {
    let proc = Path::new("/proc");
    // other users' processes, and the run's own first process, are not even listed
    root.mount_in(proc, "proc", &[("hidepid", "2")], Access::Data)?;
    for name in EMPTY_FILES.iter().filter(|name| root.has(&proc.join(name))) {
        root.bind(Path::new("/dev/null"), &proc.join(name), Access::Device).attempt(name)?;
    }
    for name in EMPTY_DIRECTORIES.iter().filter(|name| root.has(&proc.join(name))) {
        let nothing = [("mode", "555"), ("size", "4k"), ("nr_inodes", "2")];
        root.mount_in(&proc.join(name), "tmpfs", &nothing, Access::Read).attempt(name)?;
    }
    for name in READ_ONLY.iter().filter(|name| root.has(&proc.join(name))) {
        root.restrict(&proc.join(name), Access::Read).attempt(name)?;
    }
    Ok(())
}
