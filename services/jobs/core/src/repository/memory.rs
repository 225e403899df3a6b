//! Records in memory, with the semantics of durable ones.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Answer, Change, CommitError, Repository, RepositoryError, Revision, RunQuery, ToolState};
use crate::{Job, Run, RunName, ToolName, Uid};

/// Records that live as long as the process.
#[derive(Debug, Default)]
pub struct MemoryRepository {
    tools: Mutex<BTreeMap<ToolName, Records>>,
}

#[derive(Debug, Default)]
struct Records {
    revision: u64,
    jobs: BTreeMap<Uid, Job>,
    runs: BTreeMap<RunName, Run>,
    answers: BTreeMap<String, Answer>,
}

impl Records {
    fn change(&mut self, change: Change) {
        match change {
            Change::PutJob(job) => drop(self.jobs.insert(job.uid.clone(), *job)),
            Change::DeleteJob(uid) => drop(self.jobs.remove(&uid)),
            Change::PutRun(run) => drop(self.runs.insert(run.name.clone(), *run)),
            Change::DeleteRun(name) => drop(self.runs.remove(&name)),
            Change::Forget(request) => drop(self.answers.remove(&request)),
            Change::Remember(answer) => {
                let expired = answer.at.checked_sub(crate::cases::ANSWERS_KEPT).unwrap_or(Timestamp::MIN);
                self.answers.retain(|_, old| old.at >= expired);
                self.answers.insert(answer.request.clone(), answer);
            }
        }
    }
}

impl MemoryRepository {
    fn read<T>(&self, tool: &ToolName, read: impl FnOnce(&Records) -> T) -> T {
        let mut tools = self.tools.lock().unwrap_or_else(PoisonError::into_inner);
        read(tools.entry(tool.clone()).or_default())
    }
}

#[async_trait]
impl Repository for MemoryRepository {
    async fn tools(&self) -> Result<Vec<ToolName>, RepositoryError> {
        let tools = self.tools.lock().unwrap_or_else(PoisonError::into_inner);
        let used = |records: &Records| !records.jobs.is_empty() || !records.runs.is_empty();
        Ok(tools.iter().filter(|(_, records)| used(records)).map(|(tool, _)| tool.clone()).collect())
    }

    async fn load(&self, tool: &ToolName) -> Result<ToolState, RepositoryError> {
        Ok(self.read(tool, |records| ToolState {
            revision: Revision(records.revision.to_string()),
            jobs: records.jobs.values().cloned().collect(),
            runs: records.runs.values().filter(|run| run.live).cloned().collect(),
        }))
    }

    async fn commit(
        &self,
        tool: &ToolName,
        expected: &Revision,
        changes: Vec<Change>,
    ) -> Result<(), CommitError> {
        let mut tools = self.tools.lock().unwrap_or_else(PoisonError::into_inner);
        let records = tools.entry(tool.clone()).or_default();
        if records.revision.to_string() != expected.0 {
            return Err(CommitError::Stale);
        }
        records.revision += 1;
        for change in changes {
            records.change(change);
        }
        Ok(())
    }

    async fn run(&self, tool: &ToolName, name: &RunName) -> Result<Option<Run>, RepositoryError> {
        Ok(self.read(tool, |records| records.runs.get(name).cloned()))
    }

    async fn runs(&self, tool: &ToolName, query: RunQuery) -> Result<Vec<Run>, RepositoryError> {
        let key = |run: &Run| (run.created, run.name.clone());
        let wanted = |run: &&Run| {
            query.job.as_ref().is_none_or(|job| run.job == *job)
                && query.after.as_ref().is_none_or(|after| key(run) < *after)
        };
        let mut runs: Vec<Run> =
            self.read(tool, |records| records.runs.values().filter(wanted).cloned().collect());
        runs.sort_by_key(|run| std::cmp::Reverse(key(run)));
        runs.truncate(query.limit);
        Ok(runs)
    }

    async fn recall(&self, tool: &ToolName, request: &str) -> Result<Option<Answer>, RepositoryError> {
        Ok(self.read(tool, |records| records.answers.get(request).cloned()))
    }
}
