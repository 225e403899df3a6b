//! Servers that break the rules: what they say ends the stream or the connection, with a reason, and never more.

use std::future::poll_fn;

use bytes::Bytes;
use http::HeaderMap;
use mesh_http2::{Error, Sender, Settings, Stream};
use tokio::task::JoinHandle;

use crate::wire::{
    CONTINUATION, DATA, Frame, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE, Wire, frame,
};
use crate::world::{answer, call, open, settings, soon};

/// `:status 200`, and `grpc-status: 0`.
const OK: &[u8] = &[0x88];
const DONE: &[u8] = b"\x00\x0bgrpc-status\x010";

/// A connection with one call on it, whose server has greeted.
async fn begun(greeting: &[u8], ends: bool) -> (Sender, Wire, Stream, JoinHandle<Result<(), Error>>) {
    let (sender, io, ended) = open(settings());
    let mut wire = Wire(io);
    soon(wire.greet(greeting)).await;
    soon(sender.settled()).await.unwrap();
    let stream = call(&sender, "/a", &HeaderMap::new(), Bytes::from_static(b"body"), ends).unwrap();
    (sender, wire, stream, ended)
}

fn head(flags: u8, block: &[u8]) -> Vec<u8> {
    frame(HEADERS, 0x4 | flags, 1, block)
}

#[tokio::test]
async fn what_breaks_a_connection_ends_it_with_a_reason() {
    let ok = || head(0, OK);
    let large = |size| vec![0; size];
    let cases: Vec<(&str, Vec<u8>, u32)> = vec![
        ("data of the connection", frame(DATA, 0, 0, b"a"), 1),
        ("data of a stream that is not there", frame(DATA, 0, 3, b"a"), 1),
        ("a stream of the server", frame(HEADERS, 0x5, 2, OK), 1),
        ("headers of the connection", frame(HEADERS, 0x5, 0, OK), 1),
        ("a push", frame(5, 0x4, 1, &[0, 0, 0, 2, 0x88]), 1),
        ("padding beyond the frame", [ok(), frame(DATA, 0x8, 1, &[2, 0])].concat(), 1),
        ("padding without a length", [ok(), frame(DATA, 0x8, 1, &[])].concat(), 1),
        ("headers padded beyond the frame", frame(HEADERS, 0xc, 1, &[9, 0x88]), 1),
        ("a priority that is cut", frame(HEADERS, 0x24, 1, &[0, 0]), 1),
        ("a frame that is too large", frame(0xee, 0, 0, &large((32 << 10) + 1)), 6),
        ("a reset of another size", frame(RST_STREAM, 0, 1, &[0; 5]), 6),
        ("a reset of a stream that is not there", frame(RST_STREAM, 0, 9, &[0; 4]), 1),
        ("a ping of another size", frame(PING, 0, 0, &[0; 7]), 6),
        ("a ping of a stream", frame(PING, 0, 1, &[0; 8]), 1),
        ("settings of another size", frame(SETTINGS, 0, 0, &[0; 5]), 6),
        ("settings of a stream", frame(SETTINGS, 0, 1, &[]), 1),
        ("an acknowledgement that says something", frame(SETTINGS, 1, 0, &[0; 6]), 6),
        ("a window of settings beyond all", frame(SETTINGS, 0, 0, &[0, 4, 0x80, 0, 0, 0]), 3),
        ("a size of frames below all", frame(SETTINGS, 0, 0, &[0, 5, 0, 0, 0x3f, 0xff]), 1),
        ("a goaway that is cut", frame(GOAWAY, 0, 0, &[0; 7]), 1),
        ("a window that grows by nothing", frame(WINDOW_UPDATE, 0, 0, &[0; 4]), 1),
        ("a window beyond all", frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]), 3),
        ("a block that is interrupted", [frame(HEADERS, 0, 1, OK), frame(PING, 0, 0, &[0; 8])].concat(), 1),
        (
            "a block that goes on for another",
            [frame(HEADERS, 0, 1, OK), frame(CONTINUATION, 4, 3, &[])].concat(),
            1,
        ),
        ("a block that has not begun", frame(CONTINUATION, 4, 1, OK), 1),
        (
            "a block without an end",
            {
                let more = frame(CONTINUATION, 0, 1, &large(30_000));
                [frame(HEADERS, 0, 1, OK), more.clone(), more.clone(), more].concat()
            },
            11,
        ),
        (
            "empty pieces of a block without an end",
            { [frame(HEADERS, 0, 1, OK), frame(CONTINUATION, 0, 1, &[]).repeat(2000)].concat() },
            11,
        ),
        ("a block that cannot be unpacked", head(0, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), 9),
    ];
    for (what, bytes, reason) in cases {
        let (_sender, mut wire, stream, ended) = begun(&[], true).await;
        wire.send(&bytes).await;
        let end = soon(ended).await.unwrap().expect_err(what);
        assert_eq!(end.reason().map(|reason| reason.0), Some(reason), "{what}: {end}");
        assert!(soon(answer(stream)).await.is_err(), "{what}");
        let told = soon(wire.next_of(GOAWAY)).await.unwrap_or_else(|| panic!("{what}: no GOAWAY"));
        assert_eq!(told.payload[4..], reason.to_be_bytes(), "{what}");
    }
}

