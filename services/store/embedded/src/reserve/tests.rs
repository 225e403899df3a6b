//! The reserve file: made in full, given up once, made again when there is room.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::cell::Cell;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rusqlite::ffi;

use super::{FILE, Reserve, open_beside};
use crate::OpenError;

fn reserve(directory: &Path, bytes: u64) -> Reserve {
    open_beside(directory, bytes, || Ok(())).unwrap().0
}

fn full() -> OpenError {
    OpenError::Sqlite(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), None))
}

#[test]
fn it_takes_up_its_room() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(FILE);
    let bytes = (1 << 20) + 4096;
    reserve(directory.path(), bytes);
    let made = fs::metadata(&file).unwrap();
    assert_eq!(made.len(), bytes);
    assert!(made.blocks() * 512 >= bytes);
    fs::File::create(&file).unwrap().set_len(bytes).unwrap();
    reserve(directory.path(), bytes);
    assert!(fs::metadata(&file).unwrap().blocks() * 512 >= bytes, "a file of holes is no reserve");
    reserve(directory.path(), 0);
    assert!(!file.exists());
}

#[test]
fn it_is_given_up_once_and_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(FILE);
    let mut reserve = reserve(directory.path(), 4096);
    assert!(reserve.release());
    assert!(reserve.is_released() && !file.exists());
    assert!(!reserve.release());
    assert!(reserve.restore());
    assert!(!reserve.is_released() && file.exists());
    reserve.bytes = u64::MAX / 2;
    assert!(reserve.release());
    assert!(!reserve.restore(), "there is no room for that");
}

#[test]
fn a_database_that_does_not_fit_gets_the_room() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(FILE);
    let open = || if file.exists() { Err(full()) } else { Ok(()) };
    let (reserve, ()) = open_beside(directory.path(), 4096, open).unwrap();
    assert!(reserve.is_released());

    let tries = Cell::new(0);
    let open = || {
        tries.set(tries.get() + 1);
        Err::<(), _>(full())
    };
    assert!(open_beside(directory.path(), 4096, open).unwrap_err().is_full());
    assert_eq!(tries.take(), 2);
    let open = || {
        tries.set(tries.get() + 1);
        Err::<(), _>(OpenError::io(Path::new("/"))(io::ErrorKind::NotFound.into()))
    };
    open_beside(directory.path(), 4096, open).unwrap_err();
    assert_eq!(tries.get(), 1);
    assert!(file.exists());
}
