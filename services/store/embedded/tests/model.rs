//! Any sequence of commits has the same answers, records and changes here and in memory.

#![allow(clippy::unwrap_used, reason = "tests")]

use futures_util::StreamExt;
use proptest::prelude::*;
use store::memory::Memory;
use store::{Check, Event, Key, Kind, Query, Revision, Store, WatchFrom, Write};
use store_embedded::{Options, Sqlite};

const KINDS: [Kind; 2] = [Kind::new("job"), Kind::new("claim")];

#[derive(Debug, Clone)]
struct Step {
    tool: &'static str,
    checks: Vec<Check>,
    writes: Vec<Write>,
}

fn key(tool: &'static str) -> impl Strategy<Value = Key> {
    (0..2_usize, prop::sample::select(vec!["a", "b", "ä"]))
        .prop_map(move |(kind, name)| Key::new(KINDS[kind].clone(), tool, name))
}

fn check(tool: &'static str) -> impl Strategy<Value = Check> {
    (key(tool), 0..3, 0..20_u64).prop_map(|(key, form, revision)| match form {
        0 => Check::Absent(key),
        1 => Check::Present(key),
        _ => Check::At(key, Revision::from_number(revision)),
    })
}

fn write(tool: &'static str) -> impl Strategy<Value = Write> {
    (key(tool), any::<bool>(), 0..9_u32).prop_map(|(key, put, version)| {
        if put { Write::put(key, version, version.to_string()) } else { Write::delete(key) }
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop::sample::select(vec!["alpha", "beta"]).prop_flat_map(|tool| {
        let checks = prop::collection::vec(check(tool), 0..2);
        let writes = prop::collection::vec(write(tool), 0..4);
        (checks, writes).prop_map(move |(checks, writes)| Step { tool, checks, writes })
    })
}

/// What a watch reports until it has caught up, or the error that it starts with.
async fn changes(store: &dyn Store, kind: &Kind, from: WatchFrom) -> Result<Vec<Event>, store::Error> {
    let mut changes = store.watch(kind, from).await?;
    let mut events = Vec::new();
    loop {
        events.push(changes.next().await.unwrap()?);
        if matches!(events.last(), Some(Event::Synced(_))) {
            return Ok(events);
        }
    }
}

async fn agree(steps: Vec<Step>) {
    let directory = tempfile::tempdir().unwrap();
    let open = || Sqlite::open(directory.path(), Options { reserve_bytes: 0, ..Options::default() }).unwrap();
    let (mut sqlite, memory) = (open(), Memory::default());
    let half = steps.len() / 2;
    for (number, Step { tool, checks, writes }) in steps.into_iter().enumerate() {
        if number == half {
            drop(sqlite);
            sqlite = open();
        }
        let expected = memory.commit(tool, checks.clone(), writes.clone()).await;
        assert_eq!(sqlite.commit(tool, checks, writes).await, expected);
    }
    for kind in KINDS {
        for query in [Query::all(kind.clone()), Query::of(kind.clone(), "beta")] {
            assert_eq!(sqlite.list(&query).await, memory.list(&query).await);
        }
        let head = memory.list(&Query::all(kind.clone())).await.unwrap().revision.number();
        let after = (0..=head).map(|number| WatchFrom::After(Revision::from_number(number)));
        for from in after.chain([WatchFrom::Start]) {
            assert_eq!(changes(&sqlite, &kind, from).await, changes(&memory, &kind, from).await, "{from:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_and_memory_agree(steps in prop::collection::vec(step(), 0..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(agree(steps));
    }
}
