//! WebSocket through the real gateway: every shape of stream, every end, and handshakes that are none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use gateway_suite::proto::LIBRARY_DESCRIPTORS;
use gateway_suite::{Answer, Backend, Client, Gateway, RawAnswer, RawBackend, frame};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};
use tokio_tungstenite::tungstenite::{Bytes, Message};

type Socket = WebSocket<TcpStream>;

/// The key of RFC 6455, 1.3, and its answer.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ANSWER: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const ASK: [(&str, &str); 4] = [
    ("connection", "keep-alive, Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", KEY),
];

const CHAT: &str = "/v1/chat";
const WATCH: &str = "/v1/shelves/3/books:watch";

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

    fn open(&self, target: &str) -> Socket {
        open(&self.gateway, target)
    }

    /// A handshake that is answered like any other request.
    fn refused(&self, target: &str, headers: &[(&str, &str)]) -> Answer {
        let mut client = Client::connect(self.gateway.address().unwrap()).unwrap();
        client.send("GET", target, headers, b"").unwrap()
    }
}

fn open(gateway: &Gateway, target: &str) -> Socket {
    let mut stream = TcpStream::connect(gateway.address().unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut request = format!("GET {target} HTTP/1.1\r\nhost: gateway\r\n");
    for (name, value) in ASK {
        write!(request, "{name}: {value}\r\n").unwrap();
    }
    stream.write_all(format!("{request}\r\n").as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 ") && head.contains(ANSWER), "{head}");
    WebSocket::from_raw_socket(stream, Role::Client, None)
}

fn say(socket: &mut Socket, value: &Value) {
    socket.send(Message::text(value.to_string())).unwrap();
}

fn end(socket: &mut Socket) {
    socket.send(Message::text("")).unwrap();
}

fn hear(socket: &mut Socket) -> Value {
    match socket.read().unwrap() {
        Message::Text(text) => serde_json::from_str(&text).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Code and reason of the close that comes next.
fn closed(socket: &mut Socket) -> (u16, String) {
    match socket.read().unwrap() {
        Message::Close(Some(close)) => (close.code.into(), close.reason.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stream_of_answers_needs_no_word_of_the_client() {
    let world = World::start();
    let mut socket = world.open(&format!("{WATCH}?count=2"));
    for number in 1..=2 {
        assert_eq!(hear(&mut socket)["name"], format!("shelves/3/books/{number}"));
    }
    assert_eq!(closed(&mut socket), (1000, String::new()));
}

#[test]
fn a_failure_is_a_last_message_and_a_code() {
    let world = World::start();
    let mut socket = world.open(&format!("{WATCH}?count=1&fail_code=9"));
    assert_eq!(hear(&mut socket)["name"], "shelves/3/books/1");
    assert_eq!(hear(&mut socket)["error"]["code"], 9);
    assert_eq!(closed(&mut socket), (4009, "failed after 1 books".to_owned()));
    let mut socket = world.open(&format!("{WATCH}?count=0&fail_code=5"));
    assert_eq!(hear(&mut socket)["error"]["message"], "failed before the first book");
    assert_eq!(closed(&mut socket).0, 4005);
}

#[test]
fn a_stream_of_requests_ends_with_an_empty_message() {
    let world = World::start();
    for empty in [Message::text(""), Message::binary(Bytes::new())] {
        let mut socket = world.open("/v1/books:import");
        for name in ["a", "b"] {
            say(&mut socket, &json!({ "name": name }));
        }
        socket.send(empty).unwrap();
        assert_eq!(hear(&mut socket)["names"], json!(["a", "b"]));
        assert_eq!(closed(&mut socket).0, 1000);
    }
}

#[test]
fn both_directions_run_at_once() {
    let world = World::start();
    let mut socket = world.open(CHAT);
    for (number, text) in (1..).zip(["one", "two"]) {
        say(&mut socket, &json!({ "text": text }));
        assert_eq!(hear(&mut socket), json!({ "text": format!("re: {text}"), "number": number }));
    }
    socket.send(Message::Ping(Bytes::from_static(b"there?"))).unwrap();
    assert_eq!(socket.read().unwrap(), Message::Pong(Bytes::from_static(b"there?")));
    end(&mut socket);
    assert_eq!(closed(&mut socket).0, 1000);

    let mut socket = world.open(CHAT);
    say(&mut socket, &json!({ "text": "fail" }));
    assert_eq!(hear(&mut socket)["error"]["message"], "as told");
    assert_eq!(closed(&mut socket), (4010, "as told".to_owned()));
}

#[test]
fn bytes_are_binary_messages() {
    let world = World::start();
    // the path has a stream of answers by GET too
    let mut socket = world.open("/v1/raw/noise:parts");
    for part in [&b"abc"[..], &[0xff, 0, 1]] {
        socket.send(Message::binary(part.to_vec())).unwrap();
    }
    end(&mut socket);
    let stored = hear(&mut socket);
    assert_eq!(
        (&stored["name"], &stored["size"], &stored["parts"]),
        (&json!("noise"), &json!("6"), &json!(2))
    );
    assert_eq!(closed(&mut socket).0, 1000);
}

#[test]
fn what_the_client_says_wrong_is_told() {
    let world = World::start();
    let mut socket = world.open(CHAT);
    say(&mut socket, &json!({ "text": "one" }));
    hear(&mut socket);
    socket.send(Message::text(r#"{"text": 2}"#)).unwrap();
    let error = hear(&mut socket)["error"].clone();
    assert!(error["message"].as_str().unwrap().contains("position 9 in message 2"), "{error}");
    let (code, reason) = closed(&mut socket);
    assert!(code == 4003 && reason.len() <= 123, "{code} {reason}");

    let mut socket = world.open(&format!("{WATCH}?count=1000000&pause=1s"));
    hear(&mut socket);
    say(&mut socket, &json!({}));
    assert_eq!(hear(&mut socket)["error"]["message"], "no more messages are expected");
    assert_eq!(closed(&mut socket).0, 4003);

    let mut socket = world.open(CHAT);
    let huge = json!({ "text": "t".repeat(5 << 20) });
    // the server may close before it has read all
    let _ = socket.send(Message::text(huge.to_string()));
    let error = hear(&mut socket)["error"].clone();
    assert!(error["message"].as_str().unwrap().contains("larger than 4194304 bytes"), "{error}");
    assert_eq!(closed(&mut socket).0, 1009);
}

#[test]
fn messages_of_a_megabyte_pass() {
    let world = World::start();
    let mut socket = world.open(CHAT);
    let text = "t".repeat(1 << 20);
    for _ in 0..3 {
        say(&mut socket, &json!({ "text": text }));
        assert_eq!(hear(&mut socket)["text"].as_str().unwrap().len(), (1 << 20) + 4);
    }
}

/// A masked frame (RFC 6455, 5.2) of less than 126 bytes.
fn raw(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [7, 77, 177, 27];
    let masked = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    [first, 0x80 | u8::try_from(payload.len()).unwrap()].into_iter().chain(mask).chain(masked).collect()
}

#[test]
fn frames_may_be_cut_and_messages_may_be_in_parts() {
    let world = World::start();
    let mut socket = world.open(CHAT);
    let message = br#"{"text": "one"}"#;
    let (begin, rest) = message.split_at(5);
    // two fragments with a ping between them
    let bytes = [raw(0x01, begin), raw(0x89, b"p"), raw(0x80, rest), raw(0x81, message)].concat();
    for byte in bytes {
        socket.get_mut().write_all(&[byte]).unwrap();
    }
    assert_eq!(socket.read().unwrap(), Message::Pong(Bytes::from_static(b"p")));
    for number in 1..=2 {
        assert_eq!(hear(&mut socket)["number"], number);
    }
    // a frame without a mask, and text that is none
    for (bytes, code) in
        [(vec![0x81, 1, b'x'], CloseCode::Protocol), (raw(0x81, &[0xff]), CloseCode::Invalid)]
    {
        let mut socket = world.open(CHAT);
        socket.get_mut().write_all(&bytes).unwrap();
        assert_eq!(closed(&mut socket).0, u16::from(code));
    }
}

#[test]
fn a_client_that_closes_or_goes_cancels_the_call() {
    let backend = RawBackend::start(LIBRARY_DESCRIPTORS).unwrap();
    let gateway = Gateway::before(&backend.uri()).unwrap();
    backend.answer("/library.v1.Library/Chat", RawAnswer::messages([b""]));
    for closes in [true, false] {
        let mut socket = open(&gateway, CHAT);
        say(&mut socket, &json!({ "text": "a" }));
        if closes {
            socket.close(None).unwrap();
            assert!(matches!(socket.read().unwrap(), Message::Close(_)), "the close is answered");
        }
        drop(socket);
        let begun = Instant::now();
        let request = loop {
            if let Some(request) = backend.requests().pop() {
                break request;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "no call was seen");
            std::thread::yield_now();
        };
        assert!(!request.whole, "it was not ended");
        assert!(request.body.is_empty() || request.body == frame(0, b"\x0a\x01a"));
    }
}

#[test]
fn handshakes_that_are_none_are_answered_as_requests() {
    let world = World::start();
    let unary = world.refused("/v1/shelves/3/books/abc", &ASK);
    assert_eq!(unary.status, 400);
    assert!(unary.text().contains("this method has no stream"), "{}", unary.text());
    assert_eq!(world.refused("/v1/nowhere", &ASK).status, 404);
    assert_eq!(world.refused(&format!("{WATCH}?nonsense=1"), &ASK).status, 400);
    let without = |name: &str| ASK.into_iter().filter(|(known, _)| *known != name).collect::<Vec<_>>();
    let version = world.refused(CHAT, &without("sec-websocket-version"));
    assert_eq!((version.status, version.header("sec-websocket-version")), (426, Some("13")));
    assert_eq!(world.refused(CHAT, &without("sec-websocket-key")).status, 400);
    // no WebSocket is asked for: the rule is one for POST
    assert_eq!(world.refused(CHAT, &without("upgrade")).status, 405);
    for (origin, host, status) in [
        ("https://evil.example", "api.example", 403),
        ("null", "api.example", 403),
        ("https://api.example", "api.example", 404),
    ] {
        let headers = [&ASK[..], &[("origin", origin), ("host", host)]].concat();
        let target = if status == 404 { "/v1/nowhere" } else { CHAT };
        assert_eq!(world.refused(target, &headers).status, status, "{origin}");
    }
}
