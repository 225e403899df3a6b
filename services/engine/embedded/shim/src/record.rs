//! What a shim leaves in its directory, readable without it: the lock, `started.json` and `exit.json`.

use std::fs;
use std::io;
use std::path::Path;

use durable::{Replace, Sync};
use rustix::fs::{FlockOperation, flock};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::spec::{Spec, Tier};

/// File names inside an instance's directory.
pub(crate) mod names {
    pub(crate) const LOCK: &str = "lock";
    pub(crate) const SPEC: &str = "spec.json";
    pub(crate) const STARTED: &str = "started.json";
    pub(crate) const EXIT: &str = "exit.json";
    pub(crate) const SOCKET: &str = "shim.sock";
    pub(crate) const SCRATCH: &str = "scratch";
}

/// Whether a shim holds a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// A living shim has the lock.
    Held,
    /// Nobody has it.
    Free,
}

/// A run that was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The first process of the run, in the host's numbers. Everything in the run is below it.
    pub pid: i32,
    /// Its start in clock ticks after boot (`/proc/<pid>/stat`, field 22): tells it from a later process.
    pub start_time: u64,
    /// The boot of the machine that these numbers belong to.
    pub boot_id: String,
    /// Unix time in milliseconds.
    pub at: i64,
    /// How far it is kept apart.
    pub tier: Tier,
    /// Which limits hold.
    pub limits: Enforced,
}

/// Which limits hold for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enforced {
    /// Memory.
    pub memory: Enforcement,
    /// Processor time.
    pub cpu: Enforcement,
    /// Number of processes.
    pub pids: Enforcement,
}

/// Whether a limit holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Enforcement {
    /// By the kernel, for the whole run.
    Enforced,
    /// By a per-process (or per-user) limit only.
    PerProcess,
    /// Not at all.
    Advisory,
}

/// How a run ended. Exit codes are the true ones (promise 3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitRecord {
    /// The exit code; 128 + n after signal n; 126 or 127 where the program could not be executed or was not found;
    /// none where nothing came so far.
    pub code: Option<i32>,
    /// The signal that ended it, where one did.
    pub signal: Option<i32>,
    /// Why it ended.
    pub reason: ExitReason,
    /// Unix time in milliseconds, none where it never started.
    pub started_ms: Option<i64>,
    /// Unix time in milliseconds.
    pub finished_ms: i64,
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitReason {
    /// By itself, with code 0.
    Completed,
    /// By itself with another code, or by a signal that this shim did not send.
    Error,
    /// The kernel killed something in it for its memory limit, and it failed.
    OutOfMemory,
    /// It passed its deadline.
    DeadlineExceeded,
    /// It was asked to stop.
    Stopped,
    /// It was stopped because its probe failed.
    Unhealthy,
    /// It could not be started.
    CannotRun {
        /// What failed, for the operator; names no secret.
        message: String,
    },
}

/// Whether a shim holds the directory. A missing directory is free.
pub fn liveness(dir: &Path) -> Liveness {
    let Ok(file) = fs::File::open(dir.join(names::LOCK)) else { return Liveness::Free };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Err(rustix::io::Errno::WOULDBLOCK) => Liveness::Held,
        _ => Liveness::Free,
    }
}

/// What the directory's shim was asked to run.
pub fn read_spec(dir: &Path) -> io::Result<Option<Spec>> {
    read(&dir.join(names::SPEC))
}

/// The start, where it came so far. A torn file (the machine lost power) reads as none.
pub fn read_started(dir: &Path) -> io::Result<Option<Started>> {
    read(&dir.join(names::STARTED))
}

/// The end, where it was recorded.
pub fn read_exit(dir: &Path) -> io::Result<Option<ExitRecord>> {
    read(&dir.join(names::EXIT))
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a file so that readers see all of it or the old one.
///
/// Only [`ExitRecord`] matters after a loss of power, for a start is void after a reboot.
pub(crate) fn write<T: Serialize>(dir: &Path, name: &str, value: &T, sync: Sync) -> io::Result<()> {
    Replace::mode(0o600).sync(sync).write(&dir.join(name), &serde_json::to_vec(value)?)
}

/// The identity of the running boot.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// A line of the process table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) parent: i32,
    pub(crate) start_time: u64,
    pub(crate) is_zombie: bool,
}

/// A process, from `/proc/<pid>/stat` (proc(5)).
pub(crate) fn process(pid: i32) -> Option<Process> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // the name may have spaces and parentheses of its own
    let (_, fields) = text.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let start_time = fields.nth(17)?.parse().ok()?;
    Some(Process { parent, start_time, is_zombie: state == "Z" })
}

/// Every process below `root`, as far as their chain of parents still shows it.
pub(crate) fn descendants(root: i32) -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let table: Vec<(i32, i32)> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, process(pid)?.parent)))
        .collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(table.iter().filter(|(_, above)| *above == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}
