//! Records come back as they were stored, and stale tokens are refused.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex};

use config_core::{Certificate, Change, Clock, Removal, Repository as _, Stale, Tool};
use futures_util::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use store::memory::Memory;

use super::Records;

#[derive(Debug, Default)]
struct Hand(Mutex<Timestamp>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

fn records() -> (Records, Arc<Hand>) {
    let clock = Arc::new(Hand::default());
    (Records::new(Arc::new(Memory::default()), clock.clone()), clock)
}

fn tool(name: &str) -> Tool {
    Tool {
        name: name.parse().unwrap(),
        uid: "u1".into(),
        unix_id: 50_001,
        created: "2026-11-23T01:02:03.5Z".parse().unwrap(),
        certificate: Some(Certificate { serial: "0a".into(), expires: Timestamp::UNIX_EPOCH }),
        removing: Some(Removal { delete_home: true }),
    }
}

#[tokio::test]
async fn a_tool_comes_back_as_it_was() {
    let (records, _) = records();
    let token = records.put(&tool("alpha"), None, None).await.unwrap();
    let saved = records.get(&tool("alpha").name).await.unwrap().unwrap();
    assert_eq!((saved.value, saved.token), (tool("alpha"), token));
}

#[tokio::test]
async fn a_stale_token_changes_nothing() {
    let (records, _) = records();
    let first = records.put(&tool("alpha"), None, None).await.unwrap();
    assert!(matches!(records.put(&tool("alpha"), None, None).await, Err(Stale::Changed)));
    let second = records.put(&tool("alpha"), Some(first), None).await.unwrap();
    assert!(matches!(records.put(&tool("alpha"), Some(first), None).await, Err(Stale::Changed)));
    assert!(matches!(records.delete(&tool("alpha").name, first).await, Err(Stale::Changed)));
    records.delete(&tool("alpha").name, second).await.unwrap();
    assert!(records.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_request_is_remembered_for_a_day() {
    let (records, clock) = records();
    records.put(&tool("alpha"), None, Some("r1")).await.unwrap();
    let name = tool("alpha").name;
    assert_eq!(records.recall(&name, "r1").await.unwrap().unwrap().uid, "u1");
    assert!(records.recall(&name, "r2").await.unwrap().is_none());
    *clock.0.lock().unwrap() += SignedDuration::from_hours(25);
    assert!(records.recall(&name, "r1").await.unwrap().is_none());
}

#[tokio::test]
async fn ids_begin_at_50001_and_rise() {
    let (records, _) = records();
    assert_eq!(records.next_unix_id().await.unwrap(), Some(50_001));
    assert_eq!(records.next_unix_id().await.unwrap(), Some(50_002));
}

#[tokio::test]
async fn a_watch_tells_what_is_there_and_what_changes() {
    let (records, _) = records();
    let token = records.put(&tool("alpha"), None, None).await.unwrap();
    let mut watch = records.watch().await.unwrap();
    assert_eq!(watch.next().await.unwrap().unwrap(), Change::Put(tool("alpha")));
    assert_eq!(watch.next().await.unwrap().unwrap(), Change::Synced);
    records.delete(&tool("alpha").name, token).await.unwrap();
    assert_eq!(watch.next().await.unwrap().unwrap(), Change::Deleted(tool("alpha").name));
}
