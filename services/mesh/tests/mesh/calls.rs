//! Calls that fail: panics, servers that are away, and repetitions.

use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use mesh::client::{Channel, Endpoint};
use mesh::drain::Grace;
use mesh::memory;
use mesh::serve::Limits;
use tokio::time::{Instant, sleep};
use tonic::Code;

use crate::echo::{Echo, EchoClient, streams};
use crate::world::{self, principal};

const PUBLIC: &str = "/test.v1.Echo/Public";

#[tokio::test]
async fn a_panic_is_internal_and_the_server_lives() {
    let world = world::start().await;
    let mut client = world.client("anonymous");
    let status = client.say(PUBLIC, "", "panic").await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert!(!status.message().contains("a handler that panics"));
    let mut replies = client.stream(streams("panic")).await.unwrap();
    assert_eq!(replies.message().await.unwrap().unwrap().text, "before");
    assert_eq!(replies.message().await.unwrap_err().code(), Code::Internal);
    assert_eq!(client.say(PUBLIC, "", "alive").await.unwrap().into_inner().text, "alive");
}

#[tokio::test(start_paused = true)]
async fn a_safe_call_is_repeated_and_another_is_not() {
    let world = world::start().await;
    let said = world.client("anonymous").say(PUBLIC, "", "unavailable twice").await.unwrap();
    assert_eq!(said.into_inner().text, "unavailable twice");
    assert_eq!(world.echo.calls.load(SeqCst), 3);
    let status = world.client("anonymous").say("/test.v1.Echo/Change", "", "unavailable").await.unwrap_err();
    assert_eq!((status.code(), world.echo.calls.load(SeqCst)), (Code::Unavailable, 4));
}

#[tokio::test(start_paused = true)]
async fn repetitions_do_not_become_the_load() {
    let world = world::start().await;
    let mut client = world.client("anonymous");
    for _ in 0..100 {
        assert_eq!(client.say(PUBLIC, "", "unavailable").await.unwrap_err().code(), Code::Unavailable);
    }
    let calls = world.echo.calls.load(SeqCst);
    assert!(calls <= 105, "100 calls became {calls}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_away_is_unavailable_within_the_wait_and_found_when_it_is_back() {
    let (listener, connector) = memory::pair(principal("anonymous"));
    drop(listener);
    let start = Instant::now();
    let mut client = EchoClient::new(Channel::new(Endpoint::memory(connector)));
    let status = client.say(PUBLIC, "", "x").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("memory"), "{}", status.message());
    assert_eq!(start.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_accepts_and_says_nothing_is_not_used() {
    let world = world::start().await;
    let (mut silent, connector) = tokio_pair();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Some(io) = silent.recv().await {
            held.push(io);
        }
    });
    let channel = Channel::builder(Endpoint::h2c(&connector).unwrap())
        .endpoint(Endpoint::memory(world.connector.identified_as(principal("anonymous"))))
        .build();
    let mut client = EchoClient::new(channel);
    for call in 0..50 {
        assert!(client.say(PUBLIC, "", "x").await.is_ok(), "call {call}");
    }
}

/// A TCP port that accepts and says nothing.
fn tokio_pair() -> (tokio::sync::mpsc::UnboundedReceiver<tokio::net::TcpStream>, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let (send, receive) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = send.send(stream);
        }
    });
    (receive, address)
}

#[tokio::test]
async fn more_streams_than_a_connection_allows_open_another() {
    let limits = Limits { streams: 10, ..Limits::default() };
    let world = world::start_with(Echo::default(), limits, Grace::default()).await;
    let mut client = world.over_tcp();
    let mut open = Vec::new();
    for _ in 0..35 {
        let mut replies = client.stream(streams("ticks")).await.unwrap();
        assert!(replies.message().await.unwrap().is_some());
        open.push(replies);
    }
    assert_eq!(world.echo.streams.load(SeqCst), 35);
}

#[tokio::test]
async fn load_is_spread_over_endpoints() {
    let (one, two) = (world::start().await, world::start().await);
    let anonymous = || principal("anonymous");
    let channel = Channel::builder(Endpoint::memory(one.connector.identified_as(anonymous())))
        .endpoint(Endpoint::memory(two.connector.identified_as(anonymous())))
        .build();
    let mut client = EchoClient::new(channel);
    let mut open = Vec::new();
    for _ in 0..40 {
        open.push(client.stream(streams("ticks")).await.unwrap());
    }
    let (first, second) = (one.echo.streams.load(SeqCst), two.echo.streams.load(SeqCst));
    assert!(first.abs_diff(second) <= 8, "{first} and {second}");
}

#[tokio::test(start_paused = true)]
async fn what_a_waiting_call_needs_is_asked_anew() {
    let world = world::start().await;
    let channel = world.channel("anonymous").gated();
    let needs = Arc::new(AtomicU8::new(0b01));
    let asked = Arc::clone(&needs);
    let mut client = EchoClient::new(channel.needing(move || asked.load(SeqCst)));
    let change = async {
        sleep(Duration::from_millis(100)).await;
        // another version than the one that the call was made for, which it may go to as well
        needs.store(0b10, SeqCst);
        assert!(channel.mark(0, 0, 0b10));
    };
    let start = Instant::now();
    let (said, ()) = tokio::join!(client.say(PUBLIC, "", "x"), change);
    assert_eq!(said.unwrap().into_inner().text, "x");
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}
