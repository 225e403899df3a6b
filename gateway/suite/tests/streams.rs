//! Streams in every direction through the real gateway, byte by byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gateway_suite::proto::LIBRARY_DESCRIPTORS;
use gateway_suite::{
    Answer, Backend, Client, Gateway, Part, RawAnswer, RawBackend, RawRequest, Streamed, frame,
};
use http::Request;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::sync::mpsc;

const IMPORT: &str = "/v1/books:import";
const CHAT: &str = "/v1/chat";
const NDJSON: (&str, &str) = ("content-type", "application/x-ndjson");
const CHUNKED: (&str, &str) = ("transfer-encoding", "chunked");

struct World {
    _backend: Backend,
    gateway: Gateway,
}

impl World {
    fn start() -> Self {
        let backend = Backend::start().unwrap();
        let gateway = Gateway::before(&backend.uri()).unwrap();
        Self { _backend: backend, gateway }
    }

    fn connect(&self) -> Client {
        Client::connect(self.gateway.address().unwrap()).unwrap()
    }

    /// One request whose body comes in pieces.
    fn pieces<'a>(
        &self,
        target: &str,
        headers: &[(&str, &str)],
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> Answer {
        let mut client = self.connect();
        begin(&mut client, target, headers);
        for piece in pieces {
            write(&mut client, piece);
        }
        client.write(b"0\r\n\r\n").unwrap();
        whole(client.head(false).unwrap())
    }
}

/// Sends the head of a request.
fn begin(client: &mut Client, target: &str, headers: &[(&str, &str)]) {
    let mut head = format!("POST {target} HTTP/1.1\r\nhost: gateway\r\ntransfer-encoding: chunked\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    client.write(format!("{head}\r\n").as_bytes()).unwrap();
}

fn write(client: &mut Client, piece: &[u8]) {
    client.write(&[format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()).unwrap();
}

fn whole(mut streamed: Streamed<'_>) -> Answer {
    let (status, headers) = (streamed.status, std::mem::take(&mut streamed.headers));
    let mut body = Vec::new();
    loop {
        match streamed.next().unwrap() {
            Part::Data(data) => body.extend(data),
            Part::End(trailers) => return Answer { status, headers, body, trailers },
        }
    }
}

fn text(part: Part) -> String {
    match part {
        Part::Data(data) => String::from_utf8(data).unwrap(),
        Part::End(_) => panic!("the body has ended"),
    }
}

fn trailer(trailers: &[(String, String)], name: &str) -> String {
    trailers.iter().find(|(known, _)| known == name).unwrap().1.clone()
}

/// The next requests that a raw backend has seen to their end.
fn seen(backend: &RawBackend) -> Vec<RawRequest> {
    let begun = Instant::now();
    loop {
        let requests = backend.requests();
        if !requests.is_empty() {
            return requests;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "no request came");
        std::thread::yield_now();
    }
}

#[test]
fn a_stream_of_requests_comes_in_every_form() {
    let world = World::start();
    let (line, json) = (("content-type", "application/x-ndjson"), ("content-type", "application/json"));
    for (headers, body, names) in [
        (vec![line], &b"{\"name\":\"a\"}\n\n{\"name\":\"b\"}"[..], json!(["a", "b"])),
        (vec![json], b"[{\"name\":\"a\"}, {\"name\":\"b\"}, {}]", json!(["a", "b", ""])),
        (vec![json], b"{\"name\":\"a\"}{\"name\":\"b\"}", json!(["a", "b"])),
        (vec![], b"{\"name\":\"a\"}", json!(["a"])),
        (vec![], b"[]", json!([])),
        (vec![], b"", json!([])),
    ] {
        let answer = world.connect().send("POST", IMPORT, &headers, body).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let found = answer.json().unwrap();
        assert_eq!(
            found.get("names").cloned().unwrap_or(json!([])),
            names,
            "{}",
            String::from_utf8_lossy(body)
        );
        // however it is cut
        let cut = world.pieces(IMPORT, &headers, body.chunks(1));
        assert_eq!((cut.status, cut.json().unwrap()), (200, found));
    }
}

#[test]
fn what_is_refused_says_where_and_nothing_half_parsed_arrives() {
    let backend = RawBackend::start(LIBRARY_DESCRIPTORS).unwrap();
    let gateway = Gateway::before(&backend.uri()).unwrap();
    backend.answer("/library.v1.Library/ImportBooks", RawAnswer::messages([b""]));
    let first = frame(0, b"\x0a\x01a");
    for (body, place) in [
        (&b"{\"name\":\"a\"}\n{\"name\":1}"[..], "position 21 in message 2"),
        (b"{\"name\":\"a\"}\n{\"name\":\"b\"", "in message 2"),
        (b"{\"name\":\"a\"}\n{\"nonsense\":\"b\"}", "nonsense: unknown field"),
        (b"[{\"name\":\"a\"},]", "position 14 in message 2"),
        (b"{\"name\":\"a\"} , {}", "position 13 in message 2"),
    ] {
        for size in [1, 5, body.len()] {
            let mut client = Client::connect(gateway.address().unwrap()).unwrap();
            begin(&mut client, IMPORT, &[]);
            for piece in body.chunks(size) {
                write(&mut client, piece);
            }
            client.write(b"0\r\n\r\n").unwrap();
            let answer = whole(client.head(false).unwrap());
            assert_eq!(answer.status, 400, "{}", answer.text());
            assert!(answer.json().unwrap()["message"].as_str().unwrap().contains(place), "{}", answer.text());
        }
    }
    // a call that saw the first message saw it whole, and was then cancelled
    for request in backend.requests() {
        assert!(!request.whole);
        assert!(request.body.is_empty() || request.body == first, "{:?}", request.body);
    }
}

#[test]
fn a_client_that_goes_away_cancels_the_call() {
    let backend = RawBackend::start(LIBRARY_DESCRIPTORS).unwrap();
    let gateway = Gateway::before(&backend.uri()).unwrap();
    backend.answer("/library.v1.Library/ImportBooks", RawAnswer::messages([b""]));
    let mut client = Client::connect(gateway.address().unwrap()).unwrap();
    begin(&mut client, IMPORT, &[]);
    write(&mut client, b"{\"name\":\"a\"}{\"name\":");
    drop(client);
    let requests = seen(&backend);
    assert!(!requests[0].whole, "it was never ended");
    assert!([&b""[..], &frame(0, b"\x0a\x01a")].contains(&&*requests[0].body));
}

#[test]
fn an_early_answer_ends_the_reading() {
    let world = World::start();
    let mut client = world.connect();
    begin(&mut client, IMPORT, &[NDJSON]);
    write(&mut client, b"{\"name\":\"a\"}\n{\"name\":\"refused\"}\n{\"name\":");
    // the body has not ended
    let answer = whole(client.head(false).unwrap());
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json().unwrap()["message"], "refused is refused");
}

#[test]
fn messages_have_a_limit_and_streams_have_none() {
    let world = World::start();
    let long = format!("{{\"name\":\"x\",\"title\":\"{}\"}}", "t".repeat(1 << 20));
    let many = [long.as_bytes(); 8];
    let answer = world.pieces(IMPORT, &[], many.iter().copied());
    assert_eq!((answer.status, &answer.json().unwrap()["count"]), (200, &json!(8)), "{}", answer.text());
    let huge = format!("{{\"name\":\"x\",\"title\":\"{}\"}}", "t".repeat(5 << 20));
    let answer =
        world.connect().send("POST", IMPORT, &[], [b"{}", huge.as_bytes()].concat().as_slice()).unwrap();
    assert_eq!(answer.status, 413);
    let message = answer.json().unwrap()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("at most 4194304 bytes") && message.contains("message 2"), "{message}");
}

