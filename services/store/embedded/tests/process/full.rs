//! A full disk: new records are refused, everything else goes on, and it ends by itself when there is room.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use store::{Error, Key, Kind, Query, Store, WatchFrom, Write};
use store_embedded::{FILE, Options, Sqlite};

use crate::child::{Process, say};

const JOB: Kind = Kind::new("job");
const RESERVE: u64 = 16 << 20;
/// A mount namespace of its own, where any user may mount a small disk.
const OWN_MOUNTS: &[&str] = &["unshare", "--mount", "--map-root-user"];

fn key(number: usize) -> Key {
    Key::new(JOB, "alpha", number.to_string())
}

async fn put(store: &Sqlite, number: usize, bytes: usize) -> Result<(), Error> {
    let write = Write::put(key(number), 1, "x".repeat(bytes));
    store.commit("alpha", Vec::new(), vec![write]).await.map(drop)
}

fn open(directory: &Path) -> Sqlite {
    Sqlite::open(directory, Options { reserve_bytes: RESERVE, ..Options::default() }).unwrap()
}

/// Puts new records until one is refused; how many there are then, and the refusal.
async fn put_until_refused(store: &Sqlite, first: usize) -> (usize, Error) {
    let mut number = first;
    loop {
        match put(store, number, 200_000).await {
            Ok(()) => number += 1,
            Err(error) => return (number, error),
        }
    }
}

/// The child: fills a disk of 64 MiB with a store, and once more with something else.
pub(crate) async fn fill(directory: &Path) {
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64m", "none"]).arg(directory).status();
    assert!(mount.unwrap().success());
    let reserve = directory.join("state.reserve");
    let store = open(directory);
    assert_eq!(fs::metadata(&reserve).unwrap().len(), RESERVE);

    let (count, refusal) = put_until_refused(&store, 0).await;
    say(format_args!("{refusal:?}, more than a hundred: {}", count > 100));
    say(format_args!("reserve {}", reserve.exists()));
    say(format_args!("new {:?}", put(&store, count, 10).await));
    say(format_args!("replace {:?}", put(&store, 0, 100_000).await));
    say(format_args!("read {}", store.list(&Query::all(JOB)).await.unwrap().records.len() == count));
    say(format_args!("watch {}", store.watch(&JOB, WatchFrom::Start).await.is_ok()));

    drop(store);
    let store = open(directory);
    say(format_args!("reopened {}", store.list(&Query::all(JOB)).await.unwrap().records.len() == count));
    for number in 0..count {
        store.commit("alpha", Vec::new(), vec![Write::delete(key(number))]).await.unwrap();
    }
    say(format_args!("room by deleting {:?}", put(&store, count, 200_000).await));
    say(format_args!("reserve {}", reserve.exists()));

    drop(store);
    fs::remove_file(directory.join(FILE)).unwrap();
    fs::remove_file(&reserve).unwrap();
    let store = open(&directory.join("another"));
    let reserve = directory.join("another").join("state.reserve");
    let filler = directory.join("filler");
    fs::write(&filler, vec![1; 64 << 20]).unwrap_err();
    let (count, refusal) = put_until_refused(&store, 0).await;
    say(format_args!("again {refusal:?}"));
    say(format_args!("reserve {}", reserve.exists()));
    fs::remove_file(&filler).unwrap();
    say(format_args!("room by others {:?}", put(&store, count, 200_000).await));
    say(format_args!("reserve {}", reserve.exists()));
}

#[test]
fn a_full_disk_refuses_new_records_only() {
    let [unshare, arguments @ ..] = OWN_MOUNTS else { panic!("there is a command") };
    let directory = tempfile::tempdir().unwrap();
    let mut probe = Command::new(unshare);
    probe.args(arguments).args(["mount", "-t", "tmpfs", "none"]).arg(directory.path()).stderr(Stdio::null());
    if !probe.status().is_ok_and(|status| status.success()) {
        // no small disk to be had here; the rules themselves are tested beside the writer and the reserve
        return;
    }
    let said = Process::start(OWN_MOUNTS, "fill-disk", directory.path(), "").rest();
    let expected = [
        "Full, more than a hundred: true",
        "reserve false",
        "new Err(Full)",
        "replace Ok(())",
        "read true",
        "watch true",
        "reopened true",
        "room by deleting Ok(())",
        "reserve true",
        "again Full",
        "reserve false",
        "room by others Ok(())",
        "reserve true",
    ];
    assert_eq!(said, expected);
}
