//! A backup is a store as it was at one moment, taken while commits go on.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use store::{Error, Key, Kind, Query, Revision, Store, Write};
use store_embedded::{FILE, Options, Sqlite};

const JOB: Kind = Kind::new("job");

fn open(directory: &Path) -> Sqlite {
    Sqlite::open(directory, Options { reserve_bytes: 0, ..Options::default() }).unwrap()
}

async fn pair(store: &Sqlite, number: usize) -> Revision {
    let put = |part: &str| Write::put(Key::new(JOB, "alpha", part), 1, number.to_string());
    store.commit("alpha", Vec::new(), vec![put("a"), put("b")]).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_whole_and_opens() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&directory.path().join("live")));
    let before = pair(&store, 0).await;
    let writer = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for number in 1..300 {
                pair(&store, number).await;
            }
        }
    });
    let copy = directory.path().join("copy");
    fs::create_dir(&copy).unwrap();
    let target = copy.join(FILE);
    for _ in 0..3 {
        store.backup_to(&target).await.unwrap();
    }
    writer.await.unwrap();
    assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(&copy).unwrap().count(), 1);
    let restored = open(&copy);
    let listing = restored.list(&Query::all(JOB)).await.unwrap();
    let [a, b] = listing.records.as_slice() else { unreachable!("{listing:?}") };
    assert_eq!((a.revision, &a.document), (b.revision, &b.document));
    assert!(listing.revision >= before);
    assert!(pair(&restored, 1000).await > listing.revision);
}

#[tokio::test]
async fn deleted_documents_are_not_in_a_backup() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("live"));
    let key = Key::new(JOB, "alpha", "secret");
    store.commit("alpha", Vec::new(), vec![Write::put(key.clone(), 1, "hunter2")]).await.unwrap();
    store.commit("alpha", Vec::new(), vec![Write::delete(key)]).await.unwrap();
    let target = directory.path().join("copy.db");
    store.backup_to(&target).await.unwrap();
    let contains = |path: &Path| fs::read(path).unwrap().windows(7).any(|part| part == b"hunter2");
    assert!(!contains(&target));
    drop(store);
    assert!(!contains(&directory.path().join("live").join(FILE)));
}

#[tokio::test]
async fn a_backup_that_cannot_be_written_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("live"));
    let missing = directory.path().join("missing").join("copy.db");
    assert!(matches!(store.backup_to(&missing).await, Err(Error::Unavailable { .. })));
    let occupied = directory.path().join("occupied");
    fs::create_dir_all(occupied.join("by-something")).unwrap();
    assert!(matches!(store.backup_to(&occupied).await, Err(Error::Unavailable { .. })));
    assert!(!directory.path().join("occupied.partial").exists());
    pair(&store, 1).await;
}
