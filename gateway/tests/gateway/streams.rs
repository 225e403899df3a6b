//! Streams over HTTP: their forms, records as they are produced, and ends that are never mistaken.

use std::time::Duration;

use gateway::{Limits, Mapping};
use serde_json::Value;
use tokio::time::timeout;
use tonic::Status;

use crate::bad_input::refusal;
use crate::world::{Setup, start, start_with, within};

const LOGS: &str = "/logs/v1/tool/alpha/job/x/logs_stream";

#[tokio::test]
async fn the_form_is_what_the_client_asks_for() {
    let world = start().await;
    for (accept, content_type) in [
        ("", "application/x-ndjson"),
        ("Accept: */*\r\n", "application/x-ndjson"),
        ("Accept: application/json\r\n", "application/json"),
        ("Accept: text/event-stream\r\n", "text/event-stream"),
    ] {
        let reply = world.connect().await.request("GET", LOGS, accept, b"").await;
        assert_eq!(reply.line, "HTTP/1.1 200 OK");
        assert_eq!(reply.header("content-type"), Some(content_type));
        assert_eq!(reply.header("x-accel-buffering"), Some("no"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let records: Vec<Value> = match content_type {
            "application/json" => serde_json::from_slice(&reply.body).unwrap(),
            "text/event-stream" => {
                let events = reply.text().split_terminator("\n\n");
                events
                    .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
                    .collect()
            }
            _ => reply.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        };
        let messages: Vec<&str> = records.iter().filter_map(|record| record["message"].as_str()).collect();
        assert_eq!(messages, ["one", "two"], "{content_type}");
    }
    let reply = world.connect().await.request("GET", LOGS, "Accept: image/png\r\n", b"").await;
    assert_eq!(reply.line, "HTTP/1.1 406 Not Acceptable");
    assert!(refusal(&reply).contains("application/x-ndjson"));
}

#[tokio::test]
async fn an_empty_stream_is_an_empty_body_or_array() {
    let world = start().await;
    for (accept, body) in [("application/json", "[]"), ("application/x-ndjson", "")] {
        drop(world.fake.feed());
        let accept = format!("Accept: {accept}\r\n");
        let reply = world.connect().await.request("GET", LOGS, &accept, b"").await;
        assert_eq!((reply.status(), reply.text()), (200, body));
    }
}

#[tokio::test]
async fn each_record_is_sent_when_it_is_produced() {
    let world = start().await;
    for target in [LOGS, "/jobs/v1/tool/alpha/jobs/x/logs?follow=true"] {
        let feed = world.fake.feed();
        let mut connection = world.connect().await;
        connection.ask("GET", target, "", b"").await;
        for line in ["a", "b", "c"] {
            feed.send(Ok(line.to_owned())).await.unwrap();
            if line == "a" {
                assert_eq!(connection.head().await.unwrap().line, "HTTP/1.1 200 OK");
            }
            // the next line is not produced before this one has arrived
            let record = String::from_utf8(connection.chunk().await.unwrap().unwrap()).unwrap();
            assert!(record.contains(line) && record.ends_with('\n'), "{record}");
            assert!(!record.trim_end().is_empty());
        }
        drop(feed);
        assert_eq!(connection.chunk().await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_stream_that_has_nothing_to_say_begins_nevertheless() {
    let world = start().await;
    let feed = world.fake.feed();
    let mut connection = world.connect().await;
    connection.ask("GET", LOGS, "", b"").await;
    let head = connection.head().await.unwrap();
    assert_eq!(
        (head.line.as_str(), head.header("content-type")),
        ("HTTP/1.1 200 OK", Some("application/x-ndjson"))
    );
    feed.send(Ok("late".to_owned())).await.unwrap();
    assert!(String::from_utf8(connection.chunk().await.unwrap().unwrap()).unwrap().contains("late"));
}

#[tokio::test]
async fn a_stream_begins_although_the_backend_has_not_sent_its_head() {
    let limits = Limits { keep_alive: Duration::from_millis(50), ..Limits::default() };
    let world = start_with(Setup { limits, ..Setup::default() }).await;
    let mut connection = world.connect().await;
    let slow = "/logs/v1/tool/alpha/job/slow/logs_stream";
    connection.ask("GET", slow, "Accept: text/event-stream\r\n", b"").await;
    within(world.fake.begun.notified()).await;
    let head = within(connection.head()).await.unwrap();
    assert_eq!(
        (head.line.as_str(), head.header("content-type")),
        ("HTTP/1.1 200 OK", Some("text/event-stream"))
    );
    assert_eq!(connection.chunk().await.unwrap().unwrap(), b":\n\n");
    world.fake.release.notify_one();
    let record = loop {
        let chunk = String::from_utf8(connection.chunk().await.unwrap().unwrap()).unwrap();
        if chunk != ":\n\n" {
            break chunk;
        }
    };
    assert!(record.contains("one"), "{record}");
}

#[tokio::test]
async fn a_failure_after_a_late_head_is_the_last_record() {
    let world = start().await;
    let mut connection = world.connect().await;
    connection.ask("GET", "/logs/v1/tool/alpha/job/late/logs_stream", "TE: trailers\r\n", b"").await;
    within(world.fake.begun.notified()).await;
    let head = within(connection.head()).await.unwrap();
    assert_eq!(head.line, "HTTP/1.1 200 OK");
    world.fake.release.notify_one();
    let record = connection.chunk().await.unwrap().unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    assert_eq!((&record["error"][0], &record["code"]), (&"too late".into(), &9.into()));
    assert_eq!(connection.chunk().await.unwrap(), None);
    let trailers = connection.fields().await.unwrap();
    assert!(trailers.contains(&("grpc-status".to_owned(), "9".to_owned())), "{trailers:?}");
}

#[tokio::test]
async fn a_stream_both_ways_begins_before_the_client_has_said_anything() {
    let mut mapping = Mapping::default();
    mapping.options.default_bindings = true;
    let world = start_with(Setup { mapping, ..Setup::default() }).await;
    let mut connection = world.connect().await;
    let head = "POST /toolforge.jobs.v1.Runs/AttachRun HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: \
                chunked\r\nContent-Type: application/x-ndjson\r\n\r\n";
    connection.write(head.as_bytes()).await.unwrap();
    assert_eq!(within(connection.head()).await.unwrap().line, "HTTP/1.1 200 OK");
    let line = "{\"tool\": \"alpha\", \"input\": \"aGk=\"}\n";
    connection.write(format!("{:x}\r\n{line}\r\n", line.len()).as_bytes()).await.unwrap();
    let record = String::from_utf8(connection.chunk().await.unwrap().unwrap()).unwrap();
    assert!(record.contains("aGk="), "{record}");
}

#[tokio::test]
async fn the_stream_of_former_clients_is_plain_text() {
    let world = start().await;
    let reply = world.request("GET", "/jobs/v1/tool/alpha/jobs/x/logs?lines=5&follow=true").await;
    assert_eq!(reply.line, "HTTP/1.1 200 OK");
    assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf8"));
    assert_eq!(reply.header("x-accel-buffering"), Some("no"));
    assert_eq!(reply.text(), "one\ntwo\n");
    let request = world.fake.only().request;
    assert!(
        request.contains(r#"lines: Some("5")"#) && request.contains(r#"follow: Some("true")"#),
        "{request}"
    );
}

#[tokio::test]
async fn a_failure_before_the_first_record_is_an_error_like_any_other() {
    let world = start().await;
    for target in ["/logs/v1/tool/alpha/job/missing/logs_stream", "/jobs/v1/tool/alpha/jobs/missing/logs"] {
        let reply = world.request("GET", target).await;
        assert_eq!(reply.line, "HTTP/1.1 404 Not Found");
        assert_eq!(refusal(&reply), "Job 'missing' does not exist");
    }
    for target in [LOGS, "/jobs/v1/tool/alpha/jobs/x/logs"] {
        // the handler has answered, and its stream begins with a failure
        world.fake.feed().send(Err(Status::failed_precondition("no output is kept"))).await.unwrap();
        let reply = world.request("GET", target).await;
        assert_eq!(reply.line, "HTTP/1.1 400 Bad Request");
        assert_eq!(refusal(&reply), "no output is kept");
    }
}

#[tokio::test]
async fn a_failure_later_is_an_explicit_last_record_and_a_trailer() {
    let world = start().await;
    for accept in ["application/x-ndjson", "application/json", "text/event-stream"] {
        let feed = world.fake.feed();
        feed.send(Ok("first".to_owned())).await.unwrap();
        feed.send(Err(Status::data_loss("the rest is gone"))).await.unwrap();
        let headers = format!("Accept: {accept}\r\nTE: trailers\r\n");
        let reply = world.connect().await.request("GET", LOGS, &headers, b"").await;
        assert_eq!(reply.line, "HTTP/1.1 200 OK");
        let last: Value = match accept {
            "application/json" => serde_json::from_slice::<Vec<Value>>(&reply.body).unwrap().pop().unwrap(),
            "text/event-stream" => {
                let event = reply.text().split_terminator("\n\n").last().unwrap();
                let data = event.strip_prefix("event: error\ndata: ").unwrap();
                serde_json::from_str(data).unwrap()
            }
            _ => serde_json::from_str(reply.text().lines().next_back().unwrap()).unwrap(),
        };
        assert_eq!(last["error"], serde_json::json!(["the rest is gone"]), "{accept}");
        assert_eq!((&last["code"], &last["status"]), (&15.into(), &"DATA_LOSS".into()));
        let trailer =
            |name: &str| reply.trailers.iter().find(|(known, _)| known == name).map(|(_, v)| v.clone());
        assert_eq!(trailer("grpc-status").as_deref(), Some("15"), "{accept}");
        assert_eq!(trailer("grpc-message").as_deref(), Some("the%20rest%20is%20gone"));
    }
}

#[tokio::test]
async fn plain_text_that_fails_has_no_end() {
    let world = start().await;
    let feed = world.fake.feed();
    feed.send(Ok("first".to_owned())).await.unwrap();
    feed.send(Err(Status::data_loss("the rest is gone"))).await.unwrap();
    let mut connection = world.connect().await;
    connection.ask("GET", "/jobs/v1/tool/alpha/jobs/x/logs", "", b"").await;
    assert_eq!(connection.head().await.unwrap().line, "HTTP/1.1 200 OK");
    assert_eq!(connection.chunk().await.unwrap().unwrap(), b"first\n");
    assert!(connection.chunk().await.is_err(), "an end would say that this was all");
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_stream_of_the_backend() {
    let world = start().await;
    let feed = world.fake.feed();
    feed.send(Ok("first".to_owned())).await.unwrap();
    let mut connection = world.connect().await;
    connection.ask("GET", LOGS, "", b"").await;
    connection.head().await.unwrap();
    drop(connection);
    within(feed.closed()).await;
}

#[tokio::test]
async fn a_silent_stream_of_events_is_kept_alive() {
    let limits = Limits { keep_alive: Duration::from_millis(20), ..Limits::default() };
    let world = start_with(Setup { limits, ..Setup::default() }).await;
    for (accept, quiet) in [("text/event-stream", ":\n\n"), ("application/json", "\n")] {
        let feed = world.fake.feed();
        let mut connection = world.connect().await;
        connection.ask("GET", LOGS, &format!("Accept: {accept}\r\n"), b"").await;
        for line in ["a", "b"] {
            feed.send(Ok(line.to_owned())).await.unwrap();
            if line == "a" {
                connection.head().await.unwrap();
            }
            // it may have been silent before the record came
            let record = loop {
                let chunk = String::from_utf8(connection.chunk().await.unwrap().unwrap()).unwrap();
                if chunk != quiet {
                    break chunk;
                }
            };
            assert!(record.contains(line), "{record}");
            for _ in 0..2 {
                assert_eq!(connection.chunk().await.unwrap().unwrap(), quiet.as_bytes());
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_stops_the_backend() {
    let world = start().await;
    let feed = world.fake.feed();
    let mut connection = world.connect().await;
    connection.ask("GET", LOGS, "", b"").await;
    let line = "x".repeat(64 << 10);
    let mut sent = 0;
    // windows and socket buffers hold some of it, and then nobody takes more
    while timeout(Duration::from_secs(1), feed.send(Ok(line.clone()))).await.is_ok() {
        sent += 1;
        assert!(sent < 1000, "{} MiB went somewhere", sent >> 4);
    }
    connection.head().await.unwrap();
    let mut read = 0;
    while read < sent {
        let chunk = connection.chunk().await.unwrap().unwrap();
        read += String::from_utf8(chunk).unwrap().matches('\n').count();
    }
    // it goes on as soon as the client does
    within(feed.send(Ok("last".to_owned()))).await.unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_read_for_long_is_cut() {
    let limits = Limits { unacknowledged: Duration::from_secs(1), ..Limits::default() };
    let world = start_with(Setup { limits, ..Setup::default() }).await;
    let feed = world.fake.feed();
    let mut connection = world.connect().await;
    connection.ask("GET", LOGS, "", b"").await;
    let line = "x".repeat(64 << 10);
    within(async { while feed.send(Ok(line.clone())).await.is_ok() {} }).await;
    within(feed.closed()).await;
    drop(connection);
    // one to which nothing is said stays
    let feed = world.fake.feed();
    let mut connection = world.connect().await;
    connection.ask("GET", LOGS, "", b"").await;
    connection.head().await.unwrap();
    assert!(timeout(Duration::from_secs(3), feed.closed()).await.is_err());
}
