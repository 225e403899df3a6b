//! A disk that fails to sync: the store stops at once, says so, and never acknowledges what may be lost.

use std::future::ready;
use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter_all_threads};
use store::{Error, Event, Key, Kind, Store, WatchFrom, Write};
use store_embedded::{Options, Sqlite};

use crate::child::{Process, say};

const JOB: Kind = Kind::new("job");

fn key(name: &str) -> Key {
    Key::new(JOB, "alpha", name)
}

fn put(name: &str) -> Vec<Write> {
    vec![Write::put(key(name), 1, "{}")]
}

/// Whether a call was answered with [`Error::Closed`].
async fn closed<T>(call: impl Future<Output = Result<T, Error>>) -> bool {
    matches!(call.await, Err(Error::Closed { .. }))
}

/// The child: one commit goes well, then every sync of this process fails with an input/output error.
pub(crate) async fn fail(directory: &Path) {
    let on_fatal = Arc::new(|reason: &str| say(format_args!("fatal: {reason}")));
    let options = Options { on_fatal: Some(on_fatal), reserve_bytes: 0, ..Options::default() };
    let store = Sqlite::open(directory, options).unwrap();
    let mut changes = store.watch(&JOB, WatchFrom::Start).await.unwrap();
    store.commit("alpha", Vec::new(), put("good")).await.unwrap();
    while !matches!(changes.next().await.unwrap().unwrap(), Event::Put(_)) {}
    fail_syncs();
    say(format_args!("commit {}", closed(store.commit("alpha", Vec::new(), put("bad"))).await));
    say(format_args!("again {}", closed(store.commit("alpha", Vec::new(), put("late"))).await));
    say(format_args!("get {}", closed(store.get(&key("good"))).await));
    say(format_args!("watch {}", closed(store.watch(&JOB, WatchFrom::Start)).await));
    say(format_args!("backup {}", closed(store.backup_to(&directory.join("copy"))).await));
    let later: Vec<_> = changes.filter(|event| ready(!matches!(event, Ok(Event::Synced(_))))).collect().await;
    say(format_args!("at last {}", matches!(later.as_slice(), [Err(Error::Closed { .. })])));
}

fn fail_syncs() {
    let calls = [libc::SYS_fsync, libc::SYS_fdatasync].map(|call| (call, Vec::new()));
    let error = SeccompAction::Errno(libc::EIO.unsigned_abs());
    let architecture = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(calls.into(), SeccompAction::Allow, error, architecture).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    apply_filter_all_threads(&program).unwrap();
}

#[tokio::test]
async fn a_failed_sync_stops_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let said = Process::start(&[], "fail-fsync", directory.path(), "").rest();
    let (fatal, rest) = said.split_first().unwrap();
    assert!(fatal.starts_with("fatal: "), "{said:?}");
    assert_eq!(rest, ["commit true", "again true", "get true", "watch true", "backup true", "at last true"]);
    let store = Sqlite::open(directory.path(), Options::default()).unwrap();
    assert!(store.get(&key("good")).await.unwrap().is_some());
    assert!(store.get(&key("late")).await.unwrap().is_none());
}
