//! Commits that race.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::{JOB, absent, get, key, next, put, write};
use crate::{Check, Error, Event, Store, WatchFrom};

/// A hundred read-modify-write increments of one counter, each retried on conflict, add up to a hundred.
pub async fn concurrent_increments_are_all_counted(store: Arc<dyn Store>) {
    write(&store, "alpha", vec![put("alpha", "counter", "0")]).await;
    let mut tasks = JoinSet::new();
    for _ in 0..100 {
        let store = Arc::clone(&store);
        tasks.spawn(async move { increment(&store, "alpha").await });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no increment fails");
    }
    assert_eq!(&*get(&store, "alpha", "counter").await.expect("it is there").document, "100");
}

async fn increment(store: &Arc<dyn Store>, tool: &str) {
    loop {
        let counter = get(store, tool, "counter").await.expect("it is there");
        tokio::task::yield_now().await;
        let count: u32 = counter.document.parse().expect("it is a number");
        let check = Check::At(counter.key, counter.revision);
        match store.commit(tool, vec![check], vec![put(tool, "counter", &(count + 1).to_string())]).await {
            Ok(_) => return,
            Err(Error::Conflict { .. }) => {}
            Err(error) => panic!("an increment failed: {error}"),
        }
    }
}

/// Fifty creates of one name: one is taken, the others are told of that one.
pub async fn concurrent_claims_have_one_winner(store: Arc<dyn Store>) {
    let mut tasks = JoinSet::new();
    for n in 0..50 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let writes = vec![put("alpha", "claim", &n.to_string()), put("alpha", &format!("job-{n}"), "{}")];
            (n, store.commit("alpha", vec![absent("alpha", "claim")], writes).await)
        });
    }
    let mut results = HashMap::new();
    while let Some(done) = tasks.join_next().await {
        let (n, result) = done.expect("no claim panics");
        results.insert(n, result);
    }
    let record = get(&store, "alpha", "claim").await.expect("there is a winner");
    for (n, result) in results {
        let won = *record.document == n.to_string();
        let told = Error::Conflict { key: key("alpha", "claim"), found: Some(record.revision) };
        assert_eq!(result, if won { Ok(record.revision) } else { Err(told) });
        assert_eq!(get(&store, "alpha", &format!("job-{n}")).await.is_some(), won);
    }
}

/// Four tools count at once, two of them by several tasks; a watch sees each counter only rise, up to its end.
pub async fn watches_see_racing_commits_in_order(store: Arc<dyn Store>) {
    let tools = ["alpha", "beta", "gamma", "delta"];
    for tool in tools {
        write(&store, tool, vec![put(tool, "counter", "0")]).await;
    }
    let mut changes = store.watch(&JOB, WatchFrom::Start).await.expect("a watch starts");
    let mut tasks = JoinSet::new();
    for task in 0..8 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            for _ in 0..20 {
                increment(&store, tools[task % 4]).await;
            }
        });
    }
    let mut seen: HashMap<String, u32> = HashMap::new();
    while seen.values().filter(|count| **count == 40).count() < tools.len() {
        if let Event::Put(record) = next(&mut changes).await.expect("the watch goes on") {
            let count = record.document.parse().expect("it is a number");
            let before = seen.insert(record.key.tool, count);
            assert!(before.is_none_or(|before| before < count), "{count} after {before:?}");
        }
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no task fails");
    }
}
