//! The one thread that writes: whatever commits wait are taken into one transaction and one fsync.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::{Connection, TransactionBehavior};
use store::{Check, Error, Kind, Result, Revision, Write};
use tokio::sync::oneshot;

use crate::error::{Failure, unavailable};
use crate::reserve::Reserve;
use crate::schema::shrink;
use crate::shared::{Shared, Watchman};
use crate::{OnStep, OpenError};
use apply::{Tally, apply, finish};

mod apply;

/// The most commits in one transaction.
const GROUP: usize = 128;
/// A group is not made larger once its documents have so many bytes.
const GROUP_BYTES: usize = 8 << 20;

/// A commit that waits for the writer.
#[derive(Debug)]
pub(crate) struct Commit {
    pub(crate) checks: Vec<Check>,
    pub(crate) writes: Vec<Write>,
    pub(crate) reply: oneshot::Sender<Result<Revision>>,
}

impl Commit {
    fn bytes(&self) -> usize {
        let document = |write: &Write| match write {
            Write::Put { document, .. } => document.len(),
            Write::Delete { .. } => 0,
        };
        self.writes.iter().map(document).sum()
    }
}

pub(crate) struct Writer {
    connection: Connection,
    reserve: Reserve,
    tally: Tally,
    deletions_kept: i64,
    on_step: Option<OnStep>,
    shared: Arc<Shared>,
}

/// Starts the thread; it ends when the store is closed or has failed.
pub(crate) fn spawn(mut writer: Writer) -> Result<JoinHandle<()>, OpenError> {
    let run = move || {
        let watchman = Watchman(Arc::clone(&writer.shared));
        while let Some(first) = watchman.0.commits.pop() {
            let group = gather(&watchman.0, first);
            if writer.settle(group).is_break() {
                break;
            }
        }
    };
    std::thread::Builder::new().name("store-write".to_owned()).spawn(run).map_err(OpenError::Thread)
}

fn gather(shared: &Shared, first: Commit) -> Vec<Commit> {
    let mut bytes = first.bytes();
    let mut group = vec![first];
    while group.len() < GROUP && bytes < GROUP_BYTES {
        let Some(next) = shared.commits.try_pop() else { break };
        bytes += next.bytes();
        group.push(next);
    }
    group
}

impl Writer {
    pub(crate) fn new(
        mut connection: Connection,
        reserve: Reserve,
        deletions_kept: usize,
        on_step: Option<OnStep>,
        shared: &Arc<Shared>,
    ) -> Result<Self, OpenError> {
        let tally = Tally::read(&connection.transaction()?)?;
        Ok(Self {
            connection,
            reserve,
            tally,
            deletions_kept: deletions_kept.try_into().unwrap_or(i64::MAX),
            on_step,
            shared: Arc::clone(shared),
        })
    }

    /// Writes the group and answers each of its commits.
    fn settle(&mut self, group: Vec<Commit>) -> ControlFlow<()> {
        if self.reserve.is_released()
            && let Err(error) = self.restore_reserve()
            && Failure::of(&error) == Failure::Fatal
        {
            return self.stop(group, &error);
        }
        self.attempt(group)
    }

    fn attempt(&mut self, group: Vec<Commit>) -> ControlFlow<()> {
        // in a panic it closes the store before the callers in the group hear of it
        let _watchman = Watchman(Arc::clone(&self.shared));
        let error = match self.write(&group) {
            Ok(outcomes) => {
                self.announce(&group, &outcomes);
                answer(group, outcomes);
                return ControlFlow::Continue(());
            }
            Err(error) => error,
        };
        // a transaction that cannot even be rolled back would be in the way of every later one
        let rolled_back = self.connection.is_autocommit();
        match Failure::of(&error) {
            _ if !rolled_back => return self.stop(group, &error),
            Failure::Fatal => return self.stop(group, &error),
            Failure::Full if self.reserve.release() => return self.attempt(group),
            // one of them may be the cause, and the others innocent
            Failure::Full | Failure::Call if group.len() > 1 => {
                return group.into_iter().try_for_each(|commit| self.attempt(vec![commit]));
            }
            Failure::Full => refuse(group, &Error::Full),
            Failure::Busy | Failure::Call => refuse(group, &unavailable(error)),
        }
        ControlFlow::Continue(())
    }

    fn stop(&self, group: Vec<Commit>, error: &rusqlite::Error) -> ControlFlow<()> {
        self.shared.fail(&error.to_string());
        refuse(group, &self.shared.closed());
        ControlFlow::Break(())
    }

    /// Tries to end the time without a reserve: first as the disk is, then with what deleted records gave back.
    fn restore_reserve(&mut self) -> rusqlite::Result<()> {
        if !self.reserve.restore() {
            shrink(&self.connection)?;
            self.reserve.restore();
        }
        Ok(())
    }

    /// One transaction for the whole group; the outcomes are true once it returns, and nothing happened if it fails.
    fn write(&mut self, group: &[Commit]) -> rusqlite::Result<Vec<Result<Revision>>> {
        let mut tally = self.tally;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut outcomes = Vec::with_capacity(group.len());
        for commit in group {
            outcomes.push(apply(&transaction, commit, &mut tally, self.reserve.is_released())?);
        }
        if tally == self.tally {
            return Ok(outcomes);
        }
        finish(&transaction, &mut tally, self.deletions_kept)?;
        step(self.on_step.as_ref(), "store.commit.before");
        transaction.commit()?;
        step(self.on_step.as_ref(), "store.commit.after");
        self.tally = tally;
        Ok(outcomes)
    }

    fn announce(&self, group: &[Commit], outcomes: &[Result<Revision>]) {
        let done = group.iter().zip(outcomes).filter(|(_, outcome)| outcome.is_ok());
        let kinds: HashSet<&Kind> =
            done.flat_map(|(commit, _)| &commit.writes).map(|write| &write.key().kind).collect();
        self.shared.notices.announce(kinds);
    }
}

fn step(on_step: Option<&OnStep>, name: &'static str) {
    if let Some(on_step) = on_step {
        on_step(name);
    }
}

fn answer(group: Vec<Commit>, outcomes: Vec<Result<Revision>>) {
    for (commit, outcome) in group.into_iter().zip(outcomes) {
        // the caller may have given up; the outcome stands
        let _ = commit.reply.send(outcome);
    }
}

fn refuse(group: Vec<Commit>, error: &Error) {
    for commit in group {
        let _ = commit.reply.send(Err(error.clone()));
    }
}
