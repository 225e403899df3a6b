//! What a backend may not send, and what the client then sees.

use gateway_suite::{RawAnswer, frame};
use serde_json::Value;

use crate::world::start;

const BOOK: &str = "/v1/shelves/a/books/1";
const GET_BOOK: &str = "/library.v1.Library/GetBook";
const WATCH: &str = "/v1/shelves/a/books:watch";
const WATCH_BOOKS: &str = "/library.v1.Library/WatchBooks";

/// The answer to one call, and the status of HTTP that it becomes.
fn replies() -> Vec<(&'static str, RawAnswer, u16)> {
    let message = |bytes: &[u8]| RawAnswer::messages([bytes]);
    vec![
        ("nothing odd", message(b"\x0a\x01a"), 200),
        ("an overlong varint", message(b"\x40\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 502),
        ("a varint that is cut", message(b"\x40\xff"), 502),
        ("another wire type than the field's", message(b"\x42\x01a"), 200),
        ("field 0", message(b"\x02\x01a"), 502),
        ("wire type 6", message(b"\x0e"), 502),
        ("a group that does not end", message(b"\xa3\x06"), 502),
        ("a group that did not begin", message(b"\xa4\x06"), 502),
        ("nested unknown groups", message(&[0xa3, 0x06].repeat(100_000)), 502),
        ("nested known messages", message(&nested(50_000)), 502),
        ("a length past the end", message(b"\x0a\x05a"), 502),
        ("a length of 4 GB", message(b"\x0a\xff\xff\xff\xff\x0fa"), 502),
        ("a singular field twice: the last counts", message(b"\x0a\x01a\x0a\x01b"), 200),
        ("text that is no UTF-8", message(b"\x0a\x01\xff"), 502),
        ("an unknown number of an enum", message(b"\x28\x63"), 200),
        ("a flag of compression without a coding", RawAnswer::head().piece(frame(1, b"x")).ok(), 502),
        ("a message in zstd", in_zstd(&[&[0x19, 0, 0], &b"\x0a\x01a"[..]].concat(), 3), 200),
        ("a message in zstd that is cut", in_zstd(&[0x19, 0, 0, 0x0a], 3), 502),
        ("a bomb in zstd", in_zstd(&bomb(), 64 << 17), 502),
        ("a flag that is not defined", RawAnswer::head().piece(frame(7, b"")).ok(), 502),
        ("two messages", RawAnswer::messages([b"", b""]), 502),
        ("no message and status 0", RawAnswer::head().ok(), 502),
        (
            "a message and then a failure",
            RawAnswer::head().piece(frame(0, b"")).trailer("grpc-status", "5"),
            404,
        ),
        ("a message that is cut", RawAnswer::head().piece(frame(0, b"abc").slice(..6)).ok(), 502),
        ("a header of a message that is cut", RawAnswer::head().piece(vec![0, 0]).ok(), 502),
        ("a message of 4 GB", RawAnswer::head().piece(vec![0, 0xff, 0xff, 0xff, 0xff]).ok(), 502),
        ("no status", RawAnswer::head().piece(frame(0, b"")), 502),
        ("nothing at all", RawAnswer::head(), 502),
        ("a status that is no number", RawAnswer::head().header("grpc-status", "x"), 500),
        ("a status that is not defined", RawAnswer::head().header("grpc-status", "99"), 500),
        ("a reset", RawAnswer::head().reset(), 502),
        ("a reset in a message", RawAnswer::head().piece(vec![0, 0, 0, 0, 9, 1]).reset(), 502),
        (
            "another content type",
            RawAnswer::default().http_status(200).header("content-type", "text/html"),
            502,
        ),
        ("503 of a proxy", RawAnswer::default().http_status(503).header("content-type", "text/html"), 503),
    ]
}

/// A message of so many bytes in a frame of zstd (RFC 8878, 3.1.1) with these blocks.
fn in_zstd(blocks: &[u8], size: u32) -> RawAnswer {
    let packed = [&[0x28, 0xb5, 0x2f, 0xfd, 0xa0][..], &size.to_le_bytes(), blocks].concat();
    RawAnswer::head().header("grpc-encoding", "zstd").piece(frame(1, &packed)).ok()
}

/// Blocks of 128 KiB that say one byte each.
fn bomb() -> Vec<u8> {
    let block = |last: u32| (last | 1 << 1 | (1 << 17) << 3).to_le_bytes();
    (0..64).flat_map(|index| [&block(u32::from(index == 63))[..3], &[0]].concat()).collect()
}

/// A book with a sequel with a sequel, so many times.
fn nested(depth: usize) -> Vec<u8> {
    let mut reversed: Vec<u8> = Vec::new();
    for _ in 0..depth {
        let mut length = reversed.len();
        let mut varint = Vec::new();
        while length >= 0x80 {
            varint.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
            length >>= 7;
        }
        varint.push(u8::try_from(length).unwrap());
        reversed.extend(varint.iter().rev());
        // field 19, a message
        reversed.extend([0x01, 0x9a]);
    }
    reversed.reverse();
    reversed
}

#[test]
fn each_reply_has_its_answer() {
    let world = start();
    let mut wrong = Vec::new();
    for (what, reply, wanted) in replies() {
        world.backend.answer(GET_BOOK, reply);
        let answer = world.client().get(BOOK).unwrap();
        let explained = answer.status == 200 || answer.json().is_ok_and(|status| status["code"].is_u64());
        // a fault of the backend may be told as 500 or as 502
        let fault = wanted == 502 && (answer.status == 500 || answer.status == 503);
        if (answer.status != wanted && !fault) || !explained {
            wrong.push(format!("{what}: {} instead of {wanted}: {}", answer.status, answer.text()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn control_characters_in_a_backends_message_stay_in_the_text() {
    let world = start();
    let (sent, text) = ("a%00b%0D%0Ax-evil: 1%7F%C3%A9%ff", "a\0b\r\nx-evil: 1\x7fé\u{fffd}");
    for reply in [
        RawAnswer::failure(5, sent),
        RawAnswer::head().trailer("grpc-status", "5").trailer("grpc-message", sent),
    ] {
        world.backend.answer(GET_BOOK, reply);
        let answer = world.client().get(BOOK).unwrap();
        assert_eq!((answer.status, answer.header("x-evil")), (404, None));
        assert_eq!(answer.json().unwrap()["message"], text);
        assert!(!answer.body.contains(&0), "{:?}", answer.text());
    }
    let late = RawAnswer::head().piece(frame(0, b"\x0a\x01a"));
    world.backend.answer(WATCH_BOOKS, late.trailer("grpc-status", "5").trailer("grpc-message", sent));
    let accept = [("accept", "application/x-ndjson"), ("te", "trailers")];
    let answer = world.client().send("GET", WATCH, &accept, b"").unwrap();
    let last: Value = serde_json::from_str(answer.text().lines().last().unwrap()).unwrap();
    assert_eq!(last["error"]["message"], text);
    assert!(!answer.body.contains(&0) && answer.trailers.iter().all(|(name, _)| name != "x-evil"));
}

#[test]
fn a_stream_that_breaks_says_so_in_its_last_record() {
    let world = start();
    let good = frame(0, b"\x0a\x01a");
    let breaks = [
        ("a failure", RawAnswer::head().piece(good.clone()).trailer("grpc-status", "10")),
        ("a message that is cut", RawAnswer::head().piece(good.clone()).piece(vec![0, 0, 0, 0, 9, 1]).ok()),
        (
            "a message that cannot be read",
            RawAnswer::head().piece(good.clone()).piece(frame(0, b"\x0a\x05a")).ok(),
        ),
        ("no status", RawAnswer::head().piece(good)),
    ];
    for (what, reply) in breaks {
        world.backend.answer(WATCH_BOOKS, reply);
        let accept = [("accept", "application/x-ndjson")];
        let answer = world.client().send("GET", WATCH, &accept, b"").unwrap();
        assert_eq!(answer.status, 200, "{what}");
        let lines: Vec<Value> =
            answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["name"], "a", "{what}");
        assert_eq!(lines.len(), 2, "{what}: {lines:?}");
        assert!(lines[1]["error"]["code"].as_u64().is_some_and(|code| code > 0), "{what}: {lines:?}");
    }
}

#[test]
fn a_stream_whose_first_message_cannot_be_read_is_an_error_like_any_other() {
    let world = start();
    world.backend.answer(WATCH_BOOKS, RawAnswer::messages([b"\x0a\x05a"]));
    let answer = world.client().get(WATCH).unwrap();
    assert_eq!(answer.status, 500, "{}", answer.text());
    assert_eq!(answer.json().unwrap()["code"], 13);
}
