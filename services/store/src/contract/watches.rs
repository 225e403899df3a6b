//! A watch starts complete, stays ordered, resumes without a gap, or says that it cannot.

use std::sync::Arc;

use super::{CLAIM, DELETIONS_KEPT, JOB, get, key, next, put, short, until_name, until_synced, write};
use crate::{Changes, Check, Error, Event, Key, Query, Record, Revision, Store, WatchFrom, Write};

async fn watch(store: &Arc<dyn Store>, from: WatchFrom) -> Changes {
    store.watch(&JOB, from).await.expect("a watch starts")
}

async fn delete(store: &Arc<dyn Store>, tool: &str, name: &str) -> Revision {
    write(store, tool, vec![Write::delete(key(tool, name))]).await
}

/// The current records come first, without what was deleted, then `Synced`, then each change as it is committed.
pub async fn a_watch_starts_with_the_current_set(store: Arc<dyn Store>) {
    write(&store, "alpha", vec![put("alpha", "gone", "0"), put("alpha", "a", "0")]).await;
    write(&store, "beta", vec![put("beta", "b", "1")]).await;
    write(&store, "alpha", vec![put("alpha", "a", "1")]).await;
    let head = delete(&store, "alpha", "gone").await;
    let mut changes = watch(&store, WatchFrom::Start).await;
    let (mut set, synced) = until_synced(&mut changes).await;
    set.sort_by_key(|event| short(std::slice::from_ref(event)));
    assert_eq!(short(&set), ["+a=1", "+b=1"]);
    assert!(synced >= head);
    let record = get(&store, "alpha", "a").await.expect("it is there");
    assert_eq!(set.first(), Some(&Event::Put(record)));

    write(&store, "alpha", vec![put("alpha", "a", "2")]).await;
    assert_eq!(short(&until_name(&mut changes, "alpha", "a").await), ["+a=2"]);
    let revision = delete(&store, "alpha", "a").await;
    let deleted = Event::Deleted { key: key("alpha", "a"), revision };
    assert_eq!(until_name(&mut changes, "alpha", "a").await, [deleted]);

    let mut empty = store.watch(&CLAIM, WatchFrom::Start).await.expect("a watch starts");
    assert_eq!(until_synced(&mut empty).await.0, []);
}

/// Changes of other kinds do not show.
pub async fn a_watch_is_of_one_kind(store: Arc<dyn Store>) {
    let claim = |name: &str| Write::put(Key::new(CLAIM, "alpha", name), 1, "{}");
    let start = write(&store, "alpha", vec![claim("before"), put("alpha", "a", "1")]).await;
    let mut changes = watch(&store, WatchFrom::Start).await;
    let mut resumed = watch(&store, WatchFrom::After(start)).await;
    write(&store, "alpha", vec![claim("during")]).await;
    write(&store, "alpha", vec![Write::delete(Key::new(CLAIM, "alpha", "before"))]).await;
    write(&store, "alpha", vec![claim("a"), put("alpha", "b", "1")]).await;
    assert_eq!(short(&until_name(&mut changes, "alpha", "b").await), ["+a=1", "+b=1"]);
    assert_eq!(short(&until_name(&mut resumed, "alpha", "b").await), ["+b=1"]);
}

/// A commit whose check fails never shows, before or after the next good one.
pub async fn nothing_uncommitted_is_seen(store: Arc<dyn Store>) {
    let mut changes = watch(&store, WatchFrom::Start).await;
    until_synced(&mut changes).await;
    for name in ["x", "y"] {
        let failing = vec![Check::Present(key("alpha", "missing"))];
        let writes = vec![put("alpha", name, "bad"), put("alpha", "z", "bad")];
        assert!(store.commit("alpha", failing, writes).await.is_err());
        write(&store, "alpha", vec![put("alpha", &format!("after-{name}"), "good")]).await;
    }
    let seen = short(&until_name(&mut changes, "alpha", "after-y").await);
    assert_eq!(seen, ["+after-x=good", "+after-y=good"]);
}

