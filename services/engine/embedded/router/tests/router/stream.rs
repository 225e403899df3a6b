//! Bodies and tunnels: nothing is held back, nothing is gathered.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Frame, Incoming};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::stage::{BOUND, Body, Instance, Stage, empty, get, named, read, text};

const BIG: usize = 50 << 20;

struct Frames(mpsc::Receiver<Frame<Bytes>>);

impl hyper::body::Body for Frames {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.0.poll_recv(context).map(|frame| frame.map(Ok))
    }
}

/// A body of what is sent, ending with the sender.
pub(crate) fn streamed(frames: mpsc::Receiver<Frame<Bytes>>) -> Body {
    Frames(frames).boxed()
}

/// As many bytes as that in frames of 64 KiB, made when they are wanted.
fn big(length: usize) -> Body {
    let (send, frames) = mpsc::channel(1);
    tokio::spawn(async move {
        let chunk = Bytes::from(vec![b'x'; 64 << 10]);
        for _ in 0..length / chunk.len() {
            if send.send(Frame::data(chunk.clone())).await.is_err() {
                return;
            }
        }
    });
    streamed(frames)
}

async fn count(mut body: Incoming) -> usize {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        length += frame.unwrap().data_ref().map_or(0, Bytes::len);
    }
    length
}

#[tokio::test]
async fn events_pass_when_they_are_sent() {
    let stage = Stage::new().await;
    let (send, frames) = mpsc::channel(1);
    let once = Arc::new(std::sync::Mutex::new(Some(frames)));
    let instance = Instance::new(move |_| {
        let frames = once.lock().unwrap().take().unwrap();
        async move {
            Response::builder().header("content-type", "text/event-stream").body(streamed(frames)).unwrap()
        }
    })
    .await;
    let backend = stage.serve(&instance);
    let mut client = stage.client().await;
    let response = client.send_request(get("/events")).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    for n in 0..5 {
        // the next one is sent only after this one was seen: a router that gathers would stop here
        send.send(Frame::data(Bytes::from(format!("data: {n}\n\n")))).await.unwrap();
        let frame = tokio::time::timeout(BOUND, body.frame()).await.unwrap().unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), format!("data: {n}\n\n"));
    }
    assert_eq!(backend.in_flight(), 1);
    // the client leaves: the instance learns of it
    drop((body, client));
    tokio::time::timeout(BOUND, send.closed()).await.expect("the instance sees the end");
    assert!(backend.drained(BOUND).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_megabytes_pass_both_ways_without_being_held() {
    let stage = Stage::new().await;
    let instance = Instance::new(|request: Request<Incoming>| async {
        if request.uri().path() == "/down" {
            return Response::new(big(BIG));
        }
        Response::new(text(&count(request.into_body()).await.to_string()))
    })
    .await;
    stage.serve(&instance);
    let mut client = stage.client().await;
    let up = Request::put("/up").header("host", "alpha.localhost").body(big(BIG)).unwrap();
    assert_eq!(read(client.send_request(up).await.unwrap()).await, BIG.to_string());
    client.ready().await.unwrap();
    let down = client.send_request(get("/down")).await.unwrap();
    assert_eq!(count(down.into_body()).await, BIG);
}

#[tokio::test]
async fn a_client_that_does_not_read_stops_the_instance_and_nobody_else() {
    let stage = Stage::new().await;
    let sent = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let instance = Instance::new(move |request: Request<Incoming>| {
        let sent = Arc::clone(&counted);
        async move {
            if request.uri().path() == "/quick" {
                return Response::new(text("quick"));
            }
            let (send, frames) = mpsc::channel(1);
            tokio::spawn(async move {
                while send.send(Frame::data(Bytes::from(vec![0; 64 << 10]))).await.is_ok() {
                    sent.fetch_add(64 << 10, std::sync::atomic::Ordering::Relaxed);
                }
            });
            Response::new(streamed(frames))
        }
    })
    .await;
    stage.serve(&instance);
    let mut slow = stage.client().await;
    let held = slow.send_request(get("/endless")).await.unwrap();
    // until the buffers between are full, and then no more
    let mut before = usize::MAX;
    while before != sent.load(std::sync::atomic::Ordering::Relaxed) {
        before = sent.load(std::sync::atomic::Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(before < 32 << 20, "{before} bytes were taken from the instance for a client that reads nothing");
    let mut quick = stage.client().await;
    assert_eq!(read(quick.send_request(get("/quick")).await.unwrap()).await, "quick");
    drop(held);
}

/// Changes to a protocol that sends back what it gets, in capitals.
async fn echo() -> Instance {
    Instance::new(|mut request: Request<Incoming>| async move {
        if request.headers().get("upgrade").is_none_or(|protocol| protocol != "websocket") {
            return Response::builder().status(StatusCode::UPGRADE_REQUIRED).body(empty()).unwrap();
        }
        assert_eq!(request.headers()["connection"], "upgrade");
        assert_eq!(request.headers()["sec-websocket-key"], "dGhlIHNhbXBsZSBub25jZQ==");
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let mut io = TokioIo::new(upgrade.await.unwrap());
            let mut buffer = [0; 1024];
            while let Ok(length @ 1..) = io.read(&mut buffer).await {
                buffer[..length].make_ascii_uppercase();
                io.write_all(&buffer[..length]).await.unwrap();
            }
        });
        Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
            .body(empty())
            .unwrap()
    })
    .await
}

const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nhost: alpha.localhost\r\nconnection: keep-alive, Upgrade\r\n\
     upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tokio::time::timeout(BOUND, stream.read_u8()).await.unwrap().unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn a_web_socket_passes_and_counts_as_in_flight() {
    let stage = Stage::new().await;
    let instance = echo().await;
    let backend = stage.serve(&instance);
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    stream.write_all(HANDSHAKE.as_bytes()).await.unwrap();
    let answer = head(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert!(answer.contains("\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
    assert!(answer.contains("\r\nupgrade: websocket\r\n"), "{answer}");
    for message in ["hello", "again"] {
        stream.write_all(message.as_bytes()).await.unwrap();
        let mut buffer = [0; 5];
        stream.read_exact(&mut buffer).await.unwrap();
        assert_eq!(buffer, message.to_ascii_uppercase().as_bytes());
    }
    assert_eq!(backend.in_flight(), 1);
    drop(stream);
    assert!(backend.drained(BOUND).await);
}

#[tokio::test]
async fn the_end_of_the_router_cuts_a_web_socket() {
    let stage = Stage::new().await;
    let instance = echo().await;
    stage.serve(&instance);
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    stream.write_all(HANDSHAKE.as_bytes()).await.unwrap();
    head(&mut stream).await;
    let ended = stage.end();
    let mut rest = Vec::new();
    tokio::time::timeout(BOUND, stream.read_to_end(&mut rest)).await.unwrap().unwrap();
    tokio::time::timeout(BOUND, ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn http2_inside_http1_is_not_let_through() {
    let stage = Stage::new().await;
    let instance = echo().await;
    stage.serve(&instance);
    let answer = stage
        .raw(
            b"GET / HTTP/1.1\r\nhost: alpha.localhost\r\nconnection: upgrade, http2-settings, close\r\n\
              upgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
        )
        .await;
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let stage = Stage::new().await;
    let instance = Instance::new(|request: Request<Incoming>| async {
        assert_eq!(request.headers()["te"], "trailers");
        let trailers = request.into_body().collect().await.unwrap().trailers().cloned().unwrap();
        let (send, frames) = mpsc::channel(2);
        send.send(Frame::data(Bytes::from_static(b"body"))).await.unwrap();
        let mut back = HeaderMap::new();
        back.insert("x-sum", trailers["x-sum"].clone());
        send.send(Frame::trailers(back)).await.unwrap();
        Response::builder().header("trailer", "x-sum").body(streamed(frames)).unwrap()
    })
    .await;
    stage.serve(&instance);
    let (send, frames) = mpsc::channel(2);
    send.send(Frame::data(Bytes::from_static(b"data"))).await.unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("42"));
    send.send(Frame::trailers(trailers)).await.unwrap();
    drop(send);
    let request = Request::post("/")
        .header("host", "alpha.localhost")
        .header("te", "trailers")
        .header("trailer", "x-sum")
        .body(streamed(frames))
        .unwrap();
    let response = stage.client().await.send_request(request).await.unwrap();
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["x-sum"], "42");
    assert_eq!(collected.to_bytes(), "body");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_seen_to_break_off() {
    let stage = Stage::new().await;
    let instance = Instance::connections(|mut stream| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
    })
    .await;
    let backend = stage.serve(&instance);
    let response = stage.client().await.send_request(get("/")).await.unwrap();
    assert_eq!(response.body().size_hint().exact(), Some(100));
    assert!(response.into_body().collect().await.is_err());
    assert!(backend.drained(BOUND).await);
}

#[tokio::test]
async fn an_early_answer_to_a_long_request_arrives() {
    let stage = Stage::new().await;
    let instance = Instance::new(|_| async {
        Response::builder().status(StatusCode::PAYLOAD_TOO_LARGE).body(text("enough")).unwrap()
    })
    .await;
    stage.serve(&instance);
    let (send, frames) = mpsc::channel(1);
    send.send(Frame::data(Bytes::from_static(b"the beginning"))).await.unwrap();
    let request = Request::post("/").header("host", "alpha.localhost").body(streamed(frames)).unwrap();
    let response = stage.client().await.send_request(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(read(response).await, "enough");
    let other = named("other").await;
    stage.serve(&other);
    assert_eq!(read(stage.client().await.send_request(get("/")).await.unwrap()).await, "other");
    drop(send);
}
