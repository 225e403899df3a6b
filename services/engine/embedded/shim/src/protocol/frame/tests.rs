//! Frames survive being cut anywhere, and refuse what cannot be.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use super::*;
use crate::protocol::{State, StopReason, VERSION};

fn welcome() -> Vec<u8> {
    let mut bytes = Vec::new();
    let event = Event::Welcome { version: VERSION, shim: 7, state: State::Starting };
    encode_event(&event, &mut bytes).unwrap();
    bytes
}

#[test]
fn messages_survive_every_cut() {
    let mut bytes = welcome();
    encode_output(Kind::Stdout, b"hello\n", &mut bytes);
    encode_output(Kind::Stderr, b"", &mut bytes);
    for cut in 0..bytes.len() {
        let mut decoder = Decoder::new();
        let mut seen = Vec::new();
        for part in [&bytes[..cut], &bytes[cut..]] {
            decoder.push(part, []);
            while let Some(message) = decoder.next().unwrap() {
                seen.push(message);
            }
        }
        let [Message::Event(Event::Welcome { shim: 7, .. }), Message::Stdout(out), Message::Stderr(err)] =
            seen.as_slice()
        else {
            panic!("cut at {cut}: {seen:?}")
        };
        assert_eq!((out.as_slice(), err.as_slice()), (&b"hello\n"[..], &b""[..]));
    }
}

#[test]
fn impossible_frames_are_refused() {
    for (bytes, wanted) in [
        (vec![0, 0, 0, 0], "a frame of 0 bytes is not possible"),
        (vec![255, 255, 255, 255], "a frame of 4294967295 bytes is not possible"),
        (vec![1, 0, 0, 0, 9], "frame kind 9 is not known"),
        (vec![1, 0, 0, 0, 3], "frame kind 3 is not known"),
    ] {
        let mut decoder = Decoder::new();
        decoder.push(&bytes, []);
        assert_eq!(decoder.next().unwrap_err().to_string(), wanted);
    }
}

#[test]
fn a_connection_without_its_descriptor_is_an_error() {
    let mut bytes = Vec::new();
    encode_event(&Event::Connected { id: 3 }, &mut bytes).unwrap();
    let mut decoder = Decoder::new();
    decoder.push(&bytes, []);
    assert!(matches!(decoder.next(), Err(FrameError::Descriptor(3))));
}

#[test]
fn long_input_is_cut_into_frames() {
    let mut bytes = Vec::new();
    encode_input(&vec![b'x'; MAX_FRAME * 2], &mut bytes);
    let mut frames = Frames::default();
    frames.push(&bytes);
    let mut total = 0;
    while let Some((kind, payload)) = frames.next().unwrap() {
        assert_eq!(kind, Kind::Stdin);
        total += payload.len();
    }
    assert_eq!(total, MAX_FRAME * 2);
}

#[test]
fn an_oversized_request_is_refused_before_it_is_sent() {
    let argv = vec!["x".repeat(MAX_FRAME)];
    let request = Request::Exec { id: 1, argv, timeout: Duration::from_secs(1) };
    assert!(matches!(encode_request(&request, &mut Vec::new()), Err(FrameError::Length(_))));
}

#[test]
fn requests_are_spelled_so() {
    let request = Request::Stop { grace: Duration::from_secs(30), reason: StopReason::Unhealthy };
    let json = serde_json::to_string(&request).unwrap();
    assert_eq!(json, r#"{"do":"stop","grace":{"secs":30,"nanos":0},"reason":"unhealthy"}"#);
}
