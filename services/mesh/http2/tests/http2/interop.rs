//! Calls to a server on another implementation of HTTP/2.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response};
use mesh_http2::{Error, Sender};
use tokio::io::DuplexStream;
use tokio::task::JoinSet;

use crate::world::{Answer, answer, call, open, settings, soon};

/// A server that answers by path: `/echo` with the body and the headers of a request, `/large/N` with so many bytes, others
/// in the way that they are called.
async fn serve(io: DuplexStream, builder: Builder, most: Arc<AtomicUsize>) {
    let mut connection: Connection<_, Bytes> = builder.handshake(io).await.unwrap();
    let open = Arc::new(AtomicUsize::new(0));
    while let Some(Ok((request, respond))) = connection.accept().await {
        let (open, most) = (Arc::clone(&open), Arc::clone(&most));
        let now = open.fetch_add(1, Ordering::SeqCst) + 1;
        most.fetch_max(now, Ordering::SeqCst);
        if request.uri().path() == "/leave" {
            connection.graceful_shutdown();
        }
        tokio::spawn(async move {
            handle(request, respond).await;
            open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

async fn handle(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let (head, mut body) = request.into_parts();
    match head.uri.path() {
        "/refuse" => return respond.send_reset(Reason::REFUSED_STREAM),
        "/early" => {
            let head = Response::builder().status(503).body(()).unwrap();
            // the request is reset behind it
            respond.send_response(head, true).unwrap();
            return;
        }
        "/break" => {
            let mut send = respond.send_response(Response::new(()), false).unwrap();
            send.send_data(Bytes::from_static(b"some"), false).unwrap();
            return send.send_reset(Reason::INTERNAL_ERROR);
        }
        _ => {}
    }
    let mut response = Response::new(());
    *response.headers_mut() = head.headers;
    let mut send = respond.send_response(response, false).unwrap();
    if let Some(count) = head.uri.path().strip_prefix("/large/") {
        write(&mut send, vec![7; count.parse().unwrap()].into()).await;
    }
    while let Some(piece) = body.data().await {
        let piece = piece.unwrap();
        body.flow_control().release_capacity(piece.len()).unwrap();
        write(&mut send, piece).await;
    }
    let trailers =
        HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
    let _ = send.send_trailers(trailers);
}

async fn write(send: &mut SendStream<Bytes>, mut bytes: Bytes) {
    while !bytes.is_empty() {
        send.reserve_capacity(bytes.len());
        let Some(Ok(room)) = poll_fn(|cx| send.poll_capacity(cx)).await else { return };
        send.send_data(bytes.split_to(room.min(bytes.len())), false).unwrap();
    }
}

async fn client(builder: Builder) -> (Sender, Arc<AtomicUsize>) {
    let (sender, io, _) = open(settings());
    let most = Arc::new(AtomicUsize::new(0));
    tokio::spawn(serve(io, builder, Arc::clone(&most)));
    soon(sender.settled()).await.unwrap();
    (sender, most)
}

fn headers(value: &str) -> HeaderMap {
    let pairs = [("te", "trailers"), ("x-value", value), ("grpc-timeout", value)];
    pairs
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .into_iter()
        .collect()
}

fn assert_echo(answer: &Answer, headers: &HeaderMap, body: &[u8]) {
    assert_eq!((answer.status.as_u16(), &answer.headers), (200, headers));
    assert!(answer.body == body, "{} bytes, not {}", answer.body.len(), body.len());
    assert_eq!(answer.trailers.as_ref().unwrap()["grpc-status"], "0");
}

#[tokio::test]
async fn calls_of_every_size_come_back_whole() {
    let (sender, _) = client(Builder::new()).await;
    for round in 0..3 {
        for size in [0, 1, 100, 4095, 4096, 16_383, 16_384, 16_385, 65_535, 65_536, 300_000] {
            let body: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let headers = headers(&format!("{round} {size}"));
            let stream = call(&sender, "/echo", &headers, body.clone().into(), true).unwrap();
            assert_echo(&soon(answer(stream)).await.unwrap(), &headers, &body);
        }
    }
}

#[tokio::test]
async fn many_calls_at_once_stay_within_what_the_server_allows() {
    let mut builder = Builder::new();
    builder.max_concurrent_streams(3).initial_window_size(1000).initial_connection_window_size(70_000);
    let (sender, most) = client(builder).await;
    assert_eq!(sender.streams(), 3);
    let mut calls = JoinSet::new();
    for index in 0..60_usize {
        let body = vec![u8::try_from(index).unwrap(); index * 500];
        let headers = headers(&index.to_string());
        let stream = call(&sender, "/echo", &headers, body.clone().into(), true).unwrap();
        calls.spawn(async move { assert_echo(&answer(stream).await.unwrap(), &headers, &body) });
    }
    while let Some(done) = soon(calls.join_next()).await {
        done.unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_request_that_is_sent_bit_by_bit_runs_beside_its_answer() {
    let (sender, _) = client(Builder::new()).await;
    let stream = call(&sender, "/echo", &HeaderMap::new(), Bytes::new(), false).unwrap();
    let mut upload = stream.upload();
    let answered = tokio::spawn(answer(stream));
    let mut sent = Vec::new();
    for round in 0..50_u8 {
        soon(poll_fn(|cx| upload.poll_ready(cx))).await.unwrap();
        let piece = vec![round; 3000];
        sent.extend_from_slice(&piece);
        upload.send(piece.into(), false);
    }
    upload.send(Bytes::new(), true);
    assert_echo(&soon(answered).await.unwrap().unwrap(), &HeaderMap::new(), &sent);
    assert!(soon(poll_fn(|cx| upload.poll_ready(cx))).await.is_err());
}

#[tokio::test]
async fn who_does_not_read_holds_up_nobody_else() {
    let (sender, _) = client(Builder::new()).await;
    let lazy = call(&sender, "/large/500000", &HeaderMap::new(), Bytes::new(), true).unwrap();
    for _ in 0..20 {
        let stream = call(&sender, "/large/100000", &HeaderMap::new(), Bytes::new(), true).unwrap();
        assert_eq!(soon(answer(stream)).await.unwrap().body.len(), 100_000);
    }
    assert_eq!(soon(answer(lazy)).await.unwrap().body.len(), 500_000);
}

#[tokio::test]
async fn what_is_dropped_gives_its_room_back() {
    let (sender, _) = client(Builder::new()).await;
    // far more in all than the window of the connection
    for round in 0..100 {
        let mut stream = call(&sender, "/large/19000", &HeaderMap::new(), Bytes::new(), true).unwrap();
        if round % 2 == 0 {
            soon(poll_fn(|cx| stream.poll_head(cx))).await.unwrap();
            soon(poll_fn(|cx| stream.poll_part(cx))).await.unwrap().unwrap();
        }
    }
    let stream = call(&sender, "/large/100000", &HeaderMap::new(), Bytes::new(), true).unwrap();
    assert_eq!(soon(answer(stream)).await.unwrap().body.len(), 100_000);
}

#[tokio::test]
async fn ends_of_streams_say_what_happened() {
    let (sender, _) = client(Builder::new()).await;
    let ask = |path: &str, ends| call(&sender, path, &HeaderMap::new(), Bytes::new(), ends).unwrap();
    let refused = soon(answer(ask("/refuse", true))).await.unwrap_err();
    assert!(refused.is_unprocessed() && refused.is_reset(), "{refused}");
    let broken = soon(answer(ask("/break", true))).await.unwrap_err();
    assert_eq!(broken.to_string(), "the server reset the stream: INTERNAL_ERROR");
    // an answer before the end of its request is whole
    let early = ask("/early", false);
    let mut upload = early.upload();
    assert_eq!(soon(answer(early)).await.unwrap().status, 503);
    soon(poll_fn(|cx| upload.poll_ended(cx))).await;
}

#[tokio::test]
async fn a_server_that_leaves_answers_what_it_has_taken() {
    let (sender, io, ended) = open(settings());
    tokio::spawn(serve(io, Builder::new(), Arc::default()));
    soon(sender.settled()).await.unwrap();
    let stream = call(&sender, "/leave", &headers("a"), Bytes::from_static(b"x"), true).unwrap();
    assert_echo(&soon(answer(stream)).await.unwrap(), &headers("a"), b"x");
    soon(ended).await.unwrap().unwrap();
    let refused = call(&sender, "/echo", &HeaderMap::new(), Bytes::new(), true).unwrap_err();
    assert!(matches!(refused, Error::GoAway(_)) && refused.is_unprocessed());
}

#[tokio::test]
async fn a_connection_ends_when_nobody_needs_it() {
    let (sender, io, ended) = open(settings());
    tokio::spawn(serve(io, Builder::new(), Arc::default()));
    soon(sender.settled()).await.unwrap();
    soon(sender.ping()).await.unwrap();
    let stream = call(&sender, "/large/100000", &HeaderMap::new(), Bytes::new(), true).unwrap();
    drop(sender);
    assert_eq!(soon(answer(stream)).await.unwrap().body.len(), 100_000);
    soon(ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn heads_larger_than_a_frame_are_split() {
    let mut builder = Builder::new();
    builder.max_header_list_size(1 << 20);
    let (sender, _) = client(builder).await;
    let mut headers = HeaderMap::new();
    for index in 0..60 {
        let name = HeaderName::from_bytes(format!("x-{index}").as_bytes()).unwrap();
        headers.insert(name, HeaderValue::from_str(&"v".repeat(900)).unwrap());
    }
    // the answer has the same headers, and is larger than what we allow
    let error =
        soon(answer(call(&sender, "/echo", &headers, Bytes::new(), true).unwrap())).await.unwrap_err();
    assert!(error.to_string().starts_with("the headers of the answer are larger than allowed"), "{error}");
    let small = call(&sender, "/echo", &HeaderMap::new(), Bytes::new(), true).unwrap();
    assert_echo(&soon(answer(small)).await.unwrap(), &HeaderMap::new(), b"");
}
