//! Jobs and runs in the record store.
//!
//! Kinds: `job` by uid; `run` by name for runs that still count, `past-run` for those that are history; `request` by
//! the caller's id; and one `ledger` for each tool, whose revision is the tool's: every commit replaces it, so that
//! two commits from one state never both succeed.

mod document;
mod run_document;
mod words;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use jobs_core::{
    Answer, Change, CommitError, Job, Repository, RepositoryError, Revision, Run, RunName, RunQuery,
    ToolName, ToolState,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{Check, Key, Kind, Query, Record, Store, Write};

use document::{AnswerDocument, JobDocument};
use run_document::RunDocument;

const JOB: Kind = Kind::new("job");
const RUN: Kind = Kind::new("run");
const PAST_RUN: Kind = Kind::new("past-run");
const REQUEST: Kind = Kind::new("request");
const LEDGER: Kind = Kind::new("ledger");
/// Version of all documents.
const VERSION: u32 = 1;
/// Most answers that are forgotten with one commit; the rest goes with the next.
const FORGET: usize = 50;
/// How often a load is tried while others commit.
const TRIES: usize = 16;

/// The repository of jobs over a record store.
#[derive(Clone, Debug)]
pub struct Records {
    store: Arc<dyn Store>,
}

impl Records {
    /// The repository over this store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    async fn revision(&self, tool: &ToolName) -> Result<Revision, RepositoryError> {
        let record = self.store.get(&ledger(tool)).await.map_err(failed)?;
        Ok(Revision(record.map(|record| record.revision.to_string()).unwrap_or_default()))
    }

    async fn all<T>(
        &self,
        kind: Kind,
        tool: &ToolName,
        decode: impl Fn(&Record) -> Result<T, RepositoryError>,
    ) -> Result<Vec<T>, RepositoryError> {
        let listing = self.store.list(&Query::of(kind, tool.as_str())).await.map_err(failed)?;
        listing.records.iter().map(decode).collect()
    }

    /// Writes of one change; answers whose time is over go with a new one.
    async fn writes(&self, tool: &ToolName, change: &Change) -> Result<Vec<Write>, RepositoryError> {
        let key = |kind: Kind, name: &str| Key::new(kind, tool.as_str(), name);
        Ok(match change {
            Change::PutJob(job) => vec![put(key(JOB, job.uid.as_str()), &JobDocument::of(job))?],
            Change::DeleteJob(uid) => vec![Write::delete(key(JOB, uid.as_str()))],
            Change::PutRun(run) => {
                let (to, from) = if run.live { (RUN, PAST_RUN) } else { (PAST_RUN, RUN) };
                let name = run.name.as_str();
                vec![put(key(to, name), &RunDocument::of(run))?, Write::delete(key(from, name))]
            }
            Change::DeleteRun(name) => {
                vec![Write::delete(key(RUN, name.as_str())), Write::delete(key(PAST_RUN, name.as_str()))]
            }
            Change::Forget(request) => vec![Write::delete(key(REQUEST, request))],
            Change::Remember(answer) => {
                let mut writes = self.expired(tool, answer).await?;
                writes.push(put(key(REQUEST, &answer.request), &AnswerDocument::of(answer))?);
                writes
            }
        })
    }

    async fn expired(&self, tool: &ToolName, newest: &Answer) -> Result<Vec<Write>, RepositoryError> {
        let oldest = newest.at.checked_sub(jobs_core::cases::ANSWERS_KEPT).unwrap_or(Timestamp::MIN);
        let known = self.store.list(&Query::of(REQUEST, tool.as_str())).await.map_err(failed)?;
        let old = known.records.into_iter().filter(|record| {
            record.key.name != newest.request
                && parse::<AnswerDocument>(record).map_or(true, |answer| answer.at < oldest)
        });
        Ok(old.take(FORGET).map(|record| Write::delete(record.key)).collect())
    }
}

#[async_trait]
impl Repository for Records {
    async fn tools(&self) -> Result<Vec<ToolName>, RepositoryError> {
        let ledgers = self.store.list(&Query::all(LEDGER)).await.map_err(failed)?;
        let name = |record: &Record| {
            ToolName::parse(&record.key.tool)
                .map_err(|error| RepositoryError::new("stored name of a tool", error))
        };
        ledgers.records.iter().map(name).collect()
    }

