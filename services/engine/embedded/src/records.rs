//! The records of the engine on disk: what is wanted (`workloads/`) and what was begun (`instances/`).
//!
//! A workload's record is written before anything is done for it and removed after everything it held is gone; an
//! instance's record is written before its process is started. Recovery reads nothing else.

mod json;
pub(crate) mod wire;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use engine::{Exit, InstanceId, Workload, WorkloadId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The version of both records; a newer one is refused.
const VERSION: u32 = 1;
const INSTANCE_FILE: &str = "instance.json";
/// Bytes that are kept for deletions.
const RESERVE: usize = 256 << 10;

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WorkloadRecord {
    /// The form of the record.
    pub(crate) version: u32,
    /// The definition that was applied last.
    #[serde(with = "wire::WorkloadDef")]
    pub(crate) workload: Workload,
    /// When its instances were last asked to be replaced.
    #[serde(default)]
    pub(crate) restarted_at: Option<Timestamp>,
    /// It is on its way out, and never comes back.
    #[serde(default)]
    pub(crate) deleting: bool,
}

impl WorkloadRecord {
    pub(crate) const fn new(workload: Workload) -> Self {
        Self { version: VERSION, workload, restarted_at: None, deleting: false }
    }
}

/// What was begun: one instance, as it was when its newest run was intended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InstanceRecord {
    version: u32,
    /// Its name, which is also its directory's.
    #[serde(with = "wire::InstanceIdDef")]
    pub(crate) id: InstanceId,
    /// The definition it was started from; a restart inside the instance uses the same.
    #[serde(with = "wire::WorkloadDef")]
    pub(crate) workload: Workload,
    /// The workload's `restarted_at` when this was begun: another value makes it an old one.
    #[serde(default)]
    pub(crate) restarted_at: Option<Timestamp>,
    /// When it was created.
    pub(crate) created: Timestamp,
    /// The number of its newest run, from 1. Where that has no directory yet, it waits for its start.
    pub(crate) run: u32,
    /// Failures in a row, for the back-off.
    pub(crate) streak: u32,
    /// How the run before the newest one ended.
    #[serde(default, with = "wire::optional_exit")]
    pub(crate) last_exit: Option<Exit>,
    /// The run that became ready, so that a restart of the server does not take it out of service.
    #[serde(default)]
    pub(crate) ready_run: u32,
    /// How it ended for good.
    #[serde(default, with = "wire::optional_exit")]
    pub(crate) end: Option<Exit>,
}

impl InstanceRecord {
    pub(crate) const fn new(
        id: InstanceId,
        workload: Workload,
        restarted_at: Option<Timestamp>,
        created: Timestamp,
    ) -> Self {
        Self {
            version: VERSION,
            id,
            workload,
            restarted_at,
            created,
            run: 1,
            streak: 0,
            last_exit: None,
            ready_run: 0,
            end: None,
        }
    }
}

/// Where the engine keeps its things under the data directory.
#[derive(Clone, Debug)]
pub(crate) struct Directories {
    /// The engine's own directory.
    pub(crate) root: PathBuf,
    /// One directory per instance.
    pub(crate) instances: PathBuf,
    /// One file per workload.
    pub(crate) workloads: PathBuf,
    /// Log segments.
    pub(crate) logs: PathBuf,
    /// Network namespaces, where they are named.
    pub(crate) netns: PathBuf,
    /// The image catalogue.
    pub(crate) images: PathBuf,
}

impl Directories {
    /// Makes what is missing.
    pub(crate) fn open(data: &Path) -> io::Result<Self> {
        let root = data.join("engine");
        let made = Self {
            instances: root.join("instances"),
            workloads: root.join("workloads"),
            logs: root.join("logs"),
            netns: root.join("netns"),
            images: data.join("images"),
            root,
        };
        for path in [&made.root, &made.instances, &made.workloads, &made.logs, &made.netns, &made.images] {
            durable::make_directory(path)?;
        }
        Ok(made)
    }

