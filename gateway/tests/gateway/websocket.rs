//! The WebSocket over TLS and over HTTP/2, who may open one, and how they end in a drain.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use gateway::{Deadlines, Limits, Mapping, Policies};
use http::{Method, Request};
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use mesh::drain::Grace;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc::Sender;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use tonic::Status;
use transcode::{HttpRule, SelectedHttpRule};

use crate::world::{Setup, World, start, start_with, within};

const LOGS: &str = "/logs/v1/tool/alpha/job/x/logs_stream";
const ASK: &str = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

async fn open(world: &World) -> WebSocketStream<TlsStream<TcpStream>> {
    open_at(world, LOGS).await
}

async fn open_at(world: &World, target: &str) -> WebSocketStream<TlsStream<TcpStream>> {
    let mut connection = world.connect().await;
    connection.ask("GET", target, ASK, b"").await;
    assert_eq!(connection.head().await.unwrap().line, "HTTP/1.1 101 Switching Protocols");
    // the first messages may have come with the head
    let (stream, ahead) = connection.into_parts();
    WebSocketStream::from_partially_read(stream, ahead, Role::Client, None).await
}

async fn hear(socket: &mut WebSocketStream<impl AsyncRead + AsyncWrite + Unpin>) -> Value {
    match within(socket.next()).await.unwrap().unwrap() {
        Message::Text(text) => serde_json::from_str(&text).unwrap(),
        other => panic!("{other:?}"),
    }
}

async fn code(socket: &mut WebSocketStream<impl AsyncRead + AsyncWrite + Unpin>) -> u16 {
    match within(socket.next()).await.unwrap().unwrap() {
        Message::Close(Some(close)) => close.code.into(),
        other => panic!("{other:?}"),
    }
}

/// A world in which the path of the logs has another stream, for POST, and a method without one, for PUT.
async fn with_several() -> World {
    let mut mapping = Mapping::default();
    for (method, selector) in [("POST", "Jobs.WatchJobs"), ("PUT", "Jobs.GetJob")] {
        mapping.options.http_rules.push(SelectedHttpRule {
            selector: format!("toolforge.jobs.v1.{selector}").parse().unwrap(),
            rule: HttpRule {
                method: method.to_owned(),
                path: "/logs/v1/tool/{tool}/job/{name}/logs_stream".to_owned(),
                ..HttpRule::default()
            },
        });
    }
    start_with(Setup { mapping, ..Setup::default() }).await
}

#[tokio::test]
async fn a_client_chooses_among_several_streams_of_a_path() {
    let world = with_several().await;
    for (offered, taken, called) in [
        ("", None, "StreamLogs"),
        ("Sec-WebSocket-Protocol: method.POST\r\n", Some("method.POST"), "WatchJobs"),
        ("Sec-WebSocket-Protocol: chat, method.GET, method.POST\r\n", Some("method.GET"), "StreamLogs"),
        (
            "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: method.POST\r\n",
            Some("method.POST"),
            "WatchJobs",
        ),
        ("Sec-WebSocket-Protocol: chat\r\n", None, "StreamLogs"),
    ] {
        let _feed = world.fake.feed();
        let mut connection = world.connect().await;
        connection.ask("GET", LOGS, &format!("{ASK}{offered}"), b"").await;
        let head = connection.head().await.unwrap();
        assert_eq!(head.line, "HTTP/1.1 101 Switching Protocols", "{offered}");
        assert_eq!(head.header("sec-websocket-protocol"), taken, "{offered}");
        let seen = within(async {
            loop {
                match &world.fake.seen()[..] {
                    [] => tokio::task::yield_now().await,
                    [one] => break one.method,
                    more => panic!("{more:?}"),
                }
            }
        });
        assert_eq!(seen.await, called, "{offered}");
    }
    for (offered, told) in [
        ("method.DELETE", "Sec-WebSocket-Protocol: expected one of method.GET, method.POST"),
        ("method.PUT", "this method has no stream"),
        ("method.", "Sec-WebSocket-Protocol: expected one of method.GET, method.POST"),
    ] {
        let headers = format!("{ASK}Sec-WebSocket-Protocol: {offered}\r\n");
        let reply = world.connect().await.request("GET", LOGS, &headers, b"").await;
        assert_eq!(reply.status(), 400, "{offered}");
        assert!(reply.text().contains(told), "{offered}: {}", reply.text());
    }
}

#[tokio::test]
async fn each_record_comes_when_it_is_produced() {
    let world = start().await;
    let feed = world.fake.feed();
    let mut socket = open(&world).await;
    for line in ["a", "b"] {
        feed.send(Ok(line.to_owned())).await.unwrap();
        assert_eq!(hear(&mut socket).await["message"], line);
    }
    drop(feed);
    assert_eq!(code(&mut socket).await, 1000);
    assert!(within(socket.next()).await.is_none(), "the connection is closed");
}

