//! gRPC-Web, byte by byte: both codings, both versions of HTTP, every shape of stream.

use std::time::Duration;

use api::jobs::v1 as jobs;
use api::jobs::v1::attach_run_response::Output;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use gateway::Limits;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::time::sleep;
use tonic::Status;

use crate::raw::{Connection, Reply};
use crate::world::{Setup, World, start, start_with, within};

const GET: &str = "/toolforge.jobs.v1.Jobs/GetJob";
const WATCH: &str = "/toolforge.jobs.v1.Jobs/WatchJobs";
const ATTACH: &str = "/toolforge.jobs.v1.Runs/AttachRun";

const BINARY: &str = "Content-Type: application/grpc-web+proto\r\nX-Grpc-Web: 1\r\n";
const TEXT: &str =
    "Content-Type: application/grpc-web-text\r\nAccept: application/grpc-web-text\r\nX-Grpc-Web: 1\r\n";

fn frame(message: &impl Message) -> Vec<u8> {
    let bytes = message.encode_to_vec();
    [&[0][..], &u32::try_from(bytes.len()).unwrap().to_be_bytes(), &bytes].concat()
}

fn get(name: &str) -> Vec<u8> {
    let (tool, name) = ("alpha".to_owned(), name.to_owned());
    frame(&jobs::GetJobRequest { tool, name, ..Default::default() })
}

fn input(text: &str) -> Vec<u8> {
    let (tool, name) = ("alpha".to_owned(), "r".to_owned());
    frame(&jobs::AttachRunRequest { tool, name, input: text.as_bytes().to_vec() })
}

/// Text in quanta, some of which are padded.
fn decode(text: &[u8]) -> Vec<u8> {
    text.chunks(4).flat_map(|quantum| STANDARD.decode(quantum).unwrap()).collect()
}

/// The messages of an answer, and the text of its last frame.
fn parts(mut body: &[u8]) -> (Vec<Vec<u8>>, String) {
    let mut messages = Vec::new();
    loop {
        let length = u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
        let (content, rest) = body[5..].split_at(length);
        if body[0] == 0x80 {
            assert!(rest.is_empty(), "nothing follows the trailers");
            return (messages, String::from_utf8(content.to_vec()).unwrap());
        }
        assert_eq!(body[0], 0);
        messages.push(content.to_vec());
        body = rest;
    }
}

fn name(message: &[u8]) -> String {
    jobs::GetJobResponse::decode(message).unwrap().job.unwrap().name.unwrap()
}

async fn call(world: &World, path: &str, headers: &str, body: &[u8]) -> Reply {
    world.connect().await.request("POST", path, headers, body).await
}

/// Begins a call over HTTP/1.1 whose body comes in chunks.
async fn begin(world: &World, path: &str, headers: &str) -> Connection {
    let mut connection = world.connect().await;
    connection.ask("POST", path, &format!("{headers}Transfer-Encoding: chunked\r\n"), b"").await;
    connection
}

