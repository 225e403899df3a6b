//! Deadlines under paused time: of handlers, of bodies, and of what a call calls.

use std::time::Duration;

use mesh::drain::Grace;
use mesh::serve::Limits;
use tokio::time::Instant;
use tonic::{Code, Request};

use crate::echo::{Echo, Say, streams};
use crate::world;

const PUBLIC: &str = "/test.v1.Echo/Public";

fn say(mode: &str, timeout: Option<u64>) -> Request<Say> {
    let mut request = streams(mode);
    if let Some(millis) = timeout {
        request.set_timeout(Duration::from_millis(millis));
    }
    request
}

#[tokio::test(start_paused = true)]
async fn a_unary_call_has_a_default_and_a_cap() {
    let world = world::start().await;
    for (timeout, expected) in [(None, 15), (Some(2_000), 2), (Some(3_600_000), 60)] {
        let start = Instant::now();
        let status = world.client("anonymous").send(PUBLIC, say("hang", timeout)).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert_eq!(start.elapsed().as_secs(), expected, "{timeout:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_at_its_deadline_with_what_it_had() {
    let world = world::start().await;
    let mut replies = world.client("anonymous").stream(say("ticks", Some(1_050))).await.unwrap();
    let mut count = 0;
    let status = loop {
        match replies.message().await {
            Ok(Some(_)) => count += 1,
            Ok(None) => panic!("an endless stream ended without a status"),
            Err(status) => break status,
        }
    };
    assert_eq!((count, status.code()), (10, Code::DeadlineExceeded));
}

#[tokio::test(start_paused = true)]
async fn the_server_ends_a_stream_whatever_its_client_does() {
    let world = world::start().await;
    let (mut sender, connection) = crate::connections::raw(&world, "anonymous").await;
    tokio::spawn(connection);
    let response = sender.send_request(crate::connections::request("ticks", Some("1S"))).await.unwrap();
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap();
    assert_eq!(body.trailers().unwrap()["grpc-status"], "4");
    while world.echo.streams.load(std::sync::atomic::Ordering::SeqCst) > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_passes_its_deadline_on() {
    let last = world::start().await;
    let echo = Echo { next: Some(last.channel("anonymous")), ..Echo::default() };
    let first = world::start_with(echo, Limits::default(), Grace::default()).await;
    let said = first.client("anonymous").send(PUBLIC, say("chain", Some(10_000))).await.unwrap();
    assert_eq!(said.into_inner().text, "Some(9500)");
    let said = first.client("anonymous").send(PUBLIC, say("chain", None)).await.unwrap();
    assert_eq!(said.into_inner().text, "Some(14250)", "the default is a deadline too");
}

#[tokio::test(start_paused = true)]
async fn a_broken_timeout_is_refused() {
    let world = world::start().await;
    let (mut sender, connection) = crate::connections::raw(&world, "anonymous").await;
    tokio::spawn(connection);
    let response = sender.send_request(crate::connections::request("hello", Some("soon"))).await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "3");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_reads_ends_soon_after_its_deadline() {
    let world = world::start().await;
    let (mut sender, connection) = crate::connections::raw(&world, "anonymous").await;
    tokio::spawn(connection);
    let start = Instant::now();
    let response = sender.send_request(crate::connections::request("flood", Some("5S"))).await.unwrap();
    ended(&world).await;
    assert_eq!(start.elapsed().as_secs(), 6);
    drop(response);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_reads_does_not_hold_a_drain() {
    let world = world::start().await;
    let (mut sender, connection) = crate::connections::raw(&world, "anonymous").await;
    tokio::spawn(connection);
    let response = sender.send_request(crate::connections::request("flood", None)).await.unwrap();
    let start = Instant::now();
    world.drain.begin();
    ended(&world).await;
    assert!(start.elapsed() <= Duration::from_secs(3), "{:?}", start.elapsed());
    drop(response);
}

/// Until no stream is alive in the handler.
async fn ended(world: &world::World) {
    while world.echo.streams.load(std::sync::atomic::Ordering::SeqCst) > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
