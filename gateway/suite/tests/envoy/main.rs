//! The gateway beside Envoy 1.40: the same backend, the same requests, answers compared by status and as JSON.
//!
//! Differences that are wanted are said in `rows` and, with their reason, in `docs/gateway.md`. One that is in neither
//! fails the test, and so does one that is said and is gone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod rows;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;

use gateway_suite::proto::LIBRARY_DESCRIPTORS;
use gateway_suite::{Backend, Client, Envoy, Gateway, tell};
use serde_json::{Value, json};

use rows::Row;

/// What is compared of an answer.
#[derive(Debug, PartialEq)]
struct Seen {
    status: u16,
    kind: String,
    body: Value,
}

#[test]
fn answers_are_those_of_envoy_but_for_what_is_listed() {
    let backend = Backend::start().unwrap();
    let gateway = Gateway::before(&backend.uri()).unwrap();
    let start = || Envoy::start(backend.address(), LIBRARY_DESCRIPTORS, &["library.v1.Library"]).unwrap();
    let mut envoy = start();
    let ours = gateway.address().unwrap();

    let (mut same, mut different, mut refused, mut faults) = (0, 0, 0, String::new());
    let rows = rows::all();
    for row in &rows {
        let (we, they) = (ask(ours, row), ask(envoy.address().unwrap(), row));
        if they.status == 0 {
            // a request can end its whole process
            envoy = start();
        }
        match (we == they, row.difference) {
            (true, None) => same += 1,
            (false, Some(_)) => different += 1,
            (false, None) if are_refusals(&we, &they) => refused += 1,
            (true, Some(what)) => writeln!(faults, "{row}: listed as {what:?}, but both say {we:?}").unwrap(),
            (false, None) => writeln!(faults, "{row}:\n  ours  {we:?}\n  Envoy {they:?}").unwrap(),
        }
    }
    assert!(faults.is_empty(), "{faults}");
    assert!(refused > 0, "Envoy words its own refusals as the gateway does");
    let counts = format!("{same} answered alike, {refused} refused alike, {different} otherwise, as listed");
    tell(&format!("beside Envoy 1.40, of {} requests: {counts}", rows.len()));
}

/// What Envoy cannot load at all is a difference too.
#[test]
fn envoy_refuses_a_response_body_that_is_a_field() {
    let backend = Backend::start().unwrap();
    let mut envoy = Envoy::start(backend.address(), LIBRARY_DESCRIPTORS, &["library.v1.Shapes"]).unwrap();
    let refused = envoy.address().unwrap_err().to_string();
    assert!(refused.contains("response_body"), "{refused}");
    let gateway = Gateway::before(&backend.uri()).unwrap();
    let seen = ask(gateway.address().unwrap(), &rows::get("/v1/part/count/shelves/1"));
    assert_eq!((seen.status, seen.body), (200, json!("2")));
}

#[test]
fn the_differences_are_those_of_the_documentation() {
    let page = include_str!("../../../../docs/gateway.md");
    let section = page.split("\n## ").find(|section| section.starts_with("Differences from Envoy")).unwrap();
    let table = section.lines().filter(|line| line.starts_with("| ")).skip(1);
    let told: BTreeSet<&str> = table.map(|line| line.split('|').nth(1).unwrap().trim()).collect();
    let rows = rows::all();
    let tested = rows.iter().filter_map(|row| row.difference).chain([rows::RESPONSE_BODY, rows::REFUSALS]);
    assert_eq!(tested.collect::<BTreeSet<_>>(), told);
}

/// Whether both refuse a request with the same status, each in its own words: a status of gRPC as JSON, and plain text.
fn are_refusals(we: &Seen, they: &Seen) -> bool {
    let alike = we.status == they.status && (400..500).contains(&we.status);
    alike && they.kind == "text/plain" && we.kind == "application/json" && we.body["code"].is_number()
}

fn ask(address: SocketAddr, row: &Row) -> Seen {
    let mut client = Client::connect(address).unwrap();
    let answer = client.send(row.method, &row.target, &row.headers, row.body.as_bytes());
    let Ok(answer) = answer else {
        return Seen {
            status: 0,
            kind: String::new(),
            body: json!("the connection is closed without an answer"),
        };
    };
    let kind = answer.header("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().to_owned();
    let body = match serde_json::from_slice(&answer.body) {
        Ok(Value::Object(mut status)) if answer.status >= 400 && status.contains_key("code") => {
            // Envoy leaves out what is empty
            status.entry("details").or_insert(json!([]));
            status.entry("message").or_insert(json!(""));
            Value::Object(status)
        }
        Ok(value) => value,
        Err(_) => Value::String(answer.text()),
    };
    Seen { status: answer.status, kind, body }
}
