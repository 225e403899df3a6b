//! What every store must do, as tests: an implementation runs them all with [`contract_tests!`](crate::contract_tests).
//!
//! Each function takes an empty store that was opened to remember [`DELETIONS_KEPT`] deletions, and panics where the
//! store breaks its word. They run inside a tokio runtime, several threads of it, so that commits really race.

#![allow(clippy::expect_used, clippy::panic, reason = "a test suite reports by panicking")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;

use crate::{Changes, Check, Error, Event, Key, Kind, Query, Record, Result, Revision, Store, Write};

mod atomicity;
mod concurrency;
mod reads;
mod refusals;
mod watches;

pub use atomicity::{
    a_failed_check_stores_nothing, checks_see_the_state_before_the_writes, deleting_nothing_is_fine,
    each_check_holds_and_fails, the_first_failed_check_is_named,
};
pub use concurrency::{
    concurrent_claims_have_one_winner, concurrent_increments_are_all_counted,
    watches_see_racing_commits_in_order,
};
pub use reads::{
    a_listing_is_ordered_and_selects, a_listing_is_read_in_pages, a_record_is_kept_as_written,
    deleted_stays_deleted, odd_names_are_kept_apart, revisions_grow, tools_are_independent,
};
pub use refusals::{
    foreign_keys_are_refused, invalid_keys_are_refused, large_documents_are_refused,
    long_commits_are_refused, the_largest_commit_is_taken, twice_written_keys_are_refused,
};
pub use watches::{
    a_deletion_between_two_lives_is_seen, a_long_history_is_paged, a_watch_after_a_listing_misses_nothing,
    a_watch_ends_with_its_store, a_watch_from_the_future_is_refused, a_watch_is_of_one_kind,
    a_watch_starts_with_the_current_set, large_records_are_watched, many_watches_see_the_same,
    nothing_uncommitted_is_seen, resuming_after_trimmed_deletions_is_refused, resuming_misses_nothing,
};

/// How many deletions the store under test remembers.
pub const DELETIONS_KEPT: usize = 300;

/// How long an event that must come may take.
const PATIENCE: Duration = Duration::from_secs(20);

const JOB: Kind = Kind::new("job");
const CLAIM: Kind = Kind::new("claim");

/// Makes a test of each function of the suite. `$open` is the path of a function without arguments whose future answers
/// with an empty `Arc<dyn Store>` and something to hold on to while it is used, e.g. its directory. The caller needs
/// tokio's `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! contract_tests {
    ($open:path) => {
        $crate::contract_tests! { $open:
            a_failed_check_stores_nothing, checks_see_the_state_before_the_writes, deleting_nothing_is_fine,
            each_check_holds_and_fails, the_first_failed_check_is_named,
            concurrent_claims_have_one_winner, concurrent_increments_are_all_counted,
            watches_see_racing_commits_in_order,
            a_listing_is_ordered_and_selects, a_listing_is_read_in_pages, a_record_is_kept_as_written,
            deleted_stays_deleted, odd_names_are_kept_apart, revisions_grow, tools_are_independent,
            foreign_keys_are_refused, invalid_keys_are_refused, large_documents_are_refused,
            long_commits_are_refused, the_largest_commit_is_taken, twice_written_keys_are_refused,
            a_deletion_between_two_lives_is_seen, a_long_history_is_paged,
            a_watch_after_a_listing_misses_nothing, a_watch_ends_with_its_store,
            a_watch_from_the_future_is_refused, a_watch_is_of_one_kind, a_watch_starts_with_the_current_set,
            large_records_are_watched, many_watches_see_the_same, nothing_uncommitted_is_seen,
            resuming_after_trimmed_deletions_is_refused, resuming_misses_nothing,
        }
    };
    ($open:path: $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                let (store, _held) = $open().await;
                $crate::contract::$case(store).await;
            }
        )+
    };
}

fn key(tool: &str, name: &str) -> Key {
    Key::new(JOB, tool, name)
}

fn put(tool: &str, name: &str, document: &str) -> Write {
    Write::put(key(tool, name), 1, document)
}

async fn write(store: &Arc<dyn Store>, tool: &str, writes: Vec<Write>) -> Revision {
    store.commit(tool, Vec::new(), writes).await.expect("an unconditional commit is taken")
}

async fn get(store: &Arc<dyn Store>, tool: &str, name: &str) -> Option<Record> {
    store.get(&key(tool, name)).await.expect("a read succeeds")
}

async fn documents(store: &Arc<dyn Store>, query: Query) -> Vec<(String, String, String)> {
    let listing = store.list(&query).await.expect("a listing succeeds");
    let part = |record: Record| (record.key.tool, record.key.name, record.document.to_string());
    listing.records.into_iter().map(part).collect()
}

async fn next(changes: &mut Changes) -> Result<Event> {
    let event = tokio::time::timeout(PATIENCE, changes.next()).await.expect("an event comes in time");
    event.expect("a watch does not end without an error")
}

/// The next events up to and without the next `Synced`, and the revision of that.
async fn until_synced(changes: &mut Changes) -> (Vec<Event>, Revision) {
    let mut events = Vec::new();
    loop {
        match next(changes).await.expect("the watch goes on") {
            Event::Synced(revision) => return (events, revision),
            event => events.push(event),
        }
    }
}

/// The next events, `Synced` left out, up to one about the record `name` of `tool`, that one included.
async fn until_name(changes: &mut Changes, tool: &str, name: &str) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let event = next(changes).await.expect("the watch goes on");
        let key = match &event {
            Event::Synced(_) => continue,
            Event::Put(record) => &record.key,
            Event::Deleted { key, .. } => key,
        };
        let found = key.tool == tool && key.name == name;
        events.push(event);
        if found {
            return events;
        }
    }
}

/// `+name=document` or `-name`, which reads well where an assertion fails.
fn short(events: &[Event]) -> Vec<String> {
    let one = |event: &Event| match event {
        Event::Put(record) => format!("+{}={}", record.key.name, record.document),
        Event::Deleted { key, .. } => format!("-{}", key.name),
        Event::Synced(_) => "synced".to_owned(),
    };
    events.iter().map(one).collect()
}

fn conflict(result: Result<Revision>) -> (Key, Option<Revision>) {
    match result {
        Err(Error::Conflict { key, found }) => (key, found),
        other => panic!("a conflict was expected: {other:?}"),
    }
}

fn absent(tool: &str, name: &str) -> Check {
    Check::Absent(key(tool, name))
}
