//! Following what is written.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::*;

/// How long an event may take; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

type Follow = BoxStream<'static, Result<LogEntry, Error>>;

fn follow(logs: &Logs, query: LogQuery) -> (Follow, oneshot::Sender<()>) {
    let (done, wait) = oneshot::channel::<()>();
    let stream = logs.follow(query, async move {
        // a test that drops the sender is done too
        let _ = wait.await;
    });
    (stream, done)
}

async fn next(stream: &mut Follow) -> LogEntry {
    timeout(PATIENCE, stream.next()).await.expect("in time").expect("not ended").expect("no error")
}

async fn rest(stream: Follow) -> Vec<LogEntry> {
    let all = timeout(PATIENCE, stream.collect::<Vec<_>>()).await.expect("in time");
    all.into_iter().map(Result::unwrap).collect()
}

#[tokio::test]
async fn kept_then_new_then_the_end() {
    let mut place = Place::new(SMALL);
    for number in 0..50 {
        place.write(number % 3, i64::try_from(number).unwrap(), Stream::Stdout, &format!("old {number}"));
    }
    let (mut stream, done) = follow(&place.logs, all());
    for entry in place.expected(&all()) {
        assert_eq!(next(&mut stream).await, entry);
    }
    for number in 50..150 {
        place.write(0, number, Stream::Stderr, &format!("new {number}"));
        assert_eq!(next(&mut stream).await.message, format!("new {number}"), "over every rotation");
    }
    place.write(0, 200, Stream::Stdout, "last words");
    done.send(()).unwrap();
    assert_eq!(texts(&rest(stream).await), ["last words"]);
}

#[tokio::test]
async fn instances_and_runs_that_appear_are_followed_too() {
    let mut place = Place::new(SMALL);
    let (mut stream, done) = follow(&place.logs, all());
    // nothing is there yet, not even the directory of the tool
    let waiting = tokio::spawn(async move {
        let first = next(&mut stream).await;
        (stream, first)
    });
    tokio::task::yield_now().await;
    place.write(0, 1, Stream::Stdout, "first");
    let (mut stream, first) = waiting.await.unwrap();
    assert_eq!(first.message, "first");
    for instance in 1..6 {
        place.write(instance, 10, Stream::Stdout, &format!("from {instance}"));
        let entry = next(&mut stream).await;
        assert_eq!(
            (entry.message, entry.workload.0),
            (format!("from {instance}"), format!("w{}", instance / 2))
        );
    }
    drop(done);
    assert!(rest(stream).await.is_empty());
}

#[tokio::test]
async fn what_ended_before_is_given_whole() {
    let mut place = Place::new(SMALL);
    for number in 0..2000 {
        place.write(0, number, Stream::Stdout, &format!("line {number}"));
    }
    for (lines, expected) in [(None, 2000), (Some(3), 3), (Some(0), 0), (Some(5000), 2000)] {
        let query = LogQuery { lines, ..all() };
        let found = rest(place.logs.follow(query.clone(), async {})).await;
        assert_eq!(found.len(), expected);
        assert_eq!(found, place.expected(&query));
    }
}

#[tokio::test]
async fn no_kept_lines_are_wanted_but_all_new_ones() {
    let mut place = Place::new(SMALL);
    place.write(0, 1, Stream::Stdout, "old");
    let (mut stream, done) = follow(&place.logs, LogQuery { lines: Some(0), ..all() });
    let waiting = tokio::spawn(async move { next(&mut stream).await });
    while place.logs.shared.watcher.is_unused() {
        tokio::task::yield_now().await;
    }
    place.write(0, 1, Stream::Stdout, "new at the same time");
    assert_eq!(waiting.await.unwrap().message, "new at the same time");
    drop(done);
}

#[tokio::test]
async fn many_old_runs_do_not_hide_a_new_one() {
    let mut place = Place::new(SMALL);
    for run in 0..1100 {
        let leaf = place.logs.leaf("alpha", "job", &format!("old{run}"), &format!("old-{run}"));
        Writer::open(&leaf, place.limits).unwrap().append(STDOUT, 1, b"old");
    }
    place.write(1, 5, Stream::Stdout, "present");
    let (mut stream, done) = follow(&place.logs, LogQuery { since: Some(time(2)), ..all() });
    assert_eq!(next(&mut stream).await.message, "present");
    place.write(1, 6, Stream::Stdout, "more");
    assert_eq!(next(&mut stream).await.message, "more");
    place.write(2, 7, Stream::Stdout, "another");
    assert_eq!(next(&mut stream).await.message, "another");
    drop(done);
    assert!(rest(stream).await.is_empty());
}

#[tokio::test]
async fn a_selection_holds_for_new_lines() {
    let mut place = Place::new(SMALL);
    let query = LogQuery {
        stream: Some(Stream::Stderr),
        workload: Some(WorkloadId("w1".to_owned())),
        since: Some(time(100)),
        until: Some(Timestamp::MAX),
        ..all()
    };
    place.write(2, 50, Stream::Stderr, "too early");
    let (stream, done) = follow(&place.logs, query);
    place.write(2, 150, Stream::Stdout, "other stream");
    place.write(0, 150, Stream::Stderr, "other workload");
    place.write(2, 160, Stream::Stderr, "this");
    drop(done);
    assert_eq!(texts(&rest(stream).await), ["this"]);
}

#[tokio::test]
async fn a_window_in_the_past_ends_at_once() {
    let mut place = Place::new(SMALL);
    place.write(0, 1, Stream::Stdout, "inside");
    place.write(0, 10, Stream::Stdout, "outside");
    let (stream, _done) = follow(&place.logs, LogQuery { until: Some(time(5)), ..all() });
    assert_eq!(texts(&rest(stream).await), ["inside"]);
}

#[tokio::test]
async fn several_follow_the_same_and_leave() {
    let mut place = Place::new(SMALL);
    place.write(0, 1, Stream::Stdout, "a");
    let (mut first, _done) = follow(&place.logs, all());
    let (mut second, done) = follow(&place.logs, all());
    next(&mut first).await;
    next(&mut second).await;
    drop(first);
    place.write(0, 2, Stream::Stdout, "b");
    assert_eq!(next(&mut second).await.message, "b");
    drop(done);
    assert!(rest(second).await.is_empty());
    assert!(place.logs.shared.watcher.is_unused(), "nobody watches anything any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_missed_or_told_twice_while_much_is_written() {
    let place = Place::new(Limits { segment_bytes: 2000, total_bytes: u64::MAX });
    let logs = place.logs.clone();
    let limits = place.limits;
    let (stream, done) = follow(&place.logs, all());
    let writer = std::thread::spawn(move || {
        for instance in 0..10 {
            let leaf = logs.leaf("alpha", "job", &format!("w{}", instance % 3), &format!("job-{instance}"));
            let mut writer = Writer::open(&leaf, limits).unwrap();
            for number in 0..1000 {
                writer.append(STDOUT, number, format!("{instance} {number}").as_bytes());
            }
        }
        drop(done);
    });
    let found = rest(stream).await;
    writer.join().unwrap();
    for instance in 0..10 {
        let id = InstanceId(format!("job-{instance}"));
        let of: Vec<_> = found.iter().filter(|entry| entry.instance == id).collect();
        let expected: Vec<_> = (0..1000).map(|number| format!("{instance} {number}")).collect();
        assert_eq!(of.into_iter().map(|entry| entry.message.clone()).collect::<Vec<_>>(), expected);
    }
}