/// Whatever is committed after a listing is in the watch after its revision, and nothing from before.
pub async fn a_watch_after_a_listing_misses_nothing(store: Arc<dyn Store>) {
    write(&store, "alpha", vec![put("alpha", "old", "1"), put("alpha", "doomed", "1")]).await;
    let listing = store.list(&Query::all(JOB)).await.expect("a listing succeeds");
    write(&store, "beta", vec![put("beta", "new", "1")]).await;
    delete(&store, "alpha", "doomed").await;
    let mut changes = watch(&store, WatchFrom::After(listing.revision)).await;
    write(&store, "alpha", vec![put("alpha", "last", "1")]).await;
    let seen = short(&until_name(&mut changes, "alpha", "last").await);
    assert_eq!(seen, ["+new=1", "-doomed", "+last=1"]);
}

/// A watch that is dropped at a `Synced` and resumed after it continues where it was, also over several records of one
/// commit.
pub async fn resuming_misses_nothing(store: Arc<dyn Store>) {
    let mut from = WatchFrom::Start;
    let mut seen = Vec::new();
    for round in 0..10 {
        let pair = vec![put("alpha", &format!("a{round}"), "1"), put("alpha", &format!("b{round}"), "1")];
        write(&store, "alpha", pair).await;
        delete(&store, "alpha", &format!("a{round}")).await;
        let mut changes = watch(&store, from).await;
        let (events, synced) = until_synced(&mut changes).await;
        seen.extend(short(&events));
        from = WatchFrom::After(synced.to_string().parse().expect("a revision survives its text form"));
    }
    let first = vec!["+b0=1".to_owned()];
    let later = (1..10).flat_map(|round| [format!("+b{round}=1"), format!("-a{round}")]);
    assert_eq!(seen, first.into_iter().chain(later).collect::<Vec<_>>());
}

/// A key that is deleted and made again while nobody reads: the deletion shows before the new record.
pub async fn a_deletion_between_two_lives_is_seen(store: Arc<dyn Store>) {
    let from = WatchFrom::After(write(&store, "alpha", vec![put("alpha", "a", "1")]).await);
    let mut open = watch(&store, from).await;
    delete(&store, "alpha", "a").await;
    write(&store, "alpha", vec![put("alpha", "a", "2")]).await;
    write(&store, "alpha", vec![put("alpha", "end", "1")]).await;
    let mut late = watch(&store, from).await;
    for changes in [&mut open, &mut late] {
        assert_eq!(short(&until_name(changes, "alpha", "end").await), ["-a", "+a=2", "+end=1"]);
    }
    let mut fresh = watch(&store, WatchFrom::Start).await;
    assert_eq!(short(&until_synced(&mut fresh).await.0), ["+a=2", "+end=1"]);
}

/// More changes than any page holds arrive once each, those of one commit included, to a watch that reads only after
/// all were committed.
pub async fn a_long_history_is_paged(store: Arc<dyn Store>) {
    let start = write(&store, "alpha", vec![put("alpha", "first", "{}")]).await;
    let mut open = watch(&store, WatchFrom::After(start)).await;
    let mut all = Vec::new();
    for batch in 0..5 {
        let names: Vec<String> = (0..200).map(|n| format!("{batch}-{n:03}")).collect();
        write(&store, "alpha", names.iter().map(|name| put("alpha", name, "{}")).collect()).await;
        all.extend(names);
    }
    write(&store, "alpha", vec![put("alpha", "last", "{}")]).await;
    all.push("last".to_owned());
    let mut late = watch(&store, WatchFrom::After(start)).await;
    let mut fresh = watch(&store, WatchFrom::Start).await;
    for changes in [&mut open, &mut late] {
        assert_eq!(names(&until_name(changes, "alpha", "last").await), all);
    }
    all.push("first".to_owned());
    let mut set = names(&until_synced(&mut fresh).await.0);
    set.sort();
    all.sort();
    assert_eq!(set, all);
}