async fn write(connection: &mut Connection, data: &[u8]) {
    let chunk = [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat();
    connection.write(&chunk).await.unwrap();
}

#[tokio::test]
async fn a_unary_call_works_in_both_codings() {
    let world = start().await;
    let own = "X-Own: kept\r\nX-Own-Bin: AP8\r\nX-Toolforge-Principal: admin:root\r\nAuthorization: Bearer x\r\n\
               Grpc-Timeout: 5S\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\n";
    let reply = call(&world, GET, &format!("{BINARY}{own}"), &get("x")).await;
    assert_eq!((reply.status(), reply.header("content-type")), (200, Some("application/grpc-web+proto")));
    assert_eq!(reply.header("x-answer"), Some("from the backend"));
    let (messages, trailers) = parts(&reply.body);
    assert_eq!((messages.len(), name(&messages[0]).as_str()), (1, "x"));
    assert!(trailers.contains("grpc-status: 0\r\n"), "{trailers}");
    let seen = world.fake.only();
    assert_eq!((seen.method, seen.caller.to_string().as_str()), ("GetJob", "tool:alpha"));
    assert_eq!(seen.headers.get("x-own").unwrap(), "kept");
    assert_eq!(seen.headers.get("x-own-bin").unwrap(), "AP8");
    assert!(seen.headers.contains_key("grpc-timeout"));
    for gone in ["x-toolforge-principal", "authorization", "x-grpc-web", "content-length", "x-hop"] {
        assert!(!seen.headers.contains_key(gone), "{gone}");
    }

    let reply = call(&world, GET, TEXT, STANDARD.encode(get("y")).as_bytes()).await;
    assert_eq!(reply.header("content-type"), Some("application/grpc-web-text"));
    let (messages, trailers) = parts(&decode(&reply.body));
    assert_eq!((name(&messages[0]).as_str(), trailers.contains("grpc-status: 0")), ("y", true));
}

#[tokio::test]
async fn the_answer_may_have_the_other_coding() {
    let world = start().await;
    let headers = "Content-Type: application/grpc-web-text\r\nAccept: application/grpc-web\r\n";
    let reply = call(&world, GET, headers, STANDARD.encode(get("x")).as_bytes()).await;
    assert_eq!(reply.header("content-type"), Some("application/grpc-web"));
    assert_eq!(name(&parts(&reply.body).0[0]), "x");
}

#[tokio::test]
async fn text_may_be_cut_anywhere() {
    let world = start().await;
    let whole = get("a name that is long enough");
    // two pieces, each with padding of its own
    let text = [STANDARD.encode(&whole[..7]), STANDARD.encode(&whole[7..])].concat();
    for cut in 1..text.len() {
        let mut connection = begin(&world, GET, TEXT).await;
        let (before, after) = text.as_bytes().split_at(cut);
        write(&mut connection, before).await;
        write(&mut connection, after).await;
        connection.write(b"0\r\n\r\n").await.unwrap();
        let reply = connection.reply(false).await;
        assert_eq!(name(&parts(&decode(&reply.body)).0[0]), "a name that is long enough", "cut at {cut}");
    }
}

#[tokio::test]
async fn text_that_is_no_base64_is_refused() {
    let world = start().await;
    for (body, place) in [(&b"AAAA*AAA"[..], "see byte 4"), (b"AAAAAAA", "without padding")] {
        let reply = call(&world, GET, TEXT, body).await;
        assert_eq!((reply.status(), reply.header("grpc-status")), (200, Some("3")));
        assert!(reply.header("grpc-message").unwrap().replace("%20", " ").contains(place));
        assert!(reply.body.is_empty());
    }
    assert!(world.fake.seen().is_empty());
}

#[tokio::test]
async fn failures_are_told_in_headers_or_the_last_frame() {
    let world = start().await;
    for (path, body, status) in [
        (GET, get("missing"), "5"),
        ("/toolforge.jobs.v1.Jobs/Nonsense", get("x"), "12"),
        (GET, frame(&jobs::GetJobRequest { tool: "beta".to_owned(), ..Default::default() }), "7"),
    ] {
        let reply = call(&world, path, BINARY, &body).await;
        assert_eq!((reply.status(), reply.header("grpc-status")), (200, Some(status)), "{path}");
        assert_eq!(reply.header("content-type"), Some("application/grpc-web+proto"));
        assert!(reply.body.is_empty());
    }
    let reply = call(&world, GET, BINARY, &get("missing")).await;
    assert!(reply.header("grpc-status-details-bin").is_some());
    let reply = world.connect().await.request("GET", GET, BINARY, b"").await;
    assert_eq!((reply.status(), reply.header("allow")), (405, Some("POST")));
    let slow = call(&world, GET, &format!("{BINARY}Grpc-Timeout: 150m\r\n"), &get("slow")).await;
    assert_eq!(slow.header("grpc-status"), Some("4"));
}

#[tokio::test]
async fn a_stream_comes_message_by_message_and_says_how_it_ended() {
    let world = start().await;
    for headers in [BINARY, TEXT] {
        let feed = world.fake.feed();
        let mut body = frame(&jobs::WatchJobsRequest { tool: "alpha".to_owned(), name: None });
        if headers == TEXT {
            body = STANDARD.encode(body).into_bytes();
        }
        let mut connection = world.connect().await;
        connection.ask("POST", WATCH, headers, &body).await;
        for name in ["a", "b"] {
            feed.send(Ok(name.to_owned())).await.unwrap();
            if name == "a" {
                assert_eq!(connection.head().await.unwrap().line, "HTTP/1.1 200 OK");
            }
            // the next one is not produced before this one has arrived
            let chunk = connection.chunk().await.unwrap().unwrap();
            let message = if headers == TEXT { decode(&chunk) } else { chunk };
            let change = jobs::WatchJobsResponse::decode(&message[5..]).unwrap();
            assert_eq!(change.job.unwrap().name.as_deref(), Some(name));
        }
        feed.send(Err(Status::aborted("enough"))).await.unwrap();
        let last = connection.chunk().await.unwrap().unwrap();
        let (none, trailers) = parts(&if headers == TEXT { decode(&last) } else { last });
        assert!(none.is_empty());
        assert!(trailers.contains("grpc-status: 10\r\ngrpc-message: enough\r\n"), "{trailers}");
        assert_eq!(connection.chunk().await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_call() {
    let world = start().await;
    let feed = world.fake.feed();
    feed.send(Ok("first".to_owned())).await.unwrap();
    let mut connection = world.connect().await;
    let body = frame(&jobs::WatchJobsRequest { tool: "alpha".to_owned(), name: None });
    connection.ask("POST", WATCH, BINARY, &body).await;
    connection.head().await.unwrap();
    drop(connection);
    within(feed.closed()).await;
}

#[tokio::test]
async fn two_streams_at_once_work_where_the_client_can() {
    let world = start().await;
    for headers in [BINARY, TEXT] {
        let text = |bytes: Vec<u8>| {
            if headers == TEXT { STANDARD.encode(bytes).into_bytes() } else { bytes }
        };
        let mut connection = begin(&world, ATTACH, headers).await;
        for line in ["one", "three"] {
            write(&mut connection, &text(input(line))).await;
            if line == "one" {
                connection.head().await.unwrap();
            }
            let chunk = connection.chunk().await.unwrap().unwrap();
            let message = if headers == TEXT { decode(&chunk) } else { chunk };
            let echoed = jobs::AttachRunResponse::decode(&message[5..]).unwrap();
            assert_eq!(echoed.output, Some(Output::Stdout(line.as_bytes().to_vec())));
        }
        if headers == TEXT {
            // what is broken after the answer has begun is told at its end
            write(&mut connection, b"AA*A").await;
        } else {
            connection.write(b"0\r\n\r\n").await.unwrap();
        }
        let last = connection.chunk().await.unwrap().unwrap();
        let (_, trailers) = parts(&if headers == TEXT { decode(&last) } else { last });
        let expected = if headers == TEXT { "grpc-status: 3\r\n" } else { "grpc-status: 10\r\n" };
        assert!(trailers.contains(expected), "{trailers}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let short = Duration::from_millis(150);
    let limits = Limits { body: short, stream_idle: 4 * short, ..Limits::default() };
    let world = start_with(Setup { limits, ..Setup::default() }).await;
    let text = |reply: &Reply| reply.header("grpc-message").unwrap().replace("%20", " ");
    // a single message is the whole body, announced or in chunks, begun or not
    let whole = get("x");
    for (length, sent) in [("Content-Length: 9\r\n", &b""[..]), ("Content-Length: 9\r\n", b"\0\0\0")] {
        let mut connection = world.connect().await;
        connection.ask("POST", GET, &format!("{BINARY}{length}"), b"").await;
        connection.write(sent).await.unwrap();
        let reply = within(connection.reply(false)).await;
        assert_eq!((reply.status(), reply.header("grpc-status")), (200, Some("4")), "{sent:?}");
        assert!(text(&reply).contains("did not arrive within"), "{}", text(&reply));
    }
    let mut connection = begin(&world, GET, BINARY).await;
    write(&mut connection, &whole).await;
    assert_eq!(within(connection.reply(false)).await.header("grpc-status"), Some("4"), "it has no end");
    assert!(world.fake.seen().is_empty());
    // a stream may be silent between its messages, for a while
    let mut connection = begin(&world, ATTACH, BINARY).await;
    write(&mut connection, &input("one")).await;
    connection.head().await.unwrap();
    connection.chunk().await.unwrap().unwrap();
    sleep(2 * short).await;
    write(&mut connection, &input("two")).await;
    connection.chunk().await.unwrap().unwrap();
    write(&mut connection, &input("three")[..7]).await;
    let late = connection.chunk().await.unwrap().unwrap();
    let (_, trailers) = parts(&late);
    assert!(trailers.contains("grpc-status: 4\r\n") && trailers.contains("message%203"), "{trailers}");
    let mut silent = begin(&world, ATTACH, BINARY).await;
    let reply = within(silent.reply(false)).await;
    assert_eq!(reply.header("grpc-status"), Some("4"));
    assert!(text(&reply).contains("nothing was sent or received"), "{}", text(&reply));
}

#[tokio::test]
async fn http2_carries_it_too() {
    let world = start().await;
    let stream = world.open(&world.alpha, &["h2"]).await.unwrap().into_inner();
    let (mut sender, connection) =
        within(http2::handshake(TokioExecutor::new(), TokioIo::new(stream))).await.unwrap();
    tokio::spawn(connection);
    for text in [false, true] {
        let (kind, body) = if text {
            ("application/grpc-web-text+proto", STANDARD.encode(get("x")).into_bytes())
        } else {
            ("application/grpc-web", get("x"))
        };
        let request = Request::post(format!("https://localhost{GET}")).header("content-type", kind);
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        let reply = within(sender.send_request(request)).await.unwrap();
        assert_eq!(reply.headers().get("content-type").unwrap(), kind);
        let collected = within(reply.into_body().collect()).await.unwrap();
        assert!(collected.trailers().is_none(), "trailers are in the last frame");
        let body = collected.to_bytes();
        let (messages, trailers) = parts(&if text { decode(&body) } else { body.to_vec() });
        assert_eq!((name(&messages[0]).as_str(), trailers.contains("grpc-status: 0")), ("x", true));
    }
}
