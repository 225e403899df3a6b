//! Drain: unary calls finish, streams are told to resume elsewhere, and nothing holds the server for ever.

use std::time::Duration;

use mesh::serve::Drained;
use tokio::time::Instant;
use tonic::Code;

use crate::echo::streams;
use crate::world;

#[tokio::test(start_paused = true)]
async fn streams_end_and_the_server_returns() {
    let world = world::start().await;
    for mode in ["ticks", "silent"] {
        let world = world::start().await;
        let mut replies = world.client("anonymous").stream(streams(mode)).await.unwrap();
        let start = Instant::now();
        world.drain.begin();
        let status = loop {
            match replies.message().await {
                Ok(message) => assert!(message.is_some(), "the stream ended without a status"),
                Err(status) => break status,
            }
        };
        assert_eq!(status.code(), Code::Unavailable);
        assert!(status.message().contains("resume elsewhere"));
        assert_eq!(world.serving.await.unwrap(), Drained::Clean);
        assert!(start.elapsed() < Duration::from_secs(2));
    }
    world.drain.begin();
    assert_eq!(world.serving.await.unwrap(), Drained::Clean, "a server without calls ends at once");
}

#[tokio::test(start_paused = true)]
async fn a_unary_call_under_way_is_finished() {
    let world = world::start().await;
    let mut client = world.client("anonymous");
    let call = tokio::spawn(async move {
        let mut request = streams("hang");
        request.set_timeout(Duration::from_secs(5));
        client.send("/test.v1.Echo/Public", request).await
    });
    while world.echo.calls.load(std::sync::atomic::Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    world.drain.begin();
    assert_eq!(call.await.unwrap().unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(world.serving.await.unwrap(), Drained::Clean);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_end_is_cut_at_the_drain_deadline() {
    let world = world::start().await;
    let mut client = world.client("anonymous");
    let call = tokio::spawn(async move {
        let mut request = streams("hang");
        request.set_timeout(Duration::from_secs(50));
        client.send("/test.v1.Echo/Public", request).await
    });
    while world.echo.calls.load(std::sync::atomic::Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let start = Instant::now();
    world.drain.begin();
    assert_eq!(world.serving.await.unwrap(), Drained::Cut(1));
    assert_eq!(start.elapsed().as_secs(), 30);
    assert_eq!(call.await.unwrap().unwrap_err().code(), Code::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_stops_at_once() {
    let world = world::start().await;
    let mut client = world.client("anonymous");
    tokio::spawn(async move { client.send("/test.v1.Echo/Public", streams("hang")).await });
    while world.echo.calls.load(std::sync::atomic::Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let start = Instant::now();
    world.drain.begin();
    world.drain.stop();
    assert_eq!(world.serving.await.unwrap(), Drained::Cut(1));
    assert!(start.elapsed() < Duration::from_millis(100));
}
