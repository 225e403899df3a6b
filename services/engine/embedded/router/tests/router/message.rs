//! What of a message is passed on, and what is written anew.

use bytes::Bytes;
use engine_router::{Backend, Tcp};
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::stage::{Instance, Stage, empty, get, read, text};

/// Answers with what it got: the request line and the fields in order of their names, then the body.
async fn mirror() -> Instance {
    Instance::new(|request: Request<Incoming>| async {
        let (parts, body) = request.into_parts();
        let mut lines: Vec<_> = fields(&parts.headers);
        lines.sort();
        lines.insert(0, format!("{} {} {:?}", parts.method, parts.uri, parts.version));
        lines.push(String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap());
        Response::new(text(&lines.join("\n")))
    })
    .await
}

fn fields(headers: &HeaderMap) -> Vec<String> {
    headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
}

#[tokio::test]
async fn what_a_client_says_about_proxies_is_replaced() {
    let stage = Stage::new().await;
    let instance = mirror().await;
    stage.serve(&instance);
    let request = Request::get("/path?query=1")
        .header("host", "alpha.localhost:8080")
        .header("x-forwarded-for", "203.0.113.9")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-user", "admin")
        .header("forwarded", "for=203.0.113.9")
        .header("x-real-ip", "203.0.113.9")
        .header("accept", "text/html")
        .body(empty())
        .unwrap();
    let seen = read(stage.client().await.send_request(request).await.unwrap()).await;
    let expected = "GET /path?query=1 HTTP/1.1\naccept: text/html\nhost: alpha.localhost:8080\n\
                    x-forwarded-for: 127.0.0.1\nx-forwarded-host: alpha.localhost:8080\n\
                    x-forwarded-proto: http\n";
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn fields_of_one_hop_end_here() {
    let stage = Stage::new().await;
    let instance = mirror().await;
    stage.serve(&instance);
    let request = Request::get("/")
        .header("host", "alpha.localhost")
        .header("connection", "keep-alive, X-Secret, host, x-forwarded-for")
        .header("keep-alive", "timeout=5")
        .header("proxy-connection", "keep-alive")
        .header("x-secret", "1")
        .header("te", "gzip")
        .header("x-public", "1")
        .body(empty())
        .unwrap();
    let seen = read(stage.client().await.send_request(request).await.unwrap()).await;
    let expected = "GET / HTTP/1.1\nhost: alpha.localhost\nx-forwarded-for: 127.0.0.1\n\
                    x-forwarded-host: alpha.localhost\nx-forwarded-proto: http\nx-public: 1\n";
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn fields_of_one_hop_in_an_answer_end_here_too() {
    let stage = Stage::new().await;
    let instance = Instance::new(|_| async {
        Response::builder()
            .header("connection", "x-inner")
            .header("keep-alive", "timeout=5")
            .header("x-inner", "1")
            .header("x-outer", "1")
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2")
            .body(text("body"))
            .unwrap()
    })
    .await;
    stage.serve(&instance);
    let response = stage.client().await.send_request(get("/")).await.unwrap();
    let mut seen = fields(response.headers());
    seen.retain(|field| !field.starts_with("date: "));
    seen.sort();
    assert_eq!(seen, ["content-length: 4", "set-cookie: a=1", "set-cookie: b=2", "x-outer: 1"]);
}

#[tokio::test]
async fn a_target_that_names_its_host_is_believed() {
    let stage = Stage::new().await;
    let instance = mirror().await;
    stage.serve(&instance);
    let answer = stage
        .raw(b"GET http://alpha.localhost/x?y HTTP/1.1\r\nhost: beta.localhost\r\nconnection: close\r\n\r\n")
        .await;
    assert!(answer.contains("GET /x?y HTTP/1.1\nhost: alpha.localhost\n"), "{answer}");
    assert!(!answer.contains("beta"), "{answer}");
}

#[tokio::test]
async fn bodies_of_known_and_unknown_length_arrive_whole() {
    let stage = Stage::new().await;
    let instance = mirror().await;
    stage.serve(&instance);
    let known =
        b"POST / HTTP/1.1\r\nhost: alpha.localhost\r\nconnection: close\r\ncontent-length: 4\r\n\r\nbody";
    let answer = stage.raw(known).await;
    assert!(answer.contains("\ncontent-length: 4\n") && answer.ends_with("\nbody"), "{answer}");
    // even on a GET, which hyper itself would send without
    for method in ["POST", "GET"] {
        let unknown = format!(
            "{method} / HTTP/1.1\r\nhost: alpha.localhost\r\nconnection: close\r\n\
             transfer-encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n"
        );
        let answer = stage.raw(unknown.as_bytes()).await;
        assert!(answer.contains("\ntransfer-encoding: chunked\n") && answer.contains("body"), "{answer}");
    }
    let nothing =
        b"POST / HTTP/1.1\r\nhost: alpha.localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    assert!(stage.raw(nothing).await.contains("\ncontent-length: 0\n"));
}

#[tokio::test]
async fn a_head_keeps_the_length_and_has_no_body() {
    let stage = Stage::new().await;
    let instance = Instance::new(|_| async { Response::new(text("twelve bytes")) }).await;
    let backend = stage.serve(&instance);
    let answer = stage.raw(b"HEAD / HTTP/1.1\r\nhost: alpha.localhost\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("content-length: 12\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert_eq!(backend.in_flight(), 0);
}

#[tokio::test]
async fn a_client_that_waits_to_be_told_is_told_to_continue() {
    let stage = Stage::new().await;
    let instance = mirror().await;
    stage.serve(&instance);
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    let head = b"PUT / HTTP/1.1\r\nhost: alpha.localhost\r\nconnection: close\r\nexpect: 100-continue\r\n\
                 content-length: 4\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"body").await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.starts_with("HTTP/1.1 200 OK\r\n") && rest.ends_with("\nbody"), "{rest}");
}

#[tokio::test]
async fn an_old_client_gets_an_answer_that_it_understands() {
    let stage = Stage::new().await;
    let instance = Instance::new(|_| async {
        let (send, frames) = tokio::sync::mpsc::channel(1);
        send.send(hyper::body::Frame::data(Bytes::from_static(b"old"))).await.unwrap();
        Response::new(crate::stream::streamed(frames))
    })
    .await;
    stage.serve(&instance);
    let answer = stage.raw(b"GET / HTTP/1.0\r\nhost: alpha.localhost\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n") && answer.ends_with("\r\n\r\nold"), "{answer}");
    assert!(!answer.contains("chunked"), "{answer}");
    let answer = stage.raw(b"GET / HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 404 "), "{answer}");
}

#[tokio::test]
async fn an_old_server_makes_no_old_answer() {
    let stage = Stage::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let backend = Backend::new("old", Tcp(listener.local_addr().unwrap()));
    stage.table.set("alpha", "/", vec![backend]);
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await.unwrap();
        stream.write_all(b"HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nold").await.unwrap();
    });
    let answer = stage.raw(b"GET / HTTP/1.1\r\nhost: alpha.localhost\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("old"), "{answer}");
}

#[tokio::test]
async fn http2_without_tls_is_understood() {
    let stage = Stage::new().await;
    let instance = mirror().await;
    stage.serve(&instance);
    let io = TokioIo::new(TcpStream::connect(stage.address).await.unwrap());
    let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let asks = (0..20).map(|n| {
        let mut sender = sender.clone();
        async move {
            let request = Request::post(format!("http://alpha.localhost/{n}"))
                .header("cookie", "a=1")
                .header("cookie", "b=2")
                .body(Full::new(Bytes::from("x".repeat(n))))
                .unwrap();
            let response = sender.send_request(request).await.unwrap();
            assert_eq!((response.status(), response.version()), (StatusCode::OK, Version::HTTP_2));
            let seen = read(response).await;
            assert!(seen.starts_with(&format!("POST /{n} HTTP/1.1\n")), "{seen}");
            assert!(seen.contains("\ncookie: a=1; b=2\n"), "{seen}");
            assert!(seen.contains("\nhost: alpha.localhost\n"), "{seen}");
            assert!(seen.ends_with(&format!("\n{}", "x".repeat(n))), "{seen}");
        }
    });
    let asks: Vec<_> = asks.map(tokio::spawn).collect();
    for ask in asks {
        ask.await.unwrap();
    }
}
