//! What an engine answers when it cannot do what it was asked.

use crate::{InstanceId, WorkloadId};

/// Why an engine refused or failed. Variants are facts; the caller decides the words.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No workload of this id was applied.
    #[error("workload {0} is not known to the engine")]
    UnknownWorkload(WorkloadId),
    /// No instance of this id exists (any more).
    #[error("instance {0} is not known to the engine")]
    UnknownInstance(InstanceId),
    /// The image is not one that this engine can run.
    #[error("image {0:?} cannot be run here")]
    UnknownImage(String),
    /// The engine lacks what the workload needs, and says which feature that is.
    #[error("{feature} is not available on this engine: {hint}")]
    Unsupported {
        /// The missing feature, for example `several replicas on one port`.
        feature: String,
        /// What would enable it.
        hint: String,
    },
    /// A page token that this engine did not make, or that has expired.
    #[error("the log cursor is not valid")]
    BadCursor,
    /// The engine is draining or lost what it depends on; the same call may work later.
    #[error("the engine is not available: {0}")]
    Unavailable(String),
    /// Something failed underneath; the text is for operators.
    #[error("{context}")]
    Failed {
        /// What the engine was doing.
        context: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// A failure underneath the engine, with what it was doing.
    pub fn failed(
        context: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Failed { context: context.into(), source: source.into() }
    }
}