#[tokio::test]
async fn data_beyond_the_window_of_the_connection_ends_it() {
    let (sender, io, ended) = open(Settings { stream_window: 1 << 20, ..settings() });
    let mut wire = Wire(io);
    soon(wire.greet(&[])).await;
    soon(sender.settled()).await.unwrap();
    let _unread = call(&sender, "/a", &HeaderMap::new(), Bytes::new(), true).unwrap();
    wire.send(&head(0, OK)).await;
    for _ in 0..4 {
        wire.send(&frame(DATA, 0, 1, &vec![0; 20_000])).await;
    }
    let end = soon(ended).await.unwrap().unwrap_err();
    assert_eq!(end.reason().map(|reason| reason.0), Some(3), "{end}");
}

#[tokio::test]
async fn what_breaks_a_stream_resets_it_and_the_connection_goes_on() {
    let cases: Vec<(&str, Vec<u8>, u32)> = vec![
        ("data before a head", frame(DATA, 1, 1, b"a"), 1),
        ("a head without a status", head(0, DONE), 1),
        ("a status that is none", head(1, b"\x08\x0320x"), 1),
        ("trailers that are not the end", [head(0, OK), head(0, DONE)].concat(), 1),
        ("trailers with a status", [head(0, OK), head(1, OK)].concat(), 1),
        ("an early answer that is the end", head(1, b"\x08\x03103"), 1),
        ("a name with capitals", head(1, b"\x88\x00\x01A\x01b"), 1),
        ("a value with a line break", head(1, b"\x88\x00\x01a\x01\n"), 1),
        ("a field of the connection", head(1, b"\x88\x00\x0aconnection\x01a"), 1),
        (
            "headers beyond what we allow",
            head(1, &[b"\x88\x00\x01a\x7f\xa1\x1f".as_slice(), &[b'v'; 4128]].concat()),
            11,
        ),
        (
            "more data than the stream's window",
            [head(0, OK), frame(DATA, 0, 1, &vec![0; 20_001])].concat(),
            3,
        ),
        ("a window that grows by nothing", frame(WINDOW_UPDATE, 0, 1, &[0; 4]), 1),
        ("a window beyond all", frame(WINDOW_UPDATE, 0, 1, &[0x7f, 0xff, 0xff, 0xff]), 3),
    ];
    for (what, bytes, reason) in cases {
        let (sender, mut wire, stream, _ended) = begun(&[], true).await;
        wire.send(&bytes).await;
        let error = soon(answer(stream)).await.expect_err(what);
        assert!(error.is_reset() && error.reason().map(|reason| reason.0) == Some(reason), "{what}: {error}");
        let told = soon(wire.next_of(RST_STREAM)).await.unwrap();
        assert_eq!((told.id, &told.payload[..]), (1, &reason.to_be_bytes()[..]), "{what}");
        // late frames of it mean nothing, but for what they count
        wire.send(&[frame(DATA, 0, 1, b"late"), frame(RST_STREAM, 0, 1, &[0, 0, 0, 8])].concat()).await;
        let next = call(&sender, "/b", &HeaderMap::new(), Bytes::new(), true).unwrap();
        wire.send(
            &[frame(HEADERS, 4, 3, OK), frame(DATA, 0, 3, b"good"), frame(HEADERS, 5, 3, DONE)].concat(),
        )
        .await;
        assert_eq!(soon(answer(next)).await.unwrap().body, b"good", "{what}");
    }
}

#[tokio::test]
async fn an_answer_is_read_however_it_is_cut() {
    let whole = [
        frame(HEADERS, 0x4, 1, b"\x08\x03103"),
        frame(HEADERS, 0x28, 1, &[2, 0, 0, 0, 0, 9, 0x88, 0, 0]),
        frame(CONTINUATION, 0, 1, b"\x00\x01a"),
        frame(CONTINUATION, 4, 1, b"\x01b"),
        frame(0xfa, 0xff, 1, b"unknown"),
        frame(DATA, 0x8, 1, b"\x03some\0\0\0"),
        frame(DATA, 0, 1, b""),
        frame(DATA, 0, 1, &[b'x'; 5000]),
        frame(HEADERS, 5, 1, DONE),
    ]
    .concat();
    for size in [1, 2, 7, 9, 10, 100, 4096, whole.len()] {
        let (_sender, mut wire, stream, _ended) = begun(&[], true).await;
        let read = tokio::spawn(answer(stream));
        for piece in whole.chunks(size) {
            wire.send(piece).await;
            tokio::task::yield_now().await;
        }
        let read = soon(read).await.unwrap().unwrap();
        assert_eq!((read.status.as_u16(), &read.headers["a"]), (200, &"b".parse().unwrap()));
        assert_eq!(read.body, [b"some".as_slice(), &[b'x'; 5000]].concat(), "pieces of {size}");
        assert_eq!(read.trailers.unwrap()["grpc-status"], "0");
    }
}

