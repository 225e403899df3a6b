//! Records that fail, or that others change all the time, when a test says so.

use std::sync::Mutex;

use async_trait::async_trait;
use jobs::Records;
use jobs_core::{
    Answer, Change, CommitError, Repository, RepositoryError, Revision, Run, RunName, RunQuery, ToolName,
    ToolState,
};

/// What is wrong with the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Nothing can be read.
    Broken,
    /// Somebody else commits first, always.
    Contended,
}

/// Records with a fault.
#[derive(Debug)]
pub(crate) struct Faulty {
    records: Records,
    fault: Mutex<Fault>,
}

impl Faulty {
    pub(crate) fn new(records: Records) -> Self {
        Self { records, fault: Mutex::new(Fault::None) }
    }

    pub(crate) fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    fn check(&self) -> Result<(), RepositoryError> {
        match *self.fault.lock().unwrap() {
            Fault::Broken => Err(RepositoryError::new("reading", std::io::Error::other("the disk is gone"))),
            Fault::None | Fault::Contended => Ok(()),
        }
    }
}

#[async_trait]
impl Repository for Faulty {
    async fn tools(&self) -> Result<Vec<ToolName>, RepositoryError> {
        self.check()?;
        self.records.tools().await
    }

    async fn load(&self, tool: &ToolName) -> Result<ToolState, RepositoryError> {
        self.check()?;
        self.records.load(tool).await
    }

    async fn commit(
        &self,
        tool: &ToolName,
        expected: &Revision,
        changes: Vec<Change>,
    ) -> Result<(), CommitError> {
        self.check()?;
        if *self.fault.lock().unwrap() == Fault::Contended {
            return Err(CommitError::Stale);
        }
        self.records.commit(tool, expected, changes).await
    }

    async fn run(&self, tool: &ToolName, name: &RunName) -> Result<Option<Run>, RepositoryError> {
        self.check()?;
        self.records.run(tool, name).await
    }

    async fn runs(&self, tool: &ToolName, query: RunQuery) -> Result<Vec<Run>, RepositoryError> {
        self.check()?;
        self.records.runs(tool, query).await
    }

    async fn recall(&self, tool: &ToolName, request: &str) -> Result<Option<Answer>, RepositoryError> {
        self.check()?;
        self.records.recall(tool, request).await
    }
}
