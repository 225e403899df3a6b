//! A job as it is recorded.

use engine::WorkloadId;
use jiff::Timestamp;

use crate::{Definition, DefinitionInput, Footprint, JobName, JobType, ToolName, Uid};

/// A job: its definition and what the service knows beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its identity; of jobs that always run, also their workload's.
    pub uid: Uid,
    /// Whose it is.
    pub tool: ToolName,
    /// Rises with every change of the definition, from 1.
    pub generation: u64,
    /// What the user set; the image by its canonical name.
    pub definition: Definition,
    /// The URL of the image when it was last resolved, for when it is gone from the catalogue.
    pub image_url: String,
    /// What it holds of the quota; nothing for jobs whose runs hold.
    pub footprint: Footprint,
    /// When it was made.
    pub created: Timestamp,
    /// When the definition last changed.
    pub updated: Timestamp,
    /// When it was last restarted.
    pub restarted_at: Option<Timestamp>,
    /// Due times up to this one were dealt with; of a new or changed schedule, the moment of that.
    pub scheduled_until: Timestamp,
    /// The last due time at which a run was started.
    pub last_scheduled: Option<Timestamp>,
    /// Since when it is being deleted. Nobody sees it any more; its record stays until nothing of it runs.
    pub deleting: Option<Timestamp>,
}

impl Job {
    /// Its name.
    pub const fn name(&self) -> &JobName {
        &self.definition.name
    }

    /// Changes with every change that a user made.
    pub fn etag(&self) -> String {
        let restarted = self.restarted_at.map_or(0, Timestamp::as_microsecond);
        format!("{}-{}-{restarted}", self.uid, self.generation)
    }

    /// The workload of a job that always runs.
    pub fn workload_id(&self) -> WorkloadId {
        WorkloadId(self.uid.as_str().to_owned())
    }

    /// Whether users see it.
    pub const fn is_present(&self) -> bool {
        self.deleting.is_none()
    }

    /// What the user set, for `include_unset=false` (contract 3.3). Of a webservice neither `continuous` nor
    /// `publish` nor `port_protocol` is ever told: clients could not load their own dump (3.13).
    pub fn set_fields(&self) -> DefinitionInput {
        self.definition.to_input()
    }

    /// Whether its definition is the same as another's. Names of images are canonical on both sides.
    pub fn is_defined_as(&self, definition: &Definition) -> bool {
        self.definition == *definition
    }

    /// Whether it has runs, rather than one workload for ever.
    pub const fn has_runs(&self) -> bool {
        matches!(self.definition.job_type, JobType::OneOff | JobType::Scheduled)
    }
}
