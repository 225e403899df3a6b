//! A run: one execution of a job, or the record that there was none.

use engine::WorkloadId;
use jiff::Timestamp;

use crate::{Footprint, JobName, RunName, ToolName, Uid};

/// One execution of a job, wanted or missed. It outlives its job, within the retention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its identity, and its workload's.
    pub uid: Uid,
    /// Its name.
    pub name: RunName,
    /// Whose it is.
    pub tool: ToolName,
    /// Its job.
    pub job: JobName,
    /// Which job of that name.
    pub job_uid: Uid,
    /// The generation of the definition it was started from.
    pub generation: u64,
    /// Why it is.
    pub trigger: Trigger,
    /// What became of it.
    pub state: RunState,
    /// What it executes instead of, or as copied from, the definition.
    pub command: Option<String>,
    /// Environment beside the job's.
    pub env: Vec<(String, String)>,
    /// Tries after a failure.
    pub retries: u32,
    /// Whether its standard input is kept open for somebody to attach.
    pub stdin: bool,
    /// What it holds of the quota.
    pub footprint: Footprint,
    /// Whether it still counts as an object: until the time to live after its end.
    pub live: bool,
    /// When it was made.
    pub created: Timestamp,
    /// When it first executed.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// Tries so far.
    pub attempts: u32,
    /// The exit code of the last try, where it is known.
    pub exit_code: Option<i32>,
    /// What there is to tell about its end.
    pub message: Option<String>,
    /// Since when it is to be ended.
    pub cancelled_at: Option<Timestamp>,
}

/// Why a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Its one-off job was created.
    Created,
    /// Its schedule was due then. One run for each due time of a job.
    Schedule {
        /// The due time.
        due: Timestamp,
    },
    /// Somebody asked for it.
    Manual,
    /// Its scheduled job was restarted.
    Restart,
}

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunState {
    /// Waits for an earlier run of its job to end.
    Queued,
    /// Given to the engine, not started yet.
    Pending,
    /// Executing, or between two tries.
    Running,
    /// Ended with exit code 0.
    Succeeded,
    /// Ended otherwise.
    Failed,
    /// Ended because somebody wanted so.
    Cancelled,
    /// Its due time passed while nothing could start it, and is not made up for.
    Missed,
    /// Deliberately not started.
    Skipped(SkipReason),
}

/// Why a due run was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// Another run of the job was open.
    Overlap,
    /// It was too late for it.
    Deadline,
    /// The job was suspended.
    Suspended,
    /// It would have exceeded the quota.
    Quota,
}

impl RunState {
    /// Whether it may still execute.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Pending | Self::Running)
    }

    /// Whether instances of it exist or are about to.
    pub const fn holds_resources(self) -> bool {
        matches!(self, Self::Pending | Self::Running)
    }

    /// Whether it was ever given to the engine.
    pub const fn was_started(self) -> bool {
        !matches!(self, Self::Queued | Self::Missed | Self::Skipped(_))
    }
}

impl Run {
    /// Its workload.
    pub fn workload_id(&self) -> WorkloadId {
        WorkloadId(self.uid.as_str().to_owned())
    }
}