#[test]
fn forms_that_are_not_there_are_named() {
    let world = World::start();
    let answer = world.connect().send("POST", IMPORT, &[("content-type", "text/plain")], b"a").unwrap();
    assert_eq!(answer.status, 415);
    assert!(answer.text().contains("application/json or application/x-ndjson"), "{}", answer.text());
    let answer = world.connect().send("POST", CHAT, &[("accept", "image/png")], b"{}").unwrap();
    assert_eq!(answer.status, 406);
    assert!(answer.text().contains("text/event-stream"), "{}", answer.text());
    let coded = [("content-encoding", "compress"), NDJSON];
    assert_eq!(world.connect().send("POST", IMPORT, &coded, b"{}").unwrap().status, 415);
}

#[test]
fn both_directions_run_at_once_over_http1() {
    let world = World::start();
    for accept in ["application/x-ndjson", "text/event-stream", "application/json"] {
        let mut client = world.connect();
        begin(&mut client, CHAT, &[NDJSON, ("accept", accept), ("te", "trailers")]);
        write(&mut client, b"{\"text\":\"one\"}\n");
        let mut records = String::new();
        {
            let mut answer = client.head(false).unwrap();
            assert_eq!(answer.status, 200);
            records += &text(answer.next().unwrap());
        }
        assert!(records.contains("re: one"), "{records}");
        let mut answer = None;
        for (line, expected) in [("two", "re: two"), ("fail", "as told")] {
            write(&mut client, format!("{{\"text\":\"{line}\"}}\n").as_bytes());
            let (record, trailers) = chunk(&mut client);
            assert!(record.contains(expected), "{record}");
            records += &record;
            answer = trailers;
        }
        let trailers = answer.unwrap_or_else(|| chunk(&mut client).1.unwrap());
        assert_eq!(trailer(&trailers, "grpc-status"), "10");
        let last: Value = match accept {
            "application/json" => serde_json::from_str::<Vec<Value>>(&records).unwrap().pop().unwrap(),
            "text/event-stream" => {
                let last = records.split_terminator("\n\n").last().unwrap();
                serde_json::from_str(last.strip_prefix("event: error\ndata: ").unwrap()).unwrap()
            }
            _ => serde_json::from_str(records.lines().last().unwrap()).unwrap(),
        };
        assert_eq!((&last["error"]["code"], &last["error"]["message"]), (&json!(10), &json!("as told")));
    }
}

