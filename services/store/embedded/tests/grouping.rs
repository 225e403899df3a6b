//! What the writer does with commits that wait together.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use rusqlite::Connection;
use store::{Check, Error, Key, Kind, Query, Result, Revision, Store, Write};
use store_embedded::{FILE, OnStep, Options, Sqlite};
use tempfile::TempDir;
use tokio::task::JoinSet;

const JOB: Kind = Kind::new("job");

fn open(on_step: OnStep) -> (Arc<Sqlite>, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { reserve_bytes: 0, on_step: Some(on_step), ..Options::default() };
    (Arc::new(Sqlite::open(directory.path(), options).unwrap()), directory)
}

/// Holds the writer in its first commit until it may go, and counts how many transactions were made durable.
struct Hold {
    held: Receiver<()>,
    go: Sender<()>,
    durable: Arc<AtomicUsize>,
}

fn hold() -> (OnStep, Hold) {
    let durable = Arc::new(AtomicUsize::new(0));
    let ((holds, held), (go, word)) = (channel(), channel());
    let (count, word) = (Arc::clone(&durable), Mutex::new(word));
    let on_step: OnStep = Arc::new(move |name| {
        if name == "store.commit.after" {
            count.fetch_add(1, Ordering::Relaxed);
        } else if count.load(Ordering::Relaxed) == 0 {
            holds.send(()).unwrap();
            word.lock().unwrap().recv().unwrap();
        }
    });
    (on_step, Hold { held, go, durable })
}

fn create(name: &str) -> (Vec<Check>, Vec<Write>) {
    let key = Key::new(JOB, "alpha", name);
    (vec![Check::Absent(key.clone())], vec![Write::put(key, 1, "{}")])
}

async fn commit(store: &Sqlite, name: &str) -> Result<Revision> {
    let (checks, writes) = create(name);
    store.commit("alpha", checks, writes).await
}

/// Polls once.
fn is_pending(future: &mut Pin<Box<impl Future>>) -> bool {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

/// Commits `names`; all but the first wait together, in this order, while that is being written.
async fn commit_together(store: &Sqlite, names: &[&str], hold: &Hold) -> Vec<Result<Revision>> {
    let mut commits: Vec<_> = names.iter().map(|name| Box::pin(commit(store, name))).collect();
    for (place, commit) in commits.iter_mut().enumerate() {
        // the first poll puts it into the queue
        assert!(is_pending(commit));
        if place == 0 {
            hold.held.recv().unwrap();
        }
    }
    hold.go.send(()).unwrap();
    futures_util::future::join_all(commits).await
}

#[tokio::test]
async fn waiting_commits_share_a_transaction() {
    let (on_step, hold) = hold();
    let (store, _directory) = open(on_step);
    let results = commit_together(&store, &["first", "a", "b", "a", "c"], &hold).await;
    let revision = |number| Ok(Revision::from_number(number));
    let taken = Error::Conflict { key: Key::new(JOB, "alpha", "a"), found: Some(Revision::from_number(2)) };
    assert_eq!(results, [revision(1), revision(2), revision(3), Err(taken), revision(4)]);
    assert_eq!(hold.durable.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_commit_that_cannot_be_written_fails_alone() {
    let (on_step, hold) = hold();
    let (store, directory) = open(on_step);
    let trigger = "CREATE TRIGGER refuse BEFORE INSERT ON records WHEN new.name = 'bad' \
         BEGIN SELECT raise(ABORT, 'refused by a test'); END";
    Connection::open(directory.path().join(FILE)).unwrap().execute_batch(trigger).unwrap();
    let results = commit_together(&store, &["first", "a", "bad", "b"], &hold).await;
    let revision = |number| Ok(Revision::from_number(number));
    let [first, a, bad, b] = results.as_slice() else { panic!("four results: {results:?}") };
    assert_eq!((first, a, b), (&revision(1), &revision(2), &revision(3)));
    assert!(
        matches!(bad, Err(Error::Unavailable { reason }) if reason.contains("refused by a test")),
        "{bad:?}"
    );
    assert_eq!(hold.durable.load(Ordering::Relaxed), 3);
    assert_eq!(store.list(&Query::all(JOB)).await.unwrap().records.len(), 3);
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_disturb_the_others() {
    let (on_step, hold) = hold();
    let (store, _directory) = open(on_step);
    let mut first = Box::pin(commit(&store, "first"));
    assert!(is_pending(&mut first));
    hold.held.recv().unwrap();
    let mut given_up = Box::pin(commit(&store, "given-up"));
    let mut last = Box::pin(commit(&store, "last"));
    assert!(is_pending(&mut given_up) && is_pending(&mut last));
    drop(given_up);
    hold.go.send(()).unwrap();
    assert!(first.await.is_ok() && last.await.is_ok());
}

#[tokio::test]
async fn a_lost_writer_closes_the_store() {
    let (store, _directory) = open(Arc::new(|_| panic!("a test ends the writer")));
    let mut commits = JoinSet::new();
    for name in ["a", "b", "c"] {
        let store = Arc::clone(&store);
        commits.spawn(async move { commit(&store, name).await });
    }
    while let Some(result) = commits.join_next().await {
        assert!(matches!(result.unwrap(), Err(Error::Closed { .. })));
    }
    assert!(matches!(commit(&store, "late").await, Err(Error::Closed { .. })));
    assert!(matches!(store.get(&Key::new(JOB, "alpha", "a")).await, Err(Error::Closed { .. })));
}

#[tokio::test]
async fn another_program_can_read_and_briefly_write() {
    let (store, directory) = open(Arc::new(|_| {}));
    commit(&store, "a").await.unwrap();
    let mut other = Connection::open(directory.path().join(FILE)).unwrap();
    let names = |connection: &Connection| {
        connection
            .query_row("SELECT group_concat(name) FROM records", [], |row| row.get::<_, String>(0))
            .unwrap()
    };
    assert_eq!(names(&other), "a");
    let writing = other.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    let mut waiting = Box::pin(commit(&store, "b"));
    assert!(is_pending(&mut waiting));
    writing.commit().unwrap();
    waiting.await.unwrap();
    assert_eq!(names(&other), "a,b");
}
