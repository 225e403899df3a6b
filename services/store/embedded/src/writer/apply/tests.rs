//! What a commit may do without a reserve, and how many deletions are kept.

#![allow(clippy::unwrap_used, reason = "tests")]

use rusqlite::{Connection, Transaction};
use store::{Check, Error, Key, Kind, Result, Revision, Write};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::{Tally, apply, finish};
use crate::schema;
use crate::writer::Commit;

fn open() -> (Connection, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    (schema::open(&directory.path().join("state.db"), false).unwrap(), directory)
}

fn key(name: &str) -> Key {
    Key::new(Kind::new("job"), "alpha", name)
}

fn put(name: &str) -> Write {
    Write::put(key(name), 1, "{}")
}

fn delete(name: &str) -> Write {
    Write::delete(key(name))
}

fn run(
    transaction: &Transaction<'_>,
    tally: &mut Tally,
    writes: Vec<Write>,
    without_reserve: bool,
) -> Result<Revision> {
    let commit = Commit { checks: Vec::<Check>::new(), writes, reply: oneshot::channel().0 };
    apply(transaction, &commit, tally, without_reserve).unwrap()
}

#[test]
fn without_a_reserve_records_are_replaced_and_deleted_only() {
    let (mut connection, _directory) = open();
    let transaction = connection.transaction().unwrap();
    let mut tally = Tally::read(&transaction).unwrap();
    let mut run = |writes, without| run(&transaction, &mut tally, writes, without);
    run(vec![put("a"), put("b"), put("c"), put("d")], false).unwrap();
    for refused in [
        vec![put("new")],
        vec![put("a"), put("new")],
        vec![delete("missing"), put("new")],
        vec![put("new"), delete("missing")],
    ] {
        assert_eq!(run(refused.clone(), true), Err(Error::Full), "{refused:?}");
    }
    for taken in [
        vec![],
        vec![put("a")],
        vec![delete("missing")],
        vec![put("a"), put("b"), delete("missing")],
        vec![delete("a")],
        vec![put("answer"), delete("b")],
        vec![delete("c"), delete("d"), put("answer")],
    ] {
        assert!(run(taken.clone(), true).is_ok(), "{taken:?}");
    }
}

#[test]
fn a_check_comes_before_the_want_of_room() {
    let (mut connection, _directory) = open();
    let transaction = connection.transaction().unwrap();
    let mut tally = Tally::read(&transaction).unwrap();
    let commit = Commit {
        checks: vec![Check::Present(key("missing"))],
        writes: vec![put("new")],
        reply: oneshot::channel().0,
    };
    let outcome = apply(&transaction, &commit, &mut tally, true).unwrap();
    assert_eq!(outcome, Err(Error::Conflict { key: key("missing"), found: None }));
}

#[test]
fn deletions_are_trimmed_by_whole_revisions() {
    let (mut connection, _directory) = open();
    let transaction = connection.transaction().unwrap();
    let mut tally = Tally::read(&transaction).unwrap();
    let names: Vec<String> = (0..24).map(|number| number.to_string()).collect();
    run(&transaction, &mut tally, names.iter().map(|name| put(name)).collect(), false).unwrap();
    for pair in names.chunks(2) {
        run(&transaction, &mut tally, pair.iter().map(|name| delete(name)).collect(), false).unwrap();
        finish(&transaction, &mut tally, 16).unwrap();
        let kept: i64 =
            transaction.query_row("SELECT count(*) FROM deletions", [], |row| row.get(0)).unwrap();
        assert_eq!(kept, tally.deletions);
        assert!(kept <= 18, "{kept}");
    }
    let rows =
        "SELECT (SELECT revision FROM horizons), min(revision), max(revision), count(*) FROM deletions";
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    let found: (i64, i64, i64, i64) = transaction.query_row(rows, [], row).unwrap();
    // two go with each of the revisions 2 to 13; at 11 and at 13 there are twenty, and the newest sixteen stay
    assert_eq!(found, (5, 6, 13, 16));
    assert_eq!(tally.head, Revision::from_number(13));
}
