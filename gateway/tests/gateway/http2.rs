//! REST over HTTP/2.

use std::time::Duration;

use bytes::Bytes;
use gateway::Limits;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tonic::Status;

use crate::world::{Setup, World, start, start_with, within};

static LARGE: [u8; 5 << 20] = [b' '; 5 << 20];

type Sender = http2::SendRequest<Full<Bytes>>;

async fn connect(world: &World) -> Sender {
    let stream = world.open(&world.alpha, &["h2"]).await.unwrap().into_inner();
    let (sender, connection) =
        within(http2::handshake(TokioExecutor::new(), TokioIo::new(stream))).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn send(sender: &mut Sender, method: &str, path: &str, body: &'static [u8]) -> Response<Incoming> {
    let request = Request::builder().method(method).uri(format!("https://localhost{path}"));
    let request = request.header("content-type", "application/json").header("accept", "application/json");
    within(sender.send_request(request.body(Full::new(Bytes::from_static(body))).unwrap())).await.unwrap()
}

#[tokio::test]
async fn requests_share_a_connection() {
    let world = start().await;
    let mut sender = connect(&world).await;
    let path = "/jobs/v1/tool/alpha/jobs";
    let mut slow = sender.clone();
    let first =
        tokio::spawn(
            async move { send(&mut slow, "GET", "/jobs/v1/tool/alpha/jobs/slow", b"").await.status() },
        );
    within(world.fake.begun.notified()).await;
    assert_eq!(send(&mut sender, "POST", path, br#"{"name": "x"}"#).await.status(), 201);
    let refused = send(&mut sender, "POST", path, br#"{"nonsense": 1}"#).await;
    assert_eq!(refused.status(), 400);
    let body = refused.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&body).contains("nonsense: unknown field"));
    assert_eq!(send(&mut sender, "GET", "/jobs/v1/tool/beta/jobs", b"").await.status(), 403);
    let head = send(&mut sender, "HEAD", path, b"").await;
    assert_eq!((head.status().as_u16(), head.headers().contains_key("content-length")), (200, true));
    assert!(head.into_body().collect().await.unwrap().to_bytes().is_empty());
    world.fake.release.notify_one();
    assert_eq!(within(first).await.unwrap(), 200);
}

#[tokio::test]
async fn a_stream_that_fails_says_so_in_a_record_and_a_trailer() {
    let world = start().await;
    let feed = world.fake.feed();
    feed.send(Ok("first".to_owned())).await.unwrap();
    feed.send(Err(Status::data_loss("the rest is gone"))).await.unwrap();
    let mut sender = connect(&world).await;
    let reply = send(&mut sender, "GET", "/logs/v1/tool/alpha/job/x/logs_stream", b"").await;
    assert_eq!(reply.status(), 200);
    let collected = within(reply.into_body().collect()).await.unwrap();
    assert_eq!(collected.trailers().unwrap().get("grpc-status").unwrap(), "15");
    let records: Vec<serde_json::Value> = serde_json::from_slice(&collected.to_bytes()).unwrap();
    assert_eq!(records[1]["error"][0], "the rest is gone");
}

#[tokio::test]
async fn a_connection_without_new_calls_is_asked_to_close_and_its_streams_go_on() {
    let limits = Limits { connection_idle: Duration::from_millis(150), ..Limits::default() };
    let world = start_with(Setup { limits, ..Setup::default() }).await;
    let connect = async || {
        let stream = world.open(&world.alpha, &["h2"]).await.unwrap().into_inner();
        let opened = within(http2::handshake(TokioExecutor::new(), TokioIo::new(stream))).await;
        let (sender, connection): (Sender, _) = opened.unwrap();
        (sender, tokio::spawn(connection))
    };
    let (mut sender, used) = connect().await;
    let feed = world.fake.feed();
    let line = async |line: &str| feed.send(Ok(line.to_owned())).await.unwrap();
    line("first").await;
    let reply = send(&mut sender, "GET", "/logs/v1/tool/alpha/job/x/logs_stream", b"").await;
    let mut body = reply.into_body();
    let mut text = async || {
        let frame = within(body.frame()).await?.unwrap();
        Some(String::from_utf8_lossy(frame.data_ref().unwrap()).into_owned())
    };
    assert!(text().await.unwrap().contains("first"));
    // both ends live, and yet it ends; three times, so that the other one has had its time too
    for _ in 0..3 {
        let (_sender, unused) = connect().await;
        within(unused).await.unwrap().unwrap();
    }
    line("last").await;
    assert!(text().await.unwrap().contains("last"));
    assert!(!used.is_finished());
    drop(feed);
    while text().await.is_some() {}
    within(used).await.unwrap().unwrap();
}

/// A client that leaves so much room for each answer, and its connection.
async fn narrow(world: &World, window: u32) -> (h2::client::SendRequest<Bytes>, JoinHandle<()>) {
    let stream = world.open(&world.alpha, &["h2"]).await.unwrap().into_inner();
    let mut builder = h2::client::Builder::new();
    let (sender, connection) = within(builder.initial_window_size(window).handshake(stream)).await.unwrap();
    // it answers PINGs
    (sender, tokio::spawn(async move { drop(connection.await) }))
}

async fn get(sender: &mut h2::client::SendRequest<Bytes>, path: &str) -> h2::RecvStream {
    let request = Request::get(format!("https://localhost{path}")).body(()).unwrap();
    let (response, _) = sender.send_request(request, true).unwrap();
    within(response).await.unwrap().into_body()
}

const STALLED: Duration = Duration::from_millis(400);

#[tokio::test]
async fn a_client_that_takes_nothing_of_what_is_there_is_closed() {
    let limits = Limits { stalled: STALLED, ..Limits::default() };
    let world = start_with(Setup { limits, ..Setup::default() }).await;
    for window in [0, 1, 1000] {
        let (mut sender, connection) = narrow(&world, window).await;
        let answer = get(&mut sender, "/openapi.json").await;
        within(connection).await.unwrap();
        drop(answer);
    }
    // records of a stream, too
    let feed = world.fake.feed();
    feed.send(Ok("first".to_owned())).await.unwrap();
    let (mut sender, connection) = narrow(&world, 0).await;
    let _answer = get(&mut sender, "/logs/v1/tool/alpha/job/x/logs_stream").await;
    within(connection).await.unwrap();
    within(feed.closed()).await;
}

#[tokio::test]
async fn a_client_that_takes_a_little_now_and_then_is_served() {
    let limits = Limits { stalled: STALLED, ..Limits::default() };
    let world = start_with(Setup { limits, ..Setup::default() }).await;
    let (mut sender, connection) = narrow(&world, 16).await;
    let mut answer = get(&mut sender, "/openapi.json").await;
    let began = Instant::now();
    while began.elapsed() < 4 * STALLED {
        let data = within(answer.data()).await.unwrap().unwrap();
        sleep(STALLED / 4).await;
        answer.flow_control().release_capacity(data.len()).unwrap();
    }
    assert!(!connection.is_finished());
}

#[tokio::test]
async fn a_client_whose_connection_is_full_is_left_to_tcp() {
    let limits = Limits { stalled: STALLED, ..Limits::default() };
    let world = start_with(Setup { limits, ..Setup::default() }).await;
    let stream = world.open(&world.alpha, &["h2"]).await.unwrap().into_inner();
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(1 << 30).initial_connection_window_size(1 << 30);
    let (mut sender, mut connection) = within(builder.handshake(stream)).await.unwrap();
    let feed = world.fake.feed();
    let mut answer = tokio::select! {
        _ = &mut connection => panic!("it has ended"),
        answer = get(&mut sender, "/logs/v1/tool/alpha/job/x/logs_stream") => answer,
    };
    // nobody reads from the connection any more, whose windows have room
    let line = "x".repeat(64 << 10);
    let mut sent = 0;
    while let Ok(told) = tokio::time::timeout(STALLED, feed.send(Ok(line.clone()))).await {
        told.unwrap();
        sent += 1;
        assert!(sent < 1000, "{} MiB went somewhere", sent >> 4);
    }
    sleep(4 * STALLED).await;
    tokio::spawn(async move { drop(connection.await) });
    let mut read = 0;
    while read < sent * line.len() {
        read += within(answer.data()).await.unwrap().unwrap().len();
    }
    within(feed.send(Ok("last".to_owned()))).await.unwrap();
}

#[tokio::test]
async fn a_stream_that_has_nothing_to_say_is_not_cut() {
    let limits = Limits { stalled: STALLED, ..Limits::default() };
    let world = start_with(Setup { limits, ..Setup::default() }).await;
    for window in [0, 1000] {
        let feed = world.fake.feed();
        let (mut sender, connection) = narrow(&world, window).await;
        let mut answer = get(&mut sender, "/logs/v1/tool/alpha/job/x/logs_stream").await;
        sleep(4 * STALLED).await;
        assert!(!connection.is_finished(), "{window}");
        if window > 0 {
            feed.send(Ok("first".to_owned())).await.unwrap();
            let record = within(answer.data()).await.unwrap().unwrap();
            assert!(String::from_utf8_lossy(&record).contains("first"));
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let world = start().await;
    let mut sender = connect(&world).await;
    let reply = send(&mut sender, "POST", "/jobs/v1/tool/alpha/jobs", &LARGE).await;
    assert_eq!(reply.status(), 413);
    assert!(world.fake.seen().is_empty());
}
