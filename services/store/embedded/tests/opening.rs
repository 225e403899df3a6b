//! Opening a store: what is refused, what is kept, and who may read it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rusqlite::Connection;
use store::{Key, Kind, Store, Write};
use store_embedded::{FILE, OpenError, Options, Sqlite};

const JOB: Kind = Kind::new("job");

fn open(directory: &Path) -> Result<Sqlite, OpenError> {
    Sqlite::open(directory, Options { reserve_bytes: 1 << 20, ..Options::default() })
}

async fn put(store: &Sqlite, name: &str) {
    let write = Write::put(Key::new(JOB, "alpha", name), 1, format!("\"{name}\""));
    store.commit("alpha", Vec::new(), vec![write]).await.unwrap();
}

async fn has(store: &Sqlite, name: &str) -> bool {
    store.get(&Key::new(JOB, "alpha", name)).await.unwrap().is_some()
}

#[tokio::test]
async fn records_are_kept_and_private() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("jobs");
    let store = open(&directory).unwrap();
    put(&store, "a").await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    let mut names: Vec<String> = fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["state.db", "state.db-shm", "state.db-wal", "state.lock", "state.reserve"]);
    for name in names {
        assert_eq!(mode(&directory.join(&name)), 0o600, "{name}");
    }
    drop(store);
    assert!(has(&open(&directory).unwrap(), "a").await);
}

#[tokio::test]
async fn a_second_holder_is_told_of_the_first() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let refused = open(directory.path()).unwrap_err();
    let text = format!("{} is in use by process {}", directory.path().display(), std::process::id());
    assert_eq!(refused.to_string(), text);
    put(&store, "a").await;
    drop(store);
    open(directory.path()).unwrap();
}

#[tokio::test]
async fn a_newer_file_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(FILE);
    drop(open(directory.path()).unwrap());
    Connection::open(&file).unwrap().pragma_update(None, "user_version", 2).unwrap();
    let before = fs::read(&file).unwrap();
    let refused = open(directory.path()).unwrap_err();
    assert!(matches!(refused, OpenError::Newer { found: 2, known: 1, .. }), "{refused}");
    let text = format!("{} has format 2, this program knows formats up to 1", file.display());
    assert_eq!(refused.to_string(), text);
    assert_eq!(fs::read(&file).unwrap(), before);
    Connection::open(&file).unwrap().pragma_update(None, "user_version", 1).unwrap();
    open(directory.path()).unwrap();
}

#[test]
fn a_file_of_another_program_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(FILE);
    Connection::open(&file).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    let before = fs::read(&file).unwrap();
    assert!(matches!(open(directory.path()), Err(OpenError::Foreign { .. })));
    assert_eq!(fs::read(&file).unwrap(), before);
    fs::write(
        &file,
        "not a database at all, but long enough to have a header of one hundred bytes ".repeat(9),
    )
    .unwrap();
    assert!(matches!(open(directory.path()), Err(OpenError::Sqlite(_))));
}

#[tokio::test]
async fn a_damaged_file_is_found_after_an_unclean_stop() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(FILE);
    let store = open(directory.path()).unwrap();
    for n in 0..200 {
        put(&store, &n.to_string()).await;
    }
    drop(store);
    assert_eq!(fs::read_to_string(directory.path().join("state.lock")).unwrap().trim(), "stopped");
    let mut bytes = fs::read(&file).unwrap();
    let length = bytes.len();
    bytes.get_mut(length / 2..).unwrap().fill(0x5a);
    fs::write(&file, bytes).unwrap();
    fs::write(directory.path().join("state.lock"), "12345").unwrap();
    let refused = open(directory.path()).unwrap_err();
    assert!(matches!(refused, OpenError::Damaged { .. }), "{refused}");
}

#[tokio::test]
async fn the_documented_settings_are_in_force() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    put(&store, "a").await;
    let connection = Connection::open(directory.path().join(FILE)).unwrap();
    let text = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, String>(0)).unwrap();
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(text("journal_mode"), "wal");
    assert_eq!(text("quick_check"), "ok");
    assert_eq!((number("auto_vacuum"), number("user_version")), (2, 1));
    let strict = "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND strict = 1";
    let strict: i64 = connection.query_row(strict, [], |row| row.get(0)).unwrap();
    assert_eq!(strict, 4);
}