    /// The directory of an instance.
    pub(crate) fn instance(&self, id: &InstanceId) -> PathBuf {
        self.instances.join(&id.0)
    }

    /// The directory of a run, which its shim holds.
    pub(crate) fn run(&self, id: &InstanceId, run: u32) -> PathBuf {
        self.instance(id).join(run.to_string())
    }

    /// What is `/etc/hosts` inside an instance.
    pub(crate) fn hosts(&self, id: &InstanceId) -> PathBuf {
        self.instance(id).join("hosts")
    }

    fn workload(&self, id: &WorkloadId) -> PathBuf {
        self.workloads.join(format!("{}.json", id.0))
    }

    /// Makes a workload's record so. What is to be deleted may use the reserve, for that makes room.
    pub(crate) fn save_workload(&self, record: &WorkloadRecord) -> io::Result<()> {
        let path = self.workload(&record.workload.id);
        match json::write(&path, record) {
            Err(error) if record.deleting && error.kind() == io::ErrorKind::StorageFull => {
                durable::remove(&self.reserve())?;
                json::write(&path, record)
            }
            other => other,
        }
    }

    /// Keeps some room for deletions on a full disk. Where there is none now, there is nothing to keep.
    pub(crate) fn keep_reserve(&self) -> io::Result<()> {
        let reserve = self.reserve();
        if reserve.exists() {
            return Ok(());
        }
        durable::write(&reserve, &vec![0; RESERVE])
    }

    fn reserve(&self) -> PathBuf {
        self.root.join("reserve")
    }

    /// Forgets a workload.
    pub(crate) fn remove_workload(&self, id: &WorkloadId) -> io::Result<()> {
        durable::remove(&self.workload(id))
    }

    /// Makes an instance's record so; its directory appears with it.
    pub(crate) fn save_instance(&self, record: &InstanceRecord) -> io::Result<()> {
        let directory = self.instance(&record.id);
        if !directory.is_dir() {
            durable::make_directory(&directory)?;
        }
        json::write(&directory.join(INSTANCE_FILE), record)
    }

    /// The record of an instance, where there is one.
    pub(crate) fn load_instance(&self, id: &InstanceId) -> io::Result<Option<InstanceRecord>> {
        json::read(&self.instance(id).join(INSTANCE_FILE))
    }

    /// Forgets an instance, with all its files.
    pub(crate) fn remove_instance(&self, id: &InstanceId) -> io::Result<()> {
        durable::remove_directory(&self.instance(id))
    }

    /// Whether the name was ever used, as far as anyone can still see.
    pub(crate) fn is_used(&self, id: &InstanceId) -> bool {
        self.instance(id).exists()
    }

    /// Every workload that is wanted. Leftovers of a write that was cut short are removed.
    pub(crate) fn load_workloads(&self) -> io::Result<Vec<WorkloadRecord>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.workloads)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "new") {
                durable::remove(&path)?;
            } else if let Some(record) = json::read::<WorkloadRecord>(&path)? {
                refuse_newer(&path, record.version)?;
                found.push(record);
            }
        }
        Ok(found)
    }

    /// Every instance that was begun. A directory without a whole record never had a process: it is removed.
    pub(crate) fn load_instances(&self) -> io::Result<Vec<InstanceRecord>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.instances)? {
            let directory = entry?.path();
            let path = directory.join(INSTANCE_FILE);
            match json::read::<InstanceRecord>(&path)? {
                Some(record) => {
                    refuse_newer(&path, record.version)?;
                    found.push(record);
                }
                None => durable::remove_directory(&directory)?,
            }
        }
        Ok(found)
    }
}

fn refuse_newer(path: &Path, version: u32) -> io::Result<()> {
    if version <= VERSION {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{} has version {version}, and this program knows {VERSION} and older", path.display()),
    ))
}

#[cfg(test)]
pub(crate) mod tests;
