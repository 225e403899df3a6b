//! `jobs logs`.

use api::logs::v1::{Direction, LogEntry, LogPage, NextPage};
use prost_types::Timestamp;

use crate::platform::Platform;

fn entry(seconds: i64, message: &str) -> LogEntry {
    let datetime = Some(Timestamp { seconds, nanos: 5_000_000 });
    LogEntry { pod: "j1-abc".into(), container: "job".into(), datetime, message: message.into(), stream: 1 }
}

#[test]
fn pages_are_printed_in_their_order() {
    let platform = Platform::start();
    let next = Some(NextPage { url: "?cursor=a%2Fb".into() });
    let first = LogPage { logs: vec![entry(1, "one"), entry(2, "two")], next };
    platform.state().pages = [first, LogPage { logs: vec![entry(3, "three")], next: None }].into();
    let out = platform.run("jobs logs j1 --last 3 --since 2h --until 1m").ok();
    let expected = "1970-01-01T00:00:01.005Z [j1-abc] [job] one\n\
                    1970-01-01T00:00:02.005Z [j1-abc] [job] two\n\
                    1970-01-01T00:00:03.005Z [j1-abc] [job] three\n";
    assert_eq!(out, expected);
    let requests = &platform.state().log_requests;
    assert_eq!((requests[0].lines, requests[0].since(), requests[0].until()), (Some(3), "2h", "1m"));
    assert_eq!((requests[0].direction(), requests[1].cursor()), (Direction::OldestFirst, "a/b"));
}

#[test]
fn no_output_is_an_error_of_the_server() {
    Platform::start().run("jobs logs j1").failed(1, "ERROR: Job 'j1' does not have any logs available\n");
}

#[test]
fn a_server_that_pages_badly_is_told() {
    let platform = Platform::start();
    platform.state().pages =
        [LogPage { logs: vec![], next: Some(NextPage { url: "?cursor=a".into() }) }].into();
    let done = platform.run("jobs logs j1");
    assert_eq!(done.code, 2);
    assert!(
        done.err.starts_with("ERROR: JobsCliError: bad server: got a pagination cursor but no logs\n"),
        "{}",
        done.err
    );
    let page = || LogPage { logs: vec![entry(1, "x")], next: Some(NextPage { url: "?cursor=a".into() }) };
    platform.state().pages = [page(), page(), page()].into();
    let done = platform.run("jobs logs j1");
    assert!(done.err.contains("bad server: identical pagination cursor"), "{}", done.err);
}

#[test]
fn following_ends_with_the_job() {
    let platform = Platform::start();
    platform.state().entries = vec![entry(1, "one"), entry(2, "two")];
    let out = platform.run("jobs logs j1 -f").ok();
    assert_eq!(out.lines().count(), 2);
    assert_eq!(platform.state().calls, ["follow j1"]);
}
