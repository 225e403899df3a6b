//! Cleaning up after a shim that died without a word.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::cgroup::Group;
use crate::record::{self, Liveness, Started, names};

/// How long a killed run may take to be gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// Kills what a lost shim has left of its run, and removes its control group and scratch space. A run normally dies
/// with its shim: this is for what does not. The process is only touched when number, start time and boot match.
///
/// Returns whether a process of the run was still alive. The records of the directory stay.
///
/// # Errors
/// `ResourceBusy` where a shim holds the directory.
pub fn clear(dir: &Path) -> io::Result<bool> {
    if record::liveness(dir) == Liveness::Held {
        return Err(io::ErrorKind::ResourceBusy.into());
    }
    let spec = record::read_spec(dir)?;
    let started = record::read_started(dir)?;
    let lived = started.is_some_and(|started| end(&started));
    if let Some((spec, parent)) = spec.as_ref().and_then(|spec| Some((spec, spec.limits.cgroup.as_ref()?))) {
        let group = Group::existing(parent, &spec.instance);
        group.kill(|| {});
        group.remove();
    }
    match fs::remove_dir_all(dir.join(names::SCRATCH)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(lived),
    }
}

fn end(started: &Started) -> bool {
    let Some(pid) = Pid::from_raw(started.pid).filter(|_| is_alive(started)) else { return false };
    for descendant in record::descendants(started.pid).into_iter().filter_map(Pid::from_raw).chain([pid]) {
        let _ = kill_process(descendant, Signal::KILL);
    }
    let end = Instant::now() + PATIENCE;
    while is_alive(started) && Instant::now() < end {
        thread::sleep(Duration::from_millis(2));
    }
    true
}

fn is_alive(started: &Started) -> bool {
    record::boot_id().is_ok_and(|boot| boot == started.boot_id)
        && record::process(started.pid)
            .is_some_and(|process| process.start_time == started.start_time && !process.is_zombie)
}
