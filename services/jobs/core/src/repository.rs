//! The port to where jobs and runs are recorded.

#[cfg(any(test, feature = "memory"))]
pub(crate) mod memory;

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{Job, JobName, Run, RunName, ToolName, Uid};

/// Records of jobs and runs. A commit is atomic within a tool and durable when it returns.
#[async_trait]
pub trait Repository: fmt::Debug + Send + Sync {
    /// Every tool that has any record.
    async fn tools(&self) -> Result<Vec<ToolName>, RepositoryError>;

    /// All that rules of a tool look at, as of one moment.
    async fn load(&self, tool: &ToolName) -> Result<ToolState, RepositoryError>;

    /// Makes all the changes or none; refuses when anything of the tool was changed since `expected`.
    async fn commit(
        &self,
        tool: &ToolName,
        expected: &Revision,
        changes: Vec<Change>,
    ) -> Result<(), CommitError>;

    /// One run, live or not.
    async fn run(&self, tool: &ToolName, name: &RunName) -> Result<Option<Run>, RepositoryError>;

    /// Runs, live or not, the newest first by the time they were made, then by name descending.
    async fn runs(&self, tool: &ToolName, query: RunQuery) -> Result<Vec<Run>, RepositoryError>;

    /// What was answered to a request. Answers are kept for 24 hours; older ones may be forgotten with any commit.
    async fn recall(&self, tool: &ToolName, request: &str) -> Result<Option<Answer>, RepositoryError>;
}

/// The state of a tool's records, compared only for equality.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Revision(pub String);

/// What rules look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolState {
    /// Of which state of the records this is.
    pub revision: Revision,
    /// Every job, those being deleted included, in any order.
    pub jobs: Vec<Job>,
    /// Every run that is live, in any order.
    pub runs: Vec<Run>,
}

impl ToolState {
    /// The job of this name that users see.
    pub fn job(&self, name: &JobName) -> Option<&Job> {
        self.jobs.iter().find(|job| job.is_present() && job.name() == name)
    }

    /// The job of this identity, being deleted or not.
    pub fn job_by_uid(&self, uid: &Uid) -> Option<&Job> {
        self.jobs.iter().find(|job| job.uid == *uid)
    }

    /// The live runs of a job.
    pub fn runs_of<'a>(&'a self, job: &'a Uid) -> impl Iterator<Item = &'a Run> {
        self.runs.iter().filter(move |run| run.job_uid == *job)
    }

    /// The live run of this identity.
    pub fn run_by_uid(&self, uid: &str) -> Option<&Run> {
        self.runs.iter().find(|run| run.uid.as_str() == uid)
    }
}

/// Which runs are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunQuery {
    /// Only those of jobs of this name, past ones included.
    pub job: Option<JobName>,
    /// Only those that come after this one in the order of the reply.
    pub after: Option<(Timestamp, RunName)>,
    /// At most so many.
    pub limit: usize,
}

/// One change of the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Records a job, new or changed, by its uid.
    PutJob(Box<Job>),
    /// Forgets a job.
    DeleteJob(Uid),
    /// Records a run, new or changed, by its name.
    PutRun(Box<Run>),
    /// Forgets a run.
    DeleteRun(RunName),
    /// Remembers what a request was answered.
    Remember(Answer),
    /// Forgets the answer to a request whose effect was taken back.
    Forget(String),
}

/// What a request was answered, so that a repetition has no second effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The caller's id of the request.
    pub request: String,
    /// A digest of what was asked, to tell a repetition from a mistake.
    pub fingerprint: String,
    /// The outcome.
    pub outcome: Outcome,
    /// When.
    pub at: Timestamp,
}

/// How a request that changes things came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A job was created.
    Created(JobName),
    /// A job was upserted; the text is the contract's (3.11).
    Upserted {
        /// Whether anything was done.
        changed: bool,
        /// What.
        text: String,
    },
    /// A job was deleted, or all were.
    Deleted,
    /// A job was restarted.
    Restarted,
    /// A run was made.
    Run(RunName),
}

/// Records cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{context}")]
pub struct RepositoryError {
    /// What was being done.
    pub context: String,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl RepositoryError {
    /// A failure, with what was being done.
    pub fn new(
        context: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { context: context.into(), source: Some(source.into()) }
    }
}

/// Why a commit was not made.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Something of the tool changed since it was loaded: load, check, and try again.
    #[error("the records of the tool have changed")]
    Stale,
    /// The records failed.
    #[error(transparent)]
    Failed(#[from] RepositoryError),
}
