//! Words for states and triggers of runs in documents.

use jiff::Timestamp;
use jobs_core::{RunState, SkipReason, Trigger};
use serde::{Deserialize, Serialize};

/// Why a run is.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TriggerWord {
    Created,
    Schedule { due: Timestamp },
    Manual,
    Restart,
}

impl From<Trigger> for TriggerWord {
    fn from(trigger: Trigger) -> Self {
        match trigger {
            Trigger::Created => Self::Created,
            Trigger::Schedule { due } => Self::Schedule { due },
            Trigger::Manual => Self::Manual,
            Trigger::Restart => Self::Restart,
        }
    }
}

impl From<TriggerWord> for Trigger {
    fn from(word: TriggerWord) -> Self {
        match word {
            TriggerWord::Created => Self::Created,
            TriggerWord::Schedule { due } => Self::Schedule { due },
            TriggerWord::Manual => Self::Manual,
            TriggerWord::Restart => Self::Restart,
        }
    }
}

/// What became of a run.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StateWord {
    Queued,
    Pending,
    Running,
    Succeeded,
    Failed,
    Cancelled,
    Missed,
    SkippedOverlap,
    SkippedDeadline,
    SkippedSuspended,
    SkippedQuota,
}

impl From<RunState> for StateWord {
    fn from(state: RunState) -> Self {
        match state {
            RunState::Queued => Self::Queued,
            RunState::Pending => Self::Pending,
            RunState::Running => Self::Running,
            RunState::Succeeded => Self::Succeeded,
            RunState::Failed => Self::Failed,
            RunState::Cancelled => Self::Cancelled,
            RunState::Missed => Self::Missed,
            RunState::Skipped(SkipReason::Overlap) => Self::SkippedOverlap,
            RunState::Skipped(SkipReason::Deadline) => Self::SkippedDeadline,
            RunState::Skipped(SkipReason::Suspended) => Self::SkippedSuspended,
            RunState::Skipped(SkipReason::Quota) => Self::SkippedQuota,
        }
    }
}

impl From<StateWord> for RunState {
    fn from(word: StateWord) -> Self {
        match word {
            StateWord::Queued => Self::Queued,
            StateWord::Pending => Self::Pending,
            StateWord::Running => Self::Running,
            StateWord::Succeeded => Self::Succeeded,
            StateWord::Failed => Self::Failed,
            StateWord::Cancelled => Self::Cancelled,
            StateWord::Missed => Self::Missed,
            StateWord::SkippedOverlap => Self::Skipped(SkipReason::Overlap),
            StateWord::SkippedDeadline => Self::Skipped(SkipReason::Deadline),
            StateWord::SkippedSuspended => Self::Skipped(SkipReason::Suspended),
            StateWord::SkippedQuota => Self::Skipped(SkipReason::Quota),
        }
    }
}