#[test]
fn what_is_refused_later_is_the_last_record() {
    let world = World::start();
    let mut client = world.connect();
    begin(&mut client, CHAT, &[NDJSON, ("accept", "application/x-ndjson"), ("te", "trailers")]);
    write(&mut client, b"{\"text\":\"one\"}\n");
    assert!(text(client.head(false).unwrap().next().unwrap()).contains("re: one"));
    write(&mut client, b"{\"text\": 2}\n");
    let (record, trailers) = chunk(&mut client);
    let error = serde_json::from_str::<Value>(&record).unwrap()["error"].clone();
    assert_eq!(error["code"], 3);
    assert!(error["message"].as_str().unwrap().contains("position 24 in message 2"), "{error}");
    let trailers = trailers.unwrap_or_else(|| chunk(&mut client).1.unwrap());
    assert_eq!(trailer(&trailers, "grpc-status"), "3");
}

#[test]
fn bytes_stream_up_as_they_are() {
    let world = World::start();
    let bytes: Vec<u8> = (0..1_000_003_u32).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect();
    let headers = [("content-type", "image/x-noise")];
    let answer = world.pieces("/v1/raw/noise:parts?note=n", &headers, bytes.chunks(70_001));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let stored = answer.json().unwrap();
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    assert_eq!((&stored["size"], &stored["hash"]), (&json!("1000003"), &json!(hash.to_string())));
    assert_eq!((&stored["name"], &stored["note"]), (&json!("noise"), &json!("n")));
    assert_eq!(stored["contentType"], "image/x-noise");
    let empty = world.connect().send("POST", "/v1/raw/none:parts", &headers, b"").unwrap();
    assert_eq!(empty.json().unwrap()["parts"], 1);
}

#[test]
fn a_whole_body_is_a_stream_too() {
    let world = World::start();
    let answer = world.connect().send("POST", CHAT, &[CHUNKED], b"2\r\n{}\r\n0\r\n\r\n").unwrap();
    let notes = answer.json().unwrap();
    assert_eq!(notes, json!([{"text": "re: ", "number": 1}]));
    let answer = world.connect().send("POST", CHAT, &[], br#"[{"text":"a"},{"text":"b"}]"#).unwrap();
    assert_eq!(answer.json().unwrap().as_array().unwrap().len(), 2);
}

/// The next chunk of an answer whose head was read before; what it ended with, where it did.
fn chunk(client: &mut Client) -> (String, Option<Vec<(String, String)>>) {
    match client.chunk().unwrap() {
        Part::Data(data) => (String::from_utf8(data).unwrap(), None),
        Part::End(trailers) => (String::new(), Some(trailers)),
    }
}

#[test]
fn both_directions_run_at_once_over_http2() {
    let world = World::start();
    let address = world.gateway.address().unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        tokio::time::timeout(Duration::from_secs(20), talk_over_http2(address)).await.expect("in time");
    });
}

async fn talk_over_http2(address: SocketAddr) {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (say, said) = mpsc::channel::<&'static [u8]>(1);
    let pieces = futures_util::stream::unfold(said, async |mut said| {
        let piece = Frame::data(Bytes::from_static(said.recv().await?));
        Some((Ok::<_, Infallible>(piece), said))
    });
    let request = Request::post("http://gateway/v1/chat").header("accept", "application/x-ndjson");
    let request = request.body(StreamBody::new(Box::pin(pieces))).unwrap();
    // a message in two pieces, while the answer is waited for
    let first = async {
        say.send(b"{\"text\":").await.unwrap();
        say.send(b"\"one\"}").await.unwrap();
    };
    let (answer, ()) = tokio::join!(sender.send_request(request), first);
    let mut answer = answer.unwrap();
    assert_eq!(answer.status(), 200);
    let first = answer.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&first).unwrap()["text"], "re: one");
    say.send(b"{\"text\":\"two\"}").await.unwrap();
    let second = answer.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&second).unwrap()["number"], 2);
    say.send(b"]").await.unwrap();
    let last = answer.collect().await.unwrap();
    assert_eq!(last.trailers().unwrap()["grpc-status"], "3");
    let error = serde_json::from_slice::<Value>(&last.to_bytes()).unwrap()["error"].clone();
    assert!(error["message"].as_str().unwrap().contains("in message 3"), "{error}");
}
