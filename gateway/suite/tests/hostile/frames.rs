//! HTTP/2 frame by frame: what no client library sends (RFC 9113, RFC 7541).

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::world::{World, start};

const BOOK: &str = "/v1/shelves/a/books/1";

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
/// `END_STREAM` and `END_HEADERS`.
const WHOLE: u8 = 5;
const CANCEL: [u8; 4] = [0, 0, 0, 8];

/// What the gateway says to a request.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Status(u16),
    /// The stream was reset, with this code.
    Reset(u32),
    /// The connection was ended, with the code of its GOAWAY where there was one.
    Gone(Option<u32>),
}

struct Connection {
    stream: TcpStream,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Literals without indexing and without Huffman's code.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

/// The status, which is the first field of an answer.
fn status(block: &[u8]) -> u16 {
    // updates of the table's size come first
    let block = &block[block.iter().take_while(|byte| **byte & 0xe0 == 0x20).count()..];
    match block {
        [index @ 0x88..=0x8e, ..] => [200, 204, 206, 304, 400, 404, 500][usize::from(index - 0x88)],
        [0x48 | 0x08 | 0x18, length, value @ ..] => {
            digits(&value[..usize::from(length & 0x7f)], length & 0x80 != 0)
        }
        other => panic!("no status: {other:x?}"),
    }
}

/// A number in its digits, perhaps in Huffman's code: five bits for 0 to 2, six for the others.
fn digits(value: &[u8], coded: bool) -> u16 {
    if !coded {
        return std::str::from_utf8(value).unwrap().parse().unwrap();
    }
    let bits: Vec<u16> =
        value.iter().flat_map(|byte| (0..8).rev().map(move |at| u16::from(byte >> at & 1))).collect();
    let number = |from: usize, len: usize| bits[from..from + len].iter().fold(0, |all, bit| all * 2 + bit);
    let mut at = 0;
    (0..3).fold(0, |all, _| {
        let (digit, length) = match number(at, 5) {
            short @ 0..=2 => (short, 5),
            _ => (number(at, 6) - 0b01_1001 + 3, 6),
        };
        at += length;
        all * 10 + digit
    })
}

impl Connection {
    fn open(world: &World) -> Self {
        let mut stream = TcpStream::connect(world.gateway.address().unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).unwrap();
        Self { stream }
    }

    /// The next frame: its kind, its stream and what is in it.
    fn read(&mut self) -> Option<(u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).ok()?;
        let [high, middle, low, kind, _, rest @ ..] = head;
        let mut payload = vec![0; usize::try_from(u32::from_be_bytes([0, high, middle, low])).unwrap()];
        self.stream.read_exact(&mut payload).ok()?;
        Some((kind, u32::from_be_bytes(rest), payload))
    }

    /// What is said about a stream, or about the connection.
    fn answer(&mut self, stream: u32) -> Said {
        let code = |payload: &[u8]| u32::from_be_bytes(payload[..4].try_into().unwrap());
        loop {
            match self.read() {
                Some((HEADERS, of, payload)) if of == stream => return Said::Status(status(&payload)),
                Some((RST_STREAM, of, payload)) if of == stream => return Said::Reset(code(&payload)),
                Some((GOAWAY, _, payload)) => return Said::Gone(Some(code(&payload[4..]))),
                Some(_) => {}
                None => return Said::Gone(None),
            }
        }
    }
}

fn ask(world: &World, fields: &[(&str, &str)]) -> Said {
    let mut connection = Connection::open(world);
    connection.stream.write_all(&frame(HEADERS, WHOLE, 1, &block(fields))).unwrap();
    connection.answer(1)
}

#[test]
fn what_is_well_formed_has_its_status() {
    let world = start();
    for (method, path, wanted) in [
        ("GET", BOOK, 200),
        ("POSTmove", BOOK, 405),
        ("POSTcancel", BOOK, 405),
        ("GETmove", "/v1/shelves/a/books/1:move", 405),
        ("GET", "/v1/nowhere", 404),
    ] {
        let fields = [(":method", method), (":scheme", "http"), (":authority", "a"), (":path", path)];
        let said = ask(&world, &fields);
        assert_eq!(said, Said::Status(wanted), "{method} {path}");
        assert_eq!(world.backend.requests().len(), usize::from(wanted == 200), "{method} {path}");
    }
}

#[test]
fn what_is_malformed_ends_its_stream() {
    let world = start();
    let (method, scheme, authority) = ((":method", "GET"), (":scheme", "http"), (":authority", "a"));
    let path = (":path", BOOK);
    let rows: &[(&str, &[(&str, &str)])] = &[
        ("a path without a slash", &[method, scheme, authority, (":path", "v1/shelves/a/books/1")]),
        ("an empty path", &[method, scheme, authority, (":path", "")]),
        ("the asterisk", &[method, scheme, authority, (":path", "*")]),
        ("a URL for a path", &[method, scheme, authority, (":path", "http://a/v1/shelves/a/books/1")]),
        ("a space in the path", &[method, scheme, authority, (":path", "/v1/shelves/a b/books/1")]),
        ("a line break in the path", &[method, scheme, authority, (":path", "/v1/shelves/a\r\n/books/1")]),
        ("no path", &[method, scheme, authority]),
        ("two paths", &[method, scheme, authority, path, path]),
        ("no method", &[scheme, authority, path]),
        ("a space in the method", &[(":method", "GET /"), scheme, authority, path]),
        ("an unknown pseudo-header", &[method, scheme, authority, path, (":status", "200")]),
        ("a pseudo-header after a header", &[method, scheme, authority, ("x-a", "b"), path]),
        ("a name in capitals", &[method, scheme, authority, path, ("X-A", "b")]),
        ("a header of the connection", &[method, scheme, authority, path, ("connection", "close")]),
        ("chunks", &[method, scheme, authority, path, ("transfer-encoding", "chunked")]),
        ("a line break in a header", &[method, scheme, authority, path, ("x-a", "b\r\nc: d")]),
        ("a NUL in a header", &[method, scheme, authority, path, ("x-a", "b\0c")]),
    ];
    let mut wrong = Vec::new();
    for (what, fields) in rows {
        let said = ask(&world, fields);
        let refused = match said {
            Said::Status(status) => (400..500).contains(&status),
            Said::Reset(_) | Said::Gone(Some(_)) => true,
            Said::Gone(None) => false,
        };
        if !refused || !world.backend.requests().is_empty() {
            wrong.push(format!("{what}: {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn streams_that_are_reset_at_once_end_the_connection_and_no_other() {
    const STREAMS: u32 = 20_000;
    let world = start();
    let mut other = world.client();
    assert_eq!(other.get(BOOK).unwrap().status, 200);
    assert_eq!(world.backend.requests().len(), 1);
    let mut connection = Connection::open(&world);
    let request = block(&[(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", BOOK)]);
    let mut sent = 0;
    for stream in (0..STREAMS).map(|at| at * 2 + 1) {
        let both = [frame(HEADERS, WHOLE, stream, &request), frame(RST_STREAM, 0, stream, &CANCEL)].concat();
        if connection.stream.write_all(&both).is_err() {
            break;
        }
        sent += 1;
    }
    // ENHANCE_YOUR_CALM, unless the connection was closed before that could be read
    let said = connection.answer(u32::MAX);
    assert!(matches!(said, Said::Gone(Some(11) | None)), "{said:?} after {sent} streams");
    let reached = world.backend.requests().len();
    assert!(reached < 1_000, "{reached} calls of {sent} streams");
    assert_eq!(other.get(BOOK).unwrap().status, 200);
    assert_eq!(world.client().get(BOOK).unwrap().status, 200);
}
