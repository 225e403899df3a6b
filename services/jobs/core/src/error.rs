//! What can go wrong, as facts; the words for callers and for operators are derived from them.

use crate::{JobName, RepositoryError, RunName, Violations};

/// Why a use case refused or failed. `Display` is the sentence for the caller, the contract's where it has one;
/// [`Error::operator`] is the text for the log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Fields are malformed or break a rule.
    #[error("{0}")]
    Invalid(#[from] Violations),
    /// No such job.
    #[error("Job '{0}' does not exist")]
    JobNotFound(JobName),
    /// No such run.
    #[error("Run '{0}' does not exist")]
    RunNotFound(RunName),
    /// The name is taken.
    #[error("A job with the name {0} already exists")]
    JobExists(JobName),
    /// The tool's host is taken by another of its jobs.
    #[error(
        "Attempt to create job failed. The job cannot be published because the domain '{host}' and path '/' are \
         already in use by another public job or webservice."
    )]
    PublishConflict {
        /// The host.
        host: String,
        /// The job that has it.
        owner: JobName,
    },
    /// The image does not exist.
    #[error("No such image '{url}'")]
    NoSuchImage {
        /// The reference in full.
        url: String,
    },
    /// The tool's quota would be exceeded.
    #[error("Out of quota for {}", .resources.join(", "))]
    OutOfQuota {
        /// Names of resources, sorted.
        resources: Vec<String>,
    },
    /// One-off jobs cannot be restarted.
    #[error("Unable to restart a one-off job")]
    RestartOneOff,
    /// A job that always runs has no runs.
    #[error("Job '{0}' runs all the time, it can't be run once more")]
    NoRuns(JobName),
    /// The run has ended, or never began.
    #[error("Run '{0}' is not running")]
    RunNotOpen(RunName),
    /// The job writes its output to files.
    #[error("Job '{0}' has file logging enabled, which is incompatible with the logs command")]
    FileLog(JobName),
    /// There is no output of the job.
    #[error("Job '{0}' does not have any logs available")]
    NoLogs(JobName),
    /// The job is no longer as the caller saw it.
    #[error("The job was changed in the meantime, look at it and try again")]
    EtagMismatch,
    /// The request id was used for something else.
    #[error("The request id was used before for another request")]
    RequestIdReused,
    /// The engine lacks what the job needs.
    #[error("{feature} is not available here: {hint}")]
    Unsupported {
        /// What is missing.
        feature: String,
        /// What would enable it.
        hint: String,
    },
    /// Others changed the tool's jobs again and again.
    #[error("The jobs of this tool are being changed by others at the same time, try again")]
    Busy,
    /// The engine failed.
    #[error("Unable to reach what runs the jobs, please try again later")]
    Engine(#[source] engine::Error),
    /// Records could not be read or written.
    #[error("Unable to read or write the records of jobs, please try again later")]
    Repository(#[from] RepositoryError),
}

impl Error {
    /// The text for operators: with the causes, which callers do not see.
    pub fn operator(&self) -> String {
        let mut text = match self {
            Self::PublishConflict { host, owner } => format!("{host} is published by {owner}"),
            other => other.to_string(),
        };
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    /// An engine's error about a workload; what the caller can act on gets words of its own.
    pub(crate) fn of_engine(error: engine::Error) -> Self {
        match error {
            engine::Error::UnknownImage(url) => Self::NoSuchImage { url },
            engine::Error::Unsupported { feature, hint } => Self::Unsupported { feature, hint },
            engine::Error::BadCursor => {
                Self::Invalid(Violations::rule("cursor", "The log cursor is not valid"))
            }
            other => Self::Engine(other),
        }
    }
}