#[tokio::test]
async fn bytes_are_binary_messages() {
    let world = start().await;
    let mut socket = open_at(&world, "/jobs/v1/tool/alpha/jobs/x/logs").await;
    for line in ["one\n", "two\n"] {
        assert_eq!(within(socket.next()).await.unwrap().unwrap(), Message::binary(line));
    }
    assert_eq!(code(&mut socket).await, 1000);
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_stream_of_the_backend() {
    let world = start().await;
    for closes in [true, false] {
        let feed = world.fake.feed();
        let mut socket = open(&world).await;
        feed.send(Ok("a".to_owned())).await.unwrap();
        hear(&mut socket).await;
        if closes {
            socket.close(None).await.unwrap();
        } else {
            drop(socket);
        }
        within(feed.closed()).await;
    }
}

#[tokio::test]
async fn the_same_rule_holds_as_for_requests() {
    let world = start().await;
    let reply = world.connect().await.request("GET", "/logs/v1/tool/beta/job/x/logs_stream", ASK, b"").await;
    assert_eq!(reply.status(), 403);
    assert!(world.fake.seen().is_empty());
}

#[tokio::test]
async fn a_drain_ends_it_with_a_last_word() {
    let grace =
        Grace { announce: Duration::ZERO, streams: Duration::from_millis(50), total: Duration::from_mins(1) };
    let limits = Limits { grace, ..Limits::default() };
    let mut world = start_with(Setup { limits, ..Setup::default() }).await;
    let feed = world.fake.feed();
    let mut socket = open(&world).await;
    feed.send(Ok("a".to_owned())).await.unwrap();
    hear(&mut socket).await;
    world.drain.begin();
    let last = hear(&mut socket).await;
    assert_eq!((&last["code"], &last["status"]), (&14.into(), &"UNAVAILABLE".into()));
    assert_eq!(code(&mut socket).await, 4014);
    drop(socket);
    within(&mut world.serving).await.unwrap();
}

#[tokio::test]
async fn it_is_a_stream_of_http2_too() {
    let world = start().await;
    let feed = world.fake.feed();
    let stream = world.open(&world.alpha, &["h2"]).await.unwrap().into_inner();
    let (mut sender, connection) =
        within(http2::handshake(TokioExecutor::new(), TokioIo::new(stream))).await.unwrap();
    tokio::spawn(connection);
    // after an answer the server's settings are known, which allow such requests
    let first = Request::get("https://localhost/openapi.json").body(Empty::<Bytes>::new()).unwrap();
    assert_eq!(within(sender.send_request(first)).await.unwrap().status(), 200);
    let request = Request::builder().method(Method::CONNECT).uri(format!("https://localhost{LOGS}"));
    let request = request.header("sec-websocket-version", "13").extension(Protocol::from_static("websocket"));
    let response = within(sender.send_request(request.body(Empty::new()).unwrap())).await.unwrap();
    assert_eq!(response.status(), 200);
    let io = TokioIo::new(within(hyper::upgrade::on(response)).await.unwrap());
    let mut socket = WebSocketStream::from_raw_socket(io, Role::Client, None).await;
    feed.send(Ok("a".to_owned())).await.unwrap();
    assert_eq!(hear(&mut socket).await["message"], "a");
    socket.send(Message::Ping(Bytes::from_static(b"p"))).await.unwrap();
    assert_eq!(within(socket.next()).await.unwrap().unwrap(), Message::Pong(Bytes::from_static(b"p")));
    drop(feed);
    assert_eq!(code(&mut socket).await, 1000);
}

/// Says so much that a client which does not read takes no more.
async fn flood(feed: &Sender<Result<String, Status>>) {
    let line = "x".repeat(64 << 10);
    let mut sent = 0;
    while let Ok(Ok(())) = timeout(Duration::from_millis(500), feed.send(Ok(line.clone()))).await {
        sent += 1;
        assert!(sent < 1000, "{} MiB went somewhere", sent >> 4);
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_does_not_hold_a_drain() {
    let grace =
        Grace { announce: Duration::ZERO, streams: Duration::from_millis(50), total: Duration::from_mins(1) };
    let limits = Limits { grace, ..Limits::default() };
    let mut world = start_with(Setup { limits, ..Setup::default() }).await;
    let feed = world.fake.feed();
    let _socket = open(&world).await;
    flood(&feed).await;
    world.drain.begin();
    within(feed.closed()).await;
    within(&mut world.serving).await.unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_read_is_gone_after_the_deadline() {
    let policies =
        Policies { deadlines: Deadlines { asked: true, ..Deadlines::default() }, ..Policies::default() };
    let limits = Limits { connections: 1, ..Limits::default() };
    let world = start_with(Setup { limits, policies, ..Setup::default() }).await;
    let feed = world.fake.feed();
    let mut connection = world.connect().await;
    connection.ask("GET", LOGS, &format!("{ASK}X-Request-Timeout: 1.5\r\n"), b"").await;
    connection.head().await.unwrap();
    flood(&feed).await;
    within(feed.closed()).await;
    // its place is free
    within(world.connect()).await;
}

#[tokio::test]
async fn a_client_of_http2_that_takes_nothing_is_gone() {
    let limits = Limits { stalled: Duration::from_millis(300), ..Limits::default() };
    let world = start_with(Setup { limits, ..Setup::default() }).await;
    let stream = world.open(&world.alpha, &["h2"]).await.unwrap().into_inner();
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(0);
    let (mut sender, connection) = within(builder.handshake(TokioIo::new(stream))).await.unwrap();
    tokio::spawn(connection);
    let first = Request::head("https://localhost/openapi.json").body(Empty::<Bytes>::new()).unwrap();
    assert_eq!(within(sender.send_request(first)).await.unwrap().status(), 200);
    let request = Request::builder().method(Method::CONNECT).uri(format!("https://localhost{LOGS}"));
    let request = request.header("sec-websocket-version", "13").extension(Protocol::from_static("websocket"));
    let feed = world.fake.feed();
    let response = within(sender.send_request(request.body(Empty::new()).unwrap())).await.unwrap();
    let _io = within(hyper::upgrade::on(response)).await.unwrap();
    // one that has nothing to take stays
    tokio::time::sleep(Duration::from_secs(1)).await;
    feed.send(Ok("x".repeat(1 << 20))).await.unwrap();
    within(feed.closed()).await;
}
