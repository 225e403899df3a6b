//! Kills: every acknowledged commit is there afterwards, whole; what was not acknowledged is there whole or not at all.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use store::{Check, Key, Kind, Query, Store, WatchFrom, Write};
use store_embedded::{OnStep, Options, Sqlite};
use tokio::task::JoinSet;

use crate::child::{Process, say, step};

const JOB: Kind = Kind::new("job");
const CLAIM: Kind = Kind::new("claim");

fn options() -> Options {
    Options { reserve_bytes: 0, ..Options::default() }
}

/// The child: counters of four tools, or of one if it dies at a step, are raised for ever, each in two records at once.
pub(crate) async fn commit(directory: &Path) {
    let step = step();
    let tools = if step.is_some() { 1 } else { 4 };
    let on_step = step.map(|(name, passes)| abort_at(name, passes));
    let store = Arc::new(Sqlite::open(directory, Options { on_step, ..options() }).unwrap());
    let mut tasks = JoinSet::new();
    for tool in 0..tools {
        tasks.spawn(count(Arc::clone(&store), format!("tool-{tool}")));
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

fn abort_at(step: String, passes: u32) -> OnStep {
    let passed = AtomicU32::new(0);
    Arc::new(move |name| {
        if name == step && passed.fetch_add(1, Ordering::Relaxed) == passes {
            std::process::abort();
        }
    })
}

async fn count(store: Arc<Sqlite>, tool: String) {
    let (job, claim) = (Key::new(JOB, &*tool, "counter"), Key::new(CLAIM, &*tool, "counter"));
    let found = store.get(&job).await.unwrap();
    let mut check =
        found.as_ref().map_or(Check::Absent(job.clone()), |found| Check::At(job.clone(), found.revision));
    let mut number: u64 = found.map_or(0, |found| found.document.parse().unwrap());
    loop {
        number += 1;
        let document = number.to_string();
        let mut writes =
            vec![Write::put(job.clone(), 1, &*document), Write::put(claim.clone(), 1, &*document)];
        writes.push(Write::put(Key::new(JOB, &*tool, &*document), 1, "x".repeat(900)));
        writes.push(Write::delete(Key::new(JOB, &*tool, number.saturating_sub(20).to_string())));
        let revision = store.commit(&tool, vec![check], writes).await.unwrap();
        check = Check::At(job.clone(), revision);
        say(format_args!("{tool} {number}"));
    }
}

/// The last number that each tool said.
fn last(said: &[String], acked: &mut HashMap<String, u64>) {
    for line in said {
        let (tool, number) = line.split_once(' ').unwrap();
        acked.insert(tool.to_owned(), number.parse().unwrap());
    }
}

/// The numbers in the store, after checking that each commit is whole.
async fn stored(directory: &Path) -> HashMap<String, u64> {
    let store = Sqlite::open(directory, options()).unwrap();
    let claims = store.list(&Query::all(CLAIM)).await.unwrap();
    let mut numbers = HashMap::new();
    for claim in claims.records {
        let tool = claim.key.tool;
        let job = store.get(&Key::new(JOB, &*tool, "counter")).await.unwrap().unwrap();
        assert_eq!((job.revision, &job.document), (claim.revision, &claim.document));
        let number: u64 = claim.document.parse().unwrap();
        let jobs = store.list(&Query::of(JOB, &*tool)).await.unwrap();
        assert_eq!(jobs.records.len() as u64, number.min(20) + 1, "{tool} at {number}");
        assert!(store.watch(&JOB, WatchFrom::After(job.revision)).await.is_ok());
        numbers.insert(tool, number);
    }
    numbers
}

#[tokio::test]
async fn acknowledged_commits_survive_kills() {
    let directory = tempfile::tempdir().unwrap();
    let mut acked = HashMap::new();
    for lines in [1, 2, 5, 13, 40, 90, 200, 500, 3, 1500] {
        let mut process = Process::start(&[], "commit", directory.path(), "");
        let mut said: Vec<String> = (0..lines).filter_map(|_| process.said()).collect();
        assert_eq!(said.len(), lines);
        said.extend(process.kill());
        last(&said, &mut acked);
        let numbers = stored(directory.path()).await;
        for (tool, number) in &acked {
            let found = numbers.get(tool).copied().unwrap_or_default();
            // at most the commit that was under way has come besides
            assert!((*number..=number + 1).contains(&found), "{tool}: {number} acknowledged, {found} found");
        }
        acked.extend(numbers);
    }
}

#[tokio::test]
async fn a_kill_before_the_commit_leaves_nothing_and_after_it_everything() {
    for passes in [0, 1, 30] {
        for (step, found) in [("store.commit.before", passes), ("store.commit.after", passes + 1)] {
            let directory = tempfile::tempdir().unwrap();
            let said = Process::start(&[], "commit", directory.path(), &format!("{step} {passes}")).rest();
            let mut acked = HashMap::new();
            last(&said, &mut acked);
            assert_eq!(acked.get("tool-0").copied().unwrap_or_default(), passes);
            let numbers = stored(directory.path()).await;
            assert_eq!(numbers.get("tool-0").copied().unwrap_or_default(), found, "{step} {passes}");
        }
    }
}
