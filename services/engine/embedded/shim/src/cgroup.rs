//! Control groups: limits that hold for a whole run, where the machine lets us set them.
//!
//! Version 2 where it is delegated to us, else version 1 (memory, cpu, pids), else nothing; found by doing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

mod discover;
mod group;
pub(crate) use group::{Group, rlimits_only};

/// The directory in which the groups of runs are made, one per controller in version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "version", rename_all = "kebab-case")]
pub enum Parent {
    /// One directory per controller; those we may not use are missing.
    V1 {
        /// Memory.
        memory: Option<PathBuf>,
        /// Processor time.
        cpu: Option<PathBuf>,
        /// Number of processes.
        pids: Option<PathBuf>,
    },
    /// One directory, whose controllers are enabled for its children.
    V2 {
        /// The directory.
        dir: PathBuf,
        /// Enabled controllers, of `memory`, `cpu` and `pids`.
        controllers: Vec<String>,
    },
}

/// The group into which a server moves itself where version 2 asks that only leaves have processes.
const SERVER_LEAF: &str = "toolforged-server";

/// Makes the parent of all runs' groups, `name` below the caller's own group. Called once when a server starts;
/// repeating it is fine. With version 2 it moves the processes of the caller's group into a leaf of that group.
///
/// None where no controller can be used. The `notes` get a sentence for everything that is missing.
pub fn prepare(name: &str, notes: &mut Vec<String>) -> Option<Parent> {
    let places = match discover::places() {
        Ok(places) => places,
        Err(error) => {
            notes.push(format!("control groups cannot be found: {error}"));
            return None;
        }
    };
    if let Some(own) = places.v2.as_deref() {
        match version2(own, name) {
            Ok(Some(parent)) => return Some(parent),
            Ok(None) => {}
            Err(error) => notes.push(format!(
                "control group {} is not delegated ({error}); with systemd set Delegate=yes",
                own.display()
            )),
        }
    }
    let mut usable = |controller: &str, dir: Option<PathBuf>| {
        let made = dir.ok_or_else(|| io::Error::other("not mounted")).and_then(|dir| {
            let dir = dir.join(name);
            make(&dir)?;
            attempt(&dir)?;
            Ok(dir)
        });
        made.map_err(|error| notes.push(format!("the {controller} controller cannot be used: {error}"))).ok()
    };
    let (memory, cpu, pids) =
        (usable("memory", places.memory), usable("cpu", places.cpu), usable("pids", places.pids));
    (memory.is_some() || cpu.is_some() || pids.is_some()).then_some(Parent::V1 { memory, cpu, pids })
}

fn version2(own: &Path, name: &str) -> io::Result<Option<Parent>> {
    let own = match (own.file_name(), own.parent()) {
        (Some(leaf), Some(above)) if leaf == SERVER_LEAF => above,
        _ => own,
    };
    let offered = fs::read_to_string(own.join("cgroup.controllers"))?;
    let controllers: Vec<String> = ["memory", "cpu", "pids"]
        .into_iter()
        .filter(|wanted| offered.split_whitespace().any(|controller| controller == *wanted))
        .map(str::to_owned)
        .collect();
    if !controllers.iter().any(|controller| controller == "memory") {
        return Ok(None);
    }
    let leaf = own.join(SERVER_LEAF);
    make(&leaf)?;
    for process in fs::read_to_string(own.join("cgroup.procs"))?.lines() {
        fs::write(leaf.join("cgroup.procs"), process)?;
    }
    let dir = own.join(name);
    enable(own, &controllers)?;
    make(&dir)?;
    enable(&dir, &controllers)?;
    attempt(&dir)?;
    Ok(Some(Parent::V2 { dir, controllers }))
}

fn enable(dir: &Path, controllers: &[String]) -> io::Result<()> {
    controllers
        .iter()
        .try_for_each(|controller| fs::write(dir.join("cgroup.subtree_control"), format!("+{controller}")))
}

/// That a directory is there does not say that we may make groups in it.
fn attempt(dir: &Path) -> io::Result<()> {
    let trial = dir.join(format!("trial-{}", std::process::id()));
    fs::create_dir(&trial)?;
    fs::remove_dir(&trial)
}

fn make(dir: &Path) -> io::Result<()> {
    match fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