#[tokio::test]
async fn a_server_that_leaves_has_processed_no_later_stream() {
    let (sender, mut wire, first, ended) = begun(&[], true).await;
    let second = call(&sender, "/b", &HeaderMap::new(), Bytes::new(), true).unwrap();
    soon(wire.next_of(HEADERS)).await.unwrap();
    wire.send(&frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0])).await;
    let refused = soon(answer(second)).await.unwrap_err();
    assert!(refused.is_unprocessed() && !refused.is_reset(), "{refused}");
    assert!(call(&sender, "/c", &HeaderMap::new(), Bytes::new(), true).is_err());
    wire.send(&[head(0, OK), head(1, DONE)].concat()).await;
    assert_eq!(soon(answer(first)).await.unwrap().status, 200);
    soon(ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn streams_wait_for_a_server_that_allows_none() {
    // at most no stream
    let (sender, mut wire, stream, _ended) = begun(&[0, 3, 0, 0, 0, 0], true).await;
    assert_eq!(sender.streams(), 0);
    let given_up = call(&sender, "/b", &HeaderMap::new(), Bytes::new(), true).unwrap();
    drop(given_up);
    wire.send(&frame(PING, 0, 0, b"12345678")).await;
    let mut seen = Vec::new();
    loop {
        let Frame { kind, flags, .. } = soon(wire.next()).await.unwrap();
        seen.push(kind);
        if (kind, flags) == (PING, 1) {
            break;
        }
    }
    assert!(!seen.contains(&HEADERS), "{seen:?}");
    wire.send(&frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 1])).await;
    let opened = soon(wire.next_of(HEADERS)).await.unwrap();
    assert_eq!(opened.id, 1, "the one that was given up has no id");
    wire.send(&[head(0, OK), head(1, DONE)].concat()).await;
    assert_eq!(soon(answer(stream)).await.unwrap().status, 200);
}

#[tokio::test]
async fn requests_keep_to_the_windows_of_the_server() {
    // ten bytes of each stream
    let (sender, mut wire, stream, _ended) = begun(&[0, 4, 0, 0, 0, 10], false).await;
    let mut upload = stream.upload();
    soon(poll_fn(|cx| upload.poll_ready(cx))).await.unwrap();
    upload.send(Bytes::from_static(b"0123456789"), true);
    let first = soon(wire.next_of(DATA)).await.unwrap();
    let second = soon(wire.next_of(DATA)).await.unwrap();
    assert_eq!((&first.payload[..], &second.payload[..], second.flags), (&b"body"[..], &b"012345"[..], 0));
    // smaller than what was sent already, then larger
    wire.send(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 2])).await;
    wire.send(&frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 9])).await;
    let third = soon(wire.next_of(DATA)).await.unwrap();
    assert_eq!((&third.payload[..], third.flags), (&b"6"[..], 0));
    wire.send(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 100])).await;
    let last = soon(wire.next_of(DATA)).await.unwrap();
    assert_eq!((&last.payload[..], last.flags), (&b"789"[..], 1));
    drop((sender, stream));
}

#[tokio::test]
async fn answers_that_nobody_takes_end_the_connection() {
    let (_sender, mut wire, _stream, ended) = begun(&[], true).await;
    let flood = tokio::spawn(async move {
        // nothing is read meanwhile
        for _ in 0..500 {
            wire.send(&frame(PING, 0, 0, &[0; 8]).repeat(100)).await;
        }
        wire
    });
    let end = soon(ended).await.unwrap().unwrap_err();
    assert_eq!(end.reason().map(|reason| reason.0), Some(11), "{end}");
    drop(flood.await);
}

#[tokio::test]
async fn a_server_that_speaks_something_else_is_none() {
    for words in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        &frame(PING, 0, 0, &[0; 8]),
        &frame(SETTINGS, 1, 0, &[]),
        b"",
    ] {
        let (sender, io, ended) = open(settings());
        let mut wire = Wire(io);
        wire.send(words).await;
        if words.is_empty() {
            drop(wire);
        }
        assert!(soon(sender.settled()).await.is_err(), "{words:?}");
        assert!(soon(ended).await.unwrap().is_err());
    }
}

#[tokio::test]
async fn a_lost_connection_ends_all_of_its_streams() {
    let (sender, wire, stream, ended) = begun(&[], true).await;
    drop(wire);
    let lost = soon(answer(stream)).await.unwrap_err();
    assert_eq!(lost.to_string(), "the connection ended: the server closed it");
    assert!(!lost.is_reset() && !lost.is_unprocessed());
    assert!(soon(ended).await.unwrap().is_err());
    assert!(soon(sender.ping()).await.is_err());
}
