//! Output: pages, windows, and following.

use super::{Harness, PATIENCE, Watch, apply, collect, once, output_of};
use crate::{Direction, Engine, LogEntry, LogPage, LogQuery, Stream, Workload, WorkloadId};

const SEVEN: &str = "echo 1; echo 2; echo 3; echo 4; echo 5; echo 6; echo 7";

/// All pages of a query, after checking each.
async fn pages(engine: &dyn Engine, query: &LogQuery) -> Vec<LogPage> {
    let mut query = query.clone();
    let mut pages = Vec::new();
    loop {
        let page = engine.logs(query.clone()).await.expect("a page");
        assert!(page.entries.len() <= query.page_size, "not more than asked for");
        assert!(pages.len() < 100, "paging comes to an end");
        query.cursor.clone_from(&page.next);
        pages.push(page);
        let page = &pages[pages.len() - 1];
        let Some(next) = &page.next else {
            return pages;
        };
        assert!(!page.entries.is_empty(), "a page that has a next one is not empty");
        let printable = |byte: u8| byte.is_ascii_graphic() && byte != b'&' && byte != b'#';
        assert!(next.0.bytes().all(printable), "{next:?} needs no escape");
    }
}

fn texts<'a>(entries: impl IntoIterator<Item = &'a LogEntry>) -> Vec<&'a str> {
    entries.into_iter().map(|entry| entry.message.as_str()).collect()
}

async fn read(engine: &dyn Engine, query: &LogQuery) -> Vec<LogEntry> {
    pages(engine, query).await.into_iter().flat_map(|page| page.entries).collect()
}

/// Runs a script to its end.
async fn run(engine: &dyn Engine, env: &dyn Harness, id: &str, script: &str) -> Workload {
    let mut watch = Watch::new(engine, env).await;
    let workload = once(env, id, script);
    apply(engine, &workload).await;
    watch.finished(&workload.id).await;
    workload
}

/// Pages in either direction hold every line once, in order, however small they are.
pub async fn logs_page_in_both_directions(engine: &dyn Engine, env: &dyn Harness) {
    let workload = run(engine, env, "pages", SEVEN).await;
    for page_size in [1, 2, 3, 6, 7, 8, 500] {
        for direction in [Direction::OldestFirst, Direction::NewestFirst] {
            let query = LogQuery { direction, page_size, ..output_of(&workload) };
            let pages = pages(engine, &query).await;
            let entries: Vec<&LogEntry> = pages.iter().flat_map(|page| &page.entries).collect();
            let mut expected = ["1", "2", "3", "4", "5", "6", "7"];
            if direction == Direction::NewestFirst {
                expected.reverse();
            }
            assert_eq!(texts(entries), expected, "{direction:?} by {page_size}");
            assert_eq!(pages.len(), 7usize.div_ceil(page_size), "pages are full");
        }
    }
    let entries = read(engine, &output_of(&workload)).await;
    assert!(entries.iter().all(|entry| entry.workload == workload.id && entry.stream == Stream::Stdout));
    assert!(entries.is_sorted_by_key(|entry| entry.time));
}

/// `lines` counts the most recent lines over all pages, in either direction.
pub async fn lines_are_the_most_recent(engine: &dyn Engine, env: &dyn Harness) {
    let workload = run(engine, env, "lines", SEVEN).await;
    for (lines, page_size) in [(1, 500), (3, 2), (4, 2), (4, 4), (7, 3), (100, 3), (0, 3)] {
        let newest = LogQuery {
            lines: Some(lines),
            page_size,
            direction: Direction::NewestFirst,
            ..output_of(&workload)
        };
        let all = ["7", "6", "5", "4", "3", "2", "1"];
        let mut expected = all[..usize::try_from(lines).unwrap().min(7)].to_vec();
        assert_eq!(texts(&read(engine, &newest).await), expected, "newest {lines} by {page_size}");
        expected.reverse();
        let oldest = LogQuery { direction: Direction::OldestFirst, ..newest };
        assert_eq!(texts(&read(engine, &oldest).await), expected, "oldest {lines} by {page_size}");
    }
}

/// Either output can be asked for alone.
pub async fn logs_select_a_stream(engine: &dyn Engine, env: &dyn Harness) {
    let workload = run(engine, env, "streams", "echo out; echo err >&2; echo out again").await;
    for (stream, expected) in [(Stream::Stdout, &["out", "out again"][..]), (Stream::Stderr, &["err"])] {
        let query = LogQuery { stream: Some(stream), ..output_of(&workload) };
        let entries = read(engine, &query).await;
        assert_eq!(texts(&entries), expected);
        assert!(entries.iter().all(|entry| entry.stream == stream));
    }
    let lines = LogQuery { stream: Some(Stream::Stdout), lines: Some(1), ..output_of(&workload) };
    assert_eq!(texts(&read(engine, &lines).await), ["out again"], "lines are counted after the selection");
}

