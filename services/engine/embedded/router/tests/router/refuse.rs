//! What the router answers by itself, and what it does not let through.

use std::time::Duration;

use engine_router::{BoxedIo, Connect, Options};
use futures_core::future::BoxFuture;
use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stage::{BOUND, Stage, empty, get, named, read};

#[tokio::test]
async fn an_unknown_host_is_told_where_web_services_are() {
    let stage = Stage::new().await;
    let instance = named("alpha").await;
    stage.serve(&instance);
    for host in ["localhost", "127.0.0.1", "alpha.example.org", "x.alpha.localhost"] {
        let request = Request::get("/").header("host", host).body(empty()).unwrap();
        let response = stage.client().await.send_request(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{host}");
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
        assert!(read(response).await.contains("<code>&lt;tool&gt;.localhost</code>"));
    }
    let request = Request::get("/").header("host", "beta.localhost").body(empty()).unwrap();
    let response = stage.client().await.send_request(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert!(read(response).await.contains("The tool <b>beta</b> has no web service here."));
}

#[tokio::test]
async fn a_tool_without_a_ready_instance_is_not_running() {
    let stage = Stage::new().await;
    stage.table.set("alpha", "/", Vec::new());
    let response = stage.client().await.send_request(get("/")).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "5");
    assert!(read(response).await.contains("toolforge jobs list"));

    let gone = named("gone").await;
    stage.serve(&gone);
    drop(gone);
    let response = stage.client().await.send_request(get("/")).await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    assert!(read(response).await.contains("does not accept connections"));
}

#[derive(Debug)]
struct Never;

impl Connect for Never {
    fn connect(&self) -> BoxFuture<'_, std::io::Result<BoxedIo>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn an_instance_that_does_not_accept_in_time_is_passed_by() {
    let connect_timeout = Duration::from_millis(50);
    let stage = Stage::with(Options { connect_timeout, ..Options::default() }).await;
    let never = || engine_router::Backend::new("never", Never);
    stage.table.set("alpha", "/", vec![never()]);
    let response = stage.client().await.send_request(get("/")).await.unwrap();
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    let instance = named("other").await;
    stage.table.set("alpha", "/", vec![never(), instance.backend(), never()]);
    for _ in 0..3 {
        let response = stage.client().await.send_request(get("/")).await.unwrap();
        assert_eq!(read(response).await, "other");
    }
}

#[tokio::test]
async fn too_large_a_head_is_refused_as_such() {
    let stage = Stage::new().await;
    let instance = named("alpha").await;
    stage.serve(&instance);
    let large = format!(
        "GET / HTTP/1.1\r\nhost: alpha.localhost\r\nx-large: {}\r\n\r\n",
        "x".repeat(Options::default().header_bytes)
    );
    let many = format!("GET / HTTP/1.1\r\nhost: alpha.localhost\r\n{}\r\n", "x-many: 1\r\n".repeat(200));
    for head in [large, many] {
        let mut stream = TcpStream::connect(stage.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 431");
    }
}

#[tokio::test]
async fn ambiguous_requests_are_refused_or_made_plain() {
    let stage = Stage::new().await;
    let instance = named("alpha").await;
    stage.serve(&instance);
    let refused = [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: alpha.localhost\r\nhost: beta.localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: alpha.localhost, beta.localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nhost : alpha.localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: alpha.localhost\r\n folded: 1\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: alpha.localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "POST / HTTP/1.1\r\nhost: alpha.localhost\r\ncontent-length: +1\r\n\r\na",
        "POST / HTTP/1.1\r\nhost: alpha.localhost\r\ntransfer-encoding: chunked, identity\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: alpha.localhost\r\ntransfer-encoding: xchunked\r\n\r\n",
        "GET  / HTTP/1.1\r\nhost: alpha.localhost\r\n\r\n",
        "\0\r\n\r\n",
    ];
    for request in refused {
        let mut stream = TcpStream::connect(stage.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut first = [0; 12];
        let read = tokio::time::timeout(BOUND, stream.read_exact(&mut first)).await.unwrap();
        read.unwrap_or_else(|error| panic!("{request:?}: {error}"));
        assert_eq!(&first, b"HTTP/1.1 400", "{request:?}");
    }
}

#[tokio::test]
async fn two_framings_become_the_one_that_was_believed() {
    let stage = Stage::new().await;
    let (send, mut heads) = tokio::sync::mpsc::unbounded_channel();
    let instance = crate::stage::Instance::connections(move |mut stream| {
        let send = send.clone();
        async move {
            let mut seen = Vec::new();
            while !seen.ends_with(b"0\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => seen.push(byte),
                    Err(_) => break,
                }
            }
            send.send(String::from_utf8(seen).unwrap()).unwrap();
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        }
    })
    .await;
    stage.serve(&instance);
    let both = b"POST / HTTP/1.1\r\nhost: alpha.localhost\r\nconnection: close\r\ncontent-length: 30\r\n\
                 transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let answer = stage.raw(both).await;
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    let seen = heads.recv().await.unwrap();
    assert!(!seen.contains("content-length"), "{seen}");
    assert!(seen.contains("transfer-encoding: chunked\r\n") && seen.ends_with("\r\n3\r\nabc\r\n0\r\n\r\n"));
}

#[tokio::test]
async fn connect_is_not_offered() {
    let stage = Stage::new().await;
    let answer = stage
        .raw(b"CONNECT alpha.localhost:80 HTTP/1.1\r\nhost: alpha.localhost:80\r\nconnection: close\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("\r\nallow: GET, "), "{answer}");
}

#[tokio::test]
async fn silent_and_slow_clients_are_let_go() {
    let header_timeout = Duration::from_millis(200);
    let stage = Stage::with(Options { header_timeout, ..Options::default() }).await;
    for said in ["", "P", "PR", "GET / HTTP/1.1\r\nhost: alpha"] {
        let mut stream = TcpStream::connect(stage.address).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // ended or reset, nothing is said
        let end = tokio::time::timeout(BOUND, stream.read_to_end(&mut answer)).await.expect("it is let go");
        assert!(end.is_ok_and(|length| length == 0) || answer.is_empty(), "{said:?}: {answer:?}");
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_place() {
    let stage = Stage::with(Options { connections: 1, ..Options::default() }).await;
    let instance = named("alpha").await;
    stage.serve(&instance);
    let mut first = stage.client().await;
    assert_eq!(read(first.send_request(get("/")).await.unwrap()).await, "alpha");
    let mut second = stage.client().await;
    let waiting = tokio::spawn(async move { second.send_request(get("/")).await.unwrap() });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!waiting.is_finished());
    drop(first);
    let response = tokio::time::timeout(BOUND, waiting).await.unwrap().unwrap();
    assert_eq!(read(response).await, "alpha");
}