/// Records as large as records may be, more of them than anyone should hold at once.
pub async fn large_records_are_watched(store: Arc<dyn Store>) {
    let start = write(&store, "alpha", vec![put("alpha", "first", "{}")]).await;
    let large = "x".repeat(crate::limits::DOCUMENT_BYTES);
    let all: Vec<String> = (0..12).map(|number| format!("{number:02}")).collect();
    for pair in all.chunks(4) {
        write(&store, "alpha", pair.iter().map(|name| put("alpha", name, &large)).collect()).await;
    }
    let mut changes = watch(&store, WatchFrom::After(start)).await;
    let (events, _) = until_synced(&mut changes).await;
    assert_eq!(names(&events), all);
    let whole = |event: &Event| matches!(event, Event::Put(record) if *record.document == large);
    assert!(events.iter().all(whole));
}

fn names(events: &[Event]) -> Vec<String> {
    let name = |event: &Event| match event {
        Event::Put(Record { key, .. }) | Event::Deleted { key, .. } => key.name.clone(),
        Event::Synced(_) => String::new(),
    };
    events.iter().map(name).collect()
}

/// Once deletions were forgotten a watch from before them is refused, with a revision that would do; one of another
/// kind, or from the start, is not.
pub async fn resuming_after_trimmed_deletions_is_refused(store: Arc<dyn Store>) {
    let start = write(&store, "alpha", vec![put("alpha", "kept", "{}")]).await;
    for batch in 0..3 {
        let names: Vec<String> = (0..DELETIONS_KEPT / 2).map(|n| format!("{batch}-{n}")).collect();
        for chunk in names.chunks(crate::limits::WRITES) {
            write(&store, "alpha", chunk.iter().map(|name| put("alpha", name, "{}")).collect()).await;
            write(&store, "alpha", chunk.iter().map(|name| Write::delete(key("alpha", name))).collect())
                .await;
        }
    }
    let refused = store.watch(&JOB, WatchFrom::After(start)).await.err();
    let Some(Error::Compacted { oldest }) = refused else {
        panic!("the watch was expected to be refused: {refused:?}");
    };
    assert!(oldest > start);
    let mut changes = watch(&store, WatchFrom::After(oldest)).await;
    write(&store, "alpha", vec![put("alpha", "end", "{}")]).await;
    until_name(&mut changes, "alpha", "end").await;
    assert!(store.watch(&CLAIM, WatchFrom::After(start)).await.is_ok());
    let mut fresh = watch(&store, WatchFrom::Start).await;
    assert_eq!(short(&until_synced(&mut fresh).await.0), ["+kept={}", "+end={}"]);
}

/// A revision that the store has not reached, as after a restore, cannot be resumed after; the present one can.
pub async fn a_watch_from_the_future_is_refused(store: Arc<dyn Store>) {
    let head = write(&store, "alpha", vec![put("alpha", "a", "{}")]).await;
    for ahead in [head.next(), Revision::from_number(u64::MAX)] {
        let refused = store.watch(&JOB, WatchFrom::After(ahead)).await.err();
        assert!(matches!(refused, Some(Error::Compacted { .. })), "{refused:?}");
    }
    let mut changes = watch(&store, WatchFrom::After(head)).await;
    assert_eq!(next(&mut changes).await, Ok(Event::Synced(head)));
}

/// Several watches of one kind, started at different moments, agree.
pub async fn many_watches_see_the_same(store: Arc<dyn Store>) {
    let start = write(&store, "alpha", vec![put("alpha", "first", "{}")]).await;
    let mut watches = Vec::new();
    for n in 0..20 {
        watches.push(watch(&store, WatchFrom::After(start)).await);
        write(&store, "alpha", vec![put("alpha", &format!("{n:02}"), "{}")]).await;
    }
    let expected: Vec<String> = (0..20).map(|n| format!("+{n:02}={{}}")).collect();
    for changes in &mut watches {
        assert_eq!(short(&until_name(changes, "alpha", "19").await), expected);
    }
}

/// A watch does not keep its store open: when the store is gone it says so and ends.
pub async fn a_watch_ends_with_its_store(store: Arc<dyn Store>) {
    let mut changes = watch(&store, WatchFrom::Start).await;
    until_synced(&mut changes).await;
    drop(store);
    let last = next(&mut changes).await;
    assert!(matches!(last, Err(Error::Closed { .. })), "{last:?}");
    assert!(futures_util::StreamExt::next(&mut changes).await.is_none());
}
