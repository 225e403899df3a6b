//! What became of a workload: instances, their phases and exits.
//!
//! The model is a pod with one container, because the contract derives its status words from that (3.4).

use std::fmt;

use jiff::Timestamp;

use crate::WorkloadId;

/// The name of an instance, shown in logs as the pod; unique for ever.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(pub String);

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One instance of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its name.
    pub id: InstanceId,
    /// What it is an instance of.
    pub workload: WorkloadId,
    /// The generation of the definition that it was started from.
    pub generation: u64,
    /// The tool that owns it.
    pub tool: String,
    /// The job's name.
    pub name: String,
    /// Where in its life it is.
    pub phase: Phase,
    /// The state of its process.
    pub container: Container,
    /// How the process before this one ended, after a restart.
    pub last_exit: Option<Exit>,
    /// Restarts inside this instance.
    pub restarts: u32,
    /// Started, and its probe succeeds.
    pub ready: bool,
    /// When it was created.
    pub created: Timestamp,
    /// When it last changed.
    pub changed: Timestamp,
    /// The newest thing worth telling a user, for example why it cannot start.
    pub message: Option<String>,
}

impl Instance {
    /// Whether it will never run again.
    pub const fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Succeeded | Phase::Failed)
    }
}

/// Where in its life an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Accepted, its process has not run yet.
    Pending,
    /// Its process has been started at least once.
    Running,
    /// Ended with exit code 0; final.
    Succeeded,
    /// Ended otherwise; final.
    Failed,
}

/// The state of an instance's process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Container {
    /// Nothing yet: the instance waits for a place.
    Absent,
    /// About to start, or between two starts.
    Waiting {
        /// Why, for example `image cannot be unpacked` or `back-off 10s before restart`.
        message: Option<String>,
    },
    /// Executing.
    Running {
        /// Since when.
        started: Timestamp,
    },
    /// Ended.
    Terminated(Exit),
}

/// The end of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Its true status, or that it is not known.
    pub status: ExitStatus,
    /// Why it ended.
    pub reason: ExitReason,
    /// When it had started, where it had.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Timestamp,
}

/// An exit status is true or explicitly unknown, never guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExitStatus {
    /// The exit code; 128 + n after signal n, as shells and pods say it.
    Code(i32),
    /// It cannot be known; the reason of the exit says why.
    Unknown,
}

impl ExitStatus {
    /// The code, where it is known.
    pub const fn code(self) -> Option<i32> {
        match self {
            Self::Code(code) => Some(code),
            Self::Unknown => None,
        }
    }
}

/// Why a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExitReason {
    /// By itself, with code 0.
    Completed,
    /// By itself, with another code, or by a signal that nobody here sent.
    Error,
    /// It passed its memory limit.
    OutOfMemory,
    /// It passed its deadline.
    DeadlineExceeded,
    /// It was stopped: deleted, restarted, replaced or cancelled.
    Stopped,
    /// Its probe failed too often.
    Unhealthy,
    /// It could not be started at all.
    CannotRun,
    /// What held the process died with it unseen.
    Lost,
    /// The machine was restarted underneath it.
    Reboot,
}

/// Something true of a whole workload that instances cannot show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The workload.
    pub workload: WorkloadId,
    /// What holds.
    pub kind: ConditionKind,
    /// Since when.
    pub since: Timestamp,
}

/// What can hold of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConditionKind {
    /// Instances can be made.
    Progressing,
    /// The engine's own backstop refused an instance; resource names as the contract prints them.
    OutOfQuota(Vec<String>),
    /// An instance cannot be made for another reason.
    CannotCreate(String),
}
