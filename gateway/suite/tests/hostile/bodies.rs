//! Bodies as HTTP carries them: content types, codings, lengths, chunks.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::world::{all_good, start};

const ECHO: &str = "/v1/echo";

/// What it is, its headers, its body, and the status that it must get.
type Line<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [u8], u16);

/// What gzip makes of these bytes.
fn gzip(bytes: Vec<u8>) -> Vec<u8> {
    let mut child = Command::new("gzip").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output.stdout
}

#[test]
fn content_types_and_codings_are_held_to_what_they_say() {
    let world = start();
    let mut wrong = String::new();
    let packed = gzip(br#"{"string_field":"a"}"#.to_vec());
    let bomb = gzip(vec![b' '; 64 << 20]);
    assert!(bomb.len() < 100_000);
    let lines: &[Line] = &[
        ("no type", &[], b"{}", 200),
        ("another type", &[("content-type", "text/plain")], b"{}", 415),
        ("a form", &[("content-type", "application/x-www-form-urlencoded")], b"a=b", 415),
        ("a type with a character set", &[("content-type", "application/json; charset=utf-8")], b"{}", 200),
        ("gzip", &[("content-encoding", "gzip")], &packed, 200),
        ("gzip that is none", &[("content-encoding", "gzip")], b"{}", 400),
        ("gzip that is cut", &[("content-encoding", "gzip")], &packed[..packed.len() - 9], 400),
        ("gzip with something after it", &[("content-encoding", "gzip")], &[&packed[..], b"x"].concat(), 400),
        ("gzip of 64 MiB", &[("content-encoding", "gzip")], &bomb, 413),
        ("an unknown coding", &[("content-encoding", "rot13")], b"{}", 415),
    ];
    for (what, headers, body, wanted) in lines {
        let answer = world.client().send("POST", ECHO, headers, body).unwrap();
        world.judge(what, *wanted, &answer, &mut wrong);
    }
    all_good(&wrong);
}

#[test]
fn a_body_beyond_the_limit_is_refused_however_it_comes() {
    let world = start();
    let mut wrong = String::new();
    let large = vec![b' '; 5 << 20];
    let answer = world.client().json("POST", ECHO, &large).unwrap();
    world.judge("a length beyond the limit", 413, &answer, &mut wrong);
    let head = format!("POST {ECHO} HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999999\r\n\r\n");
    let answer = world.raw(head.as_bytes()).expect("an answer");
    assert_eq!(answer.status, 400, "a length that is no number");
    let mut client = world.client();
    let head = format!("POST {ECHO} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
    client.write(head.as_bytes()).unwrap();
    for _ in 0..5 {
        let chunk = [&b"100000\r\n"[..], &vec![b' '; 1 << 20], b"\r\n"].concat();
        if client.write(&chunk).is_err() {
            break;
        }
    }
    let status = client.head(false).unwrap().status;
    assert_eq!(status, 413, "chunks beyond the limit");
    assert!(world.backend.requests().is_empty());
    all_good(&wrong);
}

/// Requests whose end two readers could see at different places.
const SMUGGLED: &[(&str, &str)] = &[
    ("two lengths", "content-length: 2\r\ncontent-length: 3\r\n\r\n{}x"),
    ("a length of two values", "content-length: 2, 3\r\n\r\n{}x"),
    ("a negative length", "content-length: -1\r\n\r\n{}"),
    ("a length with a sign", "content-length: +2\r\n\r\n{}"),
    ("an unknown transfer coding", "transfer-encoding: rot13\r\n\r\n{}"),
    ("chunked, and something after it", "transfer-encoding: chunked, gzip\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
    ("a chunk's size that is none", "transfer-encoding: chunked\r\n\r\nz\r\n{}\r\n0\r\n\r\n"),
    (
        "a chunk's size beyond 64 bits",
        "transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    ),
    ("a chunk that is longer than it says", "transfer-encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n"),
    ("a bare LF after a chunk's size", "transfer-encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n"),
    ("a bare LF after a chunk", "transfer-encoding: chunked\r\n\r\n2\r\n{}\n0\r\n\r\n"),
    ("a bare LF in a chunk's extension", "transfer-encoding: chunked\r\n\r\n2;a\n{}\r\n0\r\n\r\n"),
    ("a bare CR after a chunk's size", "transfer-encoding: chunked\r\n\r\n2\r{}\r\n0\r\n\r\n"),
    ("a bare CR in a header", "x-a: b\rcontent-length: 2\r\n\r\n{}"),
    ("a space before a colon", "x-a : b\r\ncontent-length: 2\r\n\r\n{}"),
    ("a folded header", "x-a: b\r\n c\r\ncontent-length: 2\r\n\r\n{}"),
    ("a NUL in a header", "x-a: b\0c\r\ncontent-length: 2\r\n\r\n{}"),
];

#[test]
fn requests_of_two_readings_never_reach_the_backend() {
    let world = start();
    for (what, rest) in SMUGGLED {
        let request = format!("POST {ECHO} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{rest}");
        if let Some(answer) = world.raw(request.as_bytes()) {
            assert!((400..500).contains(&answer.status), "{what}: {}", answer.status);
        }
        assert!(world.backend.requests().is_empty(), "{what} reached the backend");
    }
}

#[test]
fn a_length_beside_chunks_is_read_as_chunks_and_ends_the_connection() {
    let world = start();
    let both = "content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let request = format!("POST {ECHO} HTTP/1.1\r\nhost: a\r\n{both}GET {ECHO} HTTP/1.1\r\nhost: a\r\n\r\n");
    let answer = world.raw(request.as_bytes());
    // RFC 9112, 6.3: an error, or the chunks; never the length
    if let Some(answer) = answer {
        assert!([200, 400].contains(&answer.status), "{}", answer.status);
    }
    for call in world.backend.requests() {
        assert_eq!(&call.body[..], [0; 5], "an empty message");
    }
}

#[test]
fn extensions_of_chunks_are_stepped_over_and_have_a_bound() {
    let world = start();
    let head =
        format!("POST {ECHO} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n");
    for extension in [";a", ";a=b", ";a=\"b;c\"", " ;a=b", ";a=0\t"] {
        let request = format!("{head}2{extension}\r\n{{}}\r\n0{extension}\r\n\r\n");
        let answer = world.raw(request.as_bytes()).expect("an answer");
        assert_eq!(answer.status, 200, "{extension:?}: {}", answer.text());
        let calls = world.backend.requests();
        assert_eq!(calls.iter().map(|call| &call.body[..]).collect::<Vec<_>>(), [[0; 5]], "{extension:?}");
    }
    let long = format!("{head}2;{}\r\n{{}}\r\n0\r\n\r\n", "a".repeat(1 << 20));
    let many = format!("{head}{}0\r\n\r\n", format!("1;{}\r\n \r\n", "a".repeat(100)).repeat(10_000));
    for request in [long, many] {
        if let Some(answer) = world.raw(request.as_bytes()) {
            assert!((400..500).contains(&answer.status), "{}", answer.status);
        }
        assert!(world.backend.requests().is_empty());
    }
}

#[test]
fn a_bare_lf_ends_a_line_of_the_head_or_the_connection() {
    let world = start();
    // RFC 9112, 2.2: a recipient may take it for the end of a line, and then of every line alike
    for head in [
        format!("POST {ECHO} HTTP/1.1\nhost: a\ncontent-length: 2\n\n{{}}"),
        format!("POST {ECHO} HTTP/1.1\r\nhost: a\ncontent-length: 2\r\n\n{{}}"),
        format!("POST {ECHO} HTTP/1.1\r\nhost: a\r\nx-a: b\ncontent-length: 2\r\n\r\n{{}}"),
    ] {
        let request = head.replacen("host: a", "host: a\r\nconnection: close", 1);
        let status = world.raw(request.as_bytes()).map(|answer| answer.status);
        let calls = world.backend.requests();
        match status {
            Some(200) => assert_eq!(calls.iter().map(|call| &call.body[..]).collect::<Vec<_>>(), [[0; 5]]),
            Some(400) | None => assert!(calls.is_empty()),
            other => panic!("{other:?} to {head:?}"),
        }
    }
}
