//! A commit stands or falls as a whole, and says which check failed.

use std::sync::Arc;

use super::{CLAIM, absent, conflict, get, key, put, write};
use crate::{Check, Key, Query, Revision, Store, Write};

/// A commit with one failed check among good ones leaves no trace, neither of its writes nor in the revision.
pub async fn a_failed_check_stores_nothing(store: Arc<dyn Store>) {
    let before =
        write(&store, "alpha", vec![put("alpha", "kept", "{}"), put("alpha", "replaced", "1")]).await;
    let checks = vec![absent("alpha", "new"), Check::Present(key("alpha", "missing"))];
    let writes = vec![
        put("alpha", "new", "{}"),
        put("alpha", "replaced", "2"),
        Write::delete(key("alpha", "kept")),
        Write::put(Key::new(CLAIM, "alpha", "new"), 1, "{}"),
    ];
    assert_eq!(conflict(store.commit("alpha", checks, writes).await), (key("alpha", "missing"), None));
    assert_eq!(get(&store, "alpha", "new").await, None);
    assert!(get(&store, "alpha", "kept").await.is_some());
    assert_eq!(get(&store, "alpha", "replaced").await.expect("it is there").revision, before);
    assert!(store.list(&Query::all(CLAIM)).await.expect("a listing succeeds").records.is_empty());
}

/// All three checks, on a record that is there, at the right and at another revision, and on one that is not.
pub async fn each_check_holds_and_fails(store: Arc<dyn Store>) {
    let old = write(&store, "alpha", vec![put("alpha", "a", "1")]).await;
    let now = write(&store, "alpha", vec![put("alpha", "a", "2")]).await;
    let (a, b) = (key("alpha", "a"), key("alpha", "b"));
    for holds in [Check::Present(a.clone()), Check::At(a.clone(), now), Check::Absent(b.clone())] {
        assert!(store.commit("alpha", vec![holds.clone()], Vec::new()).await.is_ok(), "{holds:?}");
    }
    let fails = [
        (Check::Absent(a.clone()), (a.clone(), Some(now))),
        (Check::At(a.clone(), old), (a.clone(), Some(now))),
        (Check::Present(b.clone()), (b.clone(), None)),
        (Check::At(b.clone(), now), (b.clone(), None)),
        (Check::At(b.clone(), Revision::ZERO), (b, None)),
    ];
    for (check, answer) in fails {
        assert_eq!(
            conflict(store.commit("alpha", vec![check.clone()], Vec::new()).await),
            answer,
            "{check:?}"
        );
    }
}

/// Of several failed checks the first one given is reported.
pub async fn the_first_failed_check_is_named(store: Arc<dyn Store>) {
    let at = write(&store, "alpha", vec![put("alpha", "a", "{}"), put("alpha", "b", "{}")]).await;
    let checks = vec![Check::Present(key("alpha", "a")), absent("alpha", "b"), absent("alpha", "a")];
    assert_eq!(conflict(store.commit("alpha", checks, Vec::new()).await), (key("alpha", "b"), Some(at)));
}

/// A check on a key that the same commit writes is about what was there before.
pub async fn checks_see_the_state_before_the_writes(store: Arc<dyn Store>) {
    let create = |document| (vec![absent("alpha", "a")], vec![put("alpha", "a", document)]);
    let (checks, writes) = create("1");
    let first = store.commit("alpha", checks, writes).await.expect("the first create is taken");
    let (checks, writes) = create("2");
    assert_eq!(conflict(store.commit("alpha", checks, writes).await), (key("alpha", "a"), Some(first)));
    let replace =
        store.commit("alpha", vec![Check::At(key("alpha", "a"), first)], vec![put("alpha", "a", "3")]);
    assert!(replace.await.expect("the replacement is taken") > first);
    assert_eq!(&*get(&store, "alpha", "a").await.expect("it is there").document, "3");
}

/// Deleting what is not there changes nothing, and does not disturb the rest of its commit.
pub async fn deleting_nothing_is_fine(store: Arc<dyn Store>) {
    let before = write(&store, "alpha", vec![put("alpha", "a", "{}")]).await;
    assert_eq!(write(&store, "alpha", vec![Write::delete(key("alpha", "missing"))]).await, before);
    let after =
        write(&store, "alpha", vec![Write::delete(key("alpha", "missing")), put("alpha", "b", "{}")]).await;
    assert_eq!(get(&store, "alpha", "b").await.expect("it is there").revision, after);
    write(&store, "alpha", vec![Write::delete(key("alpha", "a"))]).await;
    write(&store, "alpha", vec![Write::delete(key("alpha", "a"))]).await;
    assert_eq!(get(&store, "alpha", "a").await, None);
}