/// A window holds both its ends.
pub async fn logs_select_a_window(engine: &dyn Engine, env: &dyn Harness) {
    let workload = run(engine, env, "window", "echo a; sleep 1; echo b; sleep 1; echo c").await;
    let all = read(engine, &output_of(&workload)).await;
    let [a, b, c] = all.as_slice() else {
        panic!("three lines: {all:?}");
    };
    let cases = [
        (Some(b.time), None, vec!["b", "c"]),
        (None, Some(b.time), vec!["a", "b"]),
        (Some(b.time), Some(b.time), vec!["b"]),
        (Some(a.time), Some(c.time), vec!["a", "b", "c"]),
        (Some(env.now() + PATIENCE), None, vec![]),
        (Some(c.time), Some(a.time), vec![]),
    ];
    for (since, until, expected) in cases {
        let query = LogQuery { since, until, page_size: 1, ..output_of(&workload) };
        assert_eq!(texts(&read(engine, &query).await), expected, "{since:?} to {until:?}");
    }
    let last = LogQuery { until: Some(b.time), lines: Some(1), ..output_of(&workload) };
    assert_eq!(texts(&read(engine, &last).await), ["b"], "lines are counted inside the window");
}

/// The runs of a job have one output together, and each its own.
pub async fn logs_of_one_workload(engine: &dyn Engine, env: &dyn Harness) {
    let first = run(engine, env, "run-1", "echo first").await;
    let second = run(engine, env, "run-2", "echo second").await;
    assert_eq!(texts(&read(engine, &output_of(&first)).await), ["first", "second"]);
    let of = |id: &WorkloadId| LogQuery { workload: Some(id.clone()), ..output_of(&first) };
    assert_eq!(texts(&read(engine, &of(&second.id)).await), ["second"]);
    assert!(read(engine, &of(&WorkloadId("another".to_owned()))).await.is_empty());
    let foreign = LogQuery { tool: format!("{}-not", first.tool), ..output_of(&first) };
    assert!(read(engine, &foreign).await.is_empty(), "the output of another tool is never there");
    let unknown = LogQuery { name: "other".to_owned(), ..output_of(&first) };
    assert!(read(engine, &unknown).await.is_empty());
}

/// Output stays when its workload was deleted.
pub async fn logs_outlive_the_workload(engine: &dyn Engine, env: &dyn Harness) {
    let workload = run(engine, env, "outlive", "echo still here").await;
    let mut watch = Watch::new(engine, env).await;
    engine.delete(&workload.id).await.expect("it is deleted");
    watch.until("gone", |watch| watch.instances.is_empty()).await;
    assert_eq!(texts(&read(engine, &output_of(&workload)).await), ["still here"]);
}

/// Following gives what was written and what is written, and ends with the job.
pub async fn follow_ends_with_the_job(engine: &dyn Engine, env: &dyn Harness) {
    let mut watch = Watch::new(engine, env).await;
    let workload = once(env, "follow", "echo before; sleep 2; echo after; echo last >&2");
    apply(engine, &workload).await;
    watch.until_ready(&workload.id, 1).await;
    let stream = engine.follow(output_of(&workload)).await.expect("output can be followed");
    let only = LogQuery { stream: Some(Stream::Stderr), ..output_of(&workload) };
    let errors = engine.follow(only).await.expect("one output can be followed");
    let entries = collect(env, stream).await.into_iter().map(|entry| entry.expect("an entry"));
    let mut entries: Vec<LogEntry> = entries.collect();
    entries.sort_by_key(|entry| entry.stream == Stream::Stderr);
    assert_eq!(texts(&entries), ["before", "after", "last"]);
    let errors: Vec<LogEntry> =
        collect(env, errors).await.into_iter().map(|entry| entry.expect("an entry")).collect();
    assert_eq!(texts(&errors), ["last"]);
}

/// Following what has ended gives what was kept, within the query.
pub async fn follow_ends_at_once_after_the_end(engine: &dyn Engine, env: &dyn Harness) {
    let workload = run(engine, env, "followed", SEVEN).await;
    for (lines, expected) in [(None, &["1", "2", "3", "4", "5", "6", "7"][..]), (Some(2), &["6", "7"])] {
        let stream = engine.follow(LogQuery { lines, ..output_of(&workload) }).await.expect("a stream");
        let entries: Vec<LogEntry> =
            collect(env, stream).await.into_iter().map(|entry| entry.expect("an entry")).collect();
        assert_eq!(texts(&entries), expected);
    }
    let never = LogQuery { name: "never-ran".to_owned(), ..output_of(&workload) };
    let stream = engine.follow(never).await.expect("a stream");
    assert!(collect(env, stream).await.is_empty());
}