    async fn load(&self, tool: &ToolName) -> Result<ToolState, RepositoryError> {
        // The ledger before and after: the lists between two equal ones are of one moment.
        let mut revision = self.revision(tool).await?;
        for _ in 0..TRIES {
            let jobs = self.all(JOB, tool, |record| decode_job(record, tool)).await?;
            let runs = self.all(RUN, tool, |record| decode_run(record, tool)).await?;
            let now = self.revision(tool).await?;
            if now == revision {
                return Ok(ToolState { revision, jobs, runs });
            }
            revision = now;
        }
        Err(RepositoryError {
            context: format!("records of {tool} change faster than they can be read"),
            source: None,
        })
    }

    async fn commit(
        &self,
        tool: &ToolName,
        expected: &Revision,
        changes: Vec<Change>,
    ) -> Result<(), CommitError> {
        let key = ledger(tool);
        let check = match expected.0.as_str() {
            "" => Check::Absent(key.clone()),
            text => {
                let revision =
                    text.parse().map_err(|error| RepositoryError::new("revision of a tool", error))?;
                Check::At(key.clone(), revision)
            }
        };
        let mut writes = vec![Write::put(key, VERSION, "{}")];
        for change in &changes {
            writes.extend(self.writes(tool, change).await?);
        }
        match self.store.commit(tool.as_str(), vec![check], last_of_each(writes)).await {
            Ok(_) => Ok(()),
            Err(store::Error::Conflict { .. }) => Err(CommitError::Stale),
            Err(error) => Err(CommitError::Failed(failed(error))),
        }
    }

    async fn run(&self, tool: &ToolName, name: &RunName) -> Result<Option<Run>, RepositoryError> {
        for kind in [RUN, PAST_RUN] {
            let key = Key::new(kind, tool.as_str(), name.as_str());
            if let Some(record) = self.store.get(&key).await.map_err(failed)? {
                return decode_run(&record, tool).map(Some);
            }
        }
        Ok(None)
    }

    async fn runs(&self, tool: &ToolName, query: RunQuery) -> Result<Vec<Run>, RepositoryError> {
        let RunQuery { job, after, limit } = query;
        let mut runs = self.all(RUN, tool, |record| decode_run(record, tool)).await?;
        runs.extend(self.all(PAST_RUN, tool, |record| decode_run(record, tool)).await?);
        runs.retain(|run| {
            job.as_ref().is_none_or(|job| run.job == *job)
                && after.as_ref().is_none_or(|(created, name)| (run.created, &run.name) < (*created, name))
        });
        runs.sort_by(|a, b| (b.created, &b.name).cmp(&(a.created, &a.name)));
        // A run that moved to history between the two lists is in both.
        runs.dedup_by(|a, b| a.name == b.name);
        runs.truncate(limit);
        Ok(runs)
    }

    async fn recall(&self, tool: &ToolName, request: &str) -> Result<Option<Answer>, RepositoryError> {
        let key = Key::new(REQUEST, tool.as_str(), request);
        let Some(record) = self.store.get(&key).await.map_err(failed)? else { return Ok(None) };
        parse::<AnswerDocument>(&record)?.into_answer(request).map(Some)
    }
}

fn ledger(tool: &ToolName) -> Key {
    Key::new(LEDGER, tool.as_str(), "ledger")
}

/// A commit writes each key once; where changes touch one twice, the last counts.
fn last_of_each(writes: Vec<Write>) -> Vec<Write> {
    let mut kept: Vec<Write> = Vec::with_capacity(writes.len());
    for write in writes {
        kept.retain(|other| other.key() != write.key());
        kept.push(write);
    }
    kept
}

fn decode_job(record: &Record, tool: &ToolName) -> Result<Job, RepositoryError> {
    parse::<JobDocument>(record)?.into_job(&record.key.name, tool)
}

fn decode_run(record: &Record, tool: &ToolName) -> Result<Run, RepositoryError> {
    parse::<RunDocument>(record)?.into_run(&record.key.name, tool)
}

fn parse<T: DeserializeOwned>(record: &Record) -> Result<T, RepositoryError> {
    if record.version != VERSION {
        let context =
            format!("{}: document version {} is not known to this release", record.key, record.version);
        return Err(RepositoryError { context, source: None });
    }
    serde_json::from_str(&record.document)
        .map_err(|error| RepositoryError::new(record.key.to_string(), error))
}

fn put(key: Key, document: &impl Serialize) -> Result<Write, RepositoryError> {
    let text = serde_json::to_string(document)
        .map_err(|error| RepositoryError::new(format!("cannot write {key}"), error))?;
    Ok(Write::put(key, VERSION, text))
}

fn failed(error: store::Error) -> RepositoryError {
    RepositoryError::new("record store", error)
}

#[cfg(test)]
mod tests;
