//! The control group of one run.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{Parent, make};
use crate::record::{Enforced, Enforcement};
use crate::spec::Limits;

/// Period of processor quotas, in microseconds.
const PERIOD: u64 = 100_000;

/// How long the last processes of a run may take to be gone after SIGKILL.
const PATIENCE: Duration = Duration::from_secs(10);

/// A run's own group: one directory in version 2, one per controller in version 1.
#[derive(Debug)]
pub(crate) struct Group {
    /// Every directory, the one that counts memory first.
    dirs: Vec<PathBuf>,
    version2: bool,
    memory: bool,
}

impl Group {
    /// Makes the group with its limits, and says which of them hold.
    pub(crate) fn create(parent: &Parent, name: &str, limits: &Limits) -> (Self, Enforced) {
        match parent {
            Parent::V1 { memory, cpu, pids } => Self::version1([memory, cpu, pids], name, limits),
            Parent::V2 { dir, controllers } => Self::version2(&dir.join(name), controllers, limits),
        }
    }

    /// The group as [`create`](Self::create) made it, to clean up after a shim that is lost.
    pub(crate) fn existing(parent: &Parent, name: &str) -> Self {
        let (dirs, version2): (Vec<_>, _) = match parent {
            Parent::V1 { memory, cpu, pids } => {
                ([memory, cpu, pids].into_iter().flatten().map(|dir| dir.join(name)).collect(), false)
            }
            Parent::V2 { dir, .. } => (vec![dir.join(name)], true),
        };
        Self { dirs, version2, memory: false }
    }

    fn version1([memory, cpu, pids]: [&Option<PathBuf>; 3], name: &str, limits: &Limits) -> (Self, Enforced) {
        let mut group = Self { dirs: Vec::new(), version2: false, memory: false };
        let mut place = |parent: &Option<PathBuf>, set: &dyn Fn(&Path) -> io::Result<()>| {
            let Some(dir) = parent.as_ref().map(|dir| dir.join(name)) else { return false };
            if make(&dir).is_err() {
                return false;
            }
            group.dirs.push(dir.clone());
            set(&dir).is_ok()
        };
        let memory = place(memory, &|dir| {
            let Some(bytes) = limits.memory_bytes else { return Ok(()) };
            set(dir, "memory.limit_in_bytes", bytes)?;
            // swap may not be counted on this machine; where it is, it is not for runs
            let _ = set(dir, "memory.memsw.limit_in_bytes", bytes);
            Ok(())
        });
        let cpu = place(cpu, &|dir| {
            if let Some(millis) = limits.cpu_request_millis {
                set(dir, "cpu.shares", (millis.saturating_mul(1024) / 1000).clamp(2, 262_144))?;
            }
            if let Some(millis) = limits.cpu_millis {
                set(dir, "cpu.cfs_period_us", PERIOD)?;
                set(dir, "cpu.cfs_quota_us", quota(millis))?;
            }
            Ok(())
        });
        let pids = place(pids, &|dir| limits.pids.map_or(Ok(()), |pids| set(dir, "pids.max", pids)));
        group.memory = memory;
        (group, enforced(memory, cpu, pids))
    }

    fn version2(dir: &Path, controllers: &[String], limits: &Limits) -> (Self, Enforced) {
        let mut group = Self { dirs: Vec::new(), version2: true, memory: false };
        if make(dir).is_err() {
            return (group, enforced(false, false, false));
        }
        group.dirs.push(dir.to_owned());
        let has = |name: &str| controllers.iter().any(|controller| controller == name);
        let memory = has("memory")
            && limits.memory_bytes.is_none_or(|bytes| {
                let _ = set(dir, "memory.swap.max", 0);
                let _ = set(dir, "memory.oom.group", 1);
                set(dir, "memory.max", bytes).is_ok()
            });
        let cpu = has("cpu") && {
            let millis = limits.cpu_request_millis.unwrap_or(1000);
            let _ = set(dir, "cpu.weight", (millis / 10).clamp(1, 10_000));
            limits
                .cpu_millis
                .is_none_or(|millis| write(dir, "cpu.max", &format!("{} {PERIOD}", quota(millis))).is_ok())
        };
        let pids = has("pids") && limits.pids.is_none_or(|pids| set(dir, "pids.max", pids).is_ok());
        group.memory = memory;
        (group, enforced(memory, cpu, pids))
    }

    /// Descriptors into which a process with one thread writes `0` in order to join. Version 2 is joined by being born
    /// in it, see [`cradle`](Self::cradle).
    pub(crate) fn doors(&self) -> io::Result<Vec<File>> {
        if self.version2 {
            return Ok(Vec::new());
        }
        // moving one's own thread needs no lock; moving a process stops every fork of the machine for milliseconds
        self.dirs.iter().map(|dir| File::options().write(true).open(dir.join("tasks"))).collect()
    }

    /// The directory of a version 2 group, for `CLONE_INTO_CGROUP`.
    pub(crate) fn cradle(&self) -> io::Result<Option<File>> {
        self.dirs.first().filter(|_| self.version2).map(File::open).transpose()
    }

    /// How many processes the kernel has killed for the memory limit.
    pub(crate) fn oom_kills(&self) -> u64 {
        let Some(dir) = self.dirs.first().filter(|_| self.memory) else { return 0 };
        let name = if self.version2 { "memory.events" } else { "memory.oom_control" };
        let text = fs::read_to_string(dir.join(name)).unwrap_or_default();
        text.lines()
            .find_map(|line| line.strip_prefix("oom_kill "))
            .and_then(|count| count.trim().parse().ok())
            .unwrap_or(0)
    }

    /// Kills everything in the group, and waits until it is gone. `reap` is called to collect children of ours.
    pub(crate) fn kill(&self, mut reap: impl FnMut()) {
        let end = Instant::now() + PATIENCE;
        for dir in &self.dirs {
            if self.version2 {
                let _ = write(dir, "cgroup.kill", "1");
            }
            while Instant::now() < end {
                let processes = fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
                let mut living = processes.lines().filter_map(|line| line.parse().ok()).peekable();
                if living.peek().is_none() {
                    break;
                }
                living.filter_map(Pid::from_raw).for_each(|pid| {
                    let _ = kill_process(pid, Signal::KILL);
                });
                reap();
                thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// Removes the directories. The kernel may need a moment after the last process has gone.
    pub(crate) fn remove(&self) {
        let end = Instant::now() + PATIENCE;
        for dir in &self.dirs {
            while let Err(error) = fs::remove_dir(dir) {
                if error.kind() == io::ErrorKind::NotFound || Instant::now() > end {
                    break;
                }
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

const fn quota(millis: u64) -> u64 {
    // the kernel takes no less than 1 ms per period
    let quota = millis.saturating_mul(PERIOD / 1000);
    if quota < 1000 { 1000 } else { quota }
}

fn enforced(memory: bool, cpu: bool, pids: bool) -> Enforced {
    let by_group = |holds, otherwise| if holds { Enforcement::Enforced } else { otherwise };
    Enforced {
        memory: by_group(memory, Enforcement::PerProcess),
        cpu: by_group(cpu, Enforcement::Advisory),
        pids: by_group(pids, Enforcement::PerProcess),
    }
}

/// What holds without a group: rlimits.
pub(crate) fn rlimits_only() -> Enforced {
    enforced(false, false, false)
}

fn set(dir: &Path, name: &str, value: u64) -> io::Result<()> {
    write(dir, name, &value.to_string())
}

fn write(dir: &Path, name: &str, value: &str) -> io::Result<()> {
    File::options().write(true).open(dir.join(name))?.write_all(value.as_bytes())
}
