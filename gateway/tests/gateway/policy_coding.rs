//! Content codings, of answers and of requests.

use std::io::{Read as _, Write as _};

use gateway::{Coding, Compression, Limits, Policies};
use serde_json::Value;

use crate::raw::{Connection, Reply};
use crate::world::{Setup, World, start, start_with, within};

const JOBS: &str = "/jobs/v1/tool/alpha/jobs";
const STREAM: &str = "/logs/v1/tool/alpha/job/x/logs_stream";

async fn coding(event_streams: bool) -> World {
    let compression = Some(Compression { event_streams, ..Compression::default() });
    let policies = Policies { compression, etags: true, decode: Coding::ALL.into(), ..Policies::default() };
    let limits = Limits { body_bytes: 64 << 10, ..Limits::default() };
    start_with(Setup { limits, policies, ..Setup::default() }).await
}

fn encode(coding: &str, data: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(data).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
            encoder.write_all(data).unwrap();
            encoder.into_inner()
        }
        _ => zstd::encode_all(data, 3).unwrap(),
    }
}

/// What can be read of a body so far.
fn decode(coding: &str, wire: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut reader: Box<dyn std::io::Read> = match coding {
        "gzip" => Box::new(flate2::read::GzDecoder::new(wire)),
        "br" => Box::new(brotli::Decompressor::new(wire, 4096)),
        _ => Box::new(zstd::stream::read::Decoder::new(wire).unwrap()),
    };
    let mut byte = [0];
    while let Ok(1) = reader.read(&mut byte) {
        out.push(byte[0]);
    }
    out
}

async fn ask(world: &World, method: &str, target: &str, headers: &str) -> Reply {
    world.connect().await.request(method, target, headers, b"").await
}

#[tokio::test]
async fn answers_come_in_the_coding_that_was_asked_for() {
    let world = coding(false).await;
    let plain = ask(&world, "GET", "/openapi.json", "").await;
    assert_eq!((plain.header("vary"), plain.header("content-encoding")), (Some("accept-encoding"), None));
    for name in ["gzip", "br", "zstd"] {
        let reply = ask(&world, "GET", "/openapi.json", &format!("Accept-Encoding: {name}\r\n")).await;
        assert_eq!(reply.header("content-encoding"), Some(name));
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(
            (reply.header("vary"), reply.header("etag")),
            (plain.header("vary"), plain.header("etag"))
        );
        assert!(decode(name, &reply.body) == plain.body && reply.body.len() * 4 < plain.body.len());
        let known =
            format!("Accept-Encoding: {name}\r\nIf-None-Match: {}\r\n", plain.header("etag").unwrap());
        let unchanged = ask(&world, "GET", "/openapi.json", &known).await;
        assert_eq!((unchanged.status(), unchanged.header("content-encoding")), (304, None));
        assert_eq!(unchanged.header("vary"), plain.header("vary"), "as the 200 has it");
        let head = ask(&world, "HEAD", "/openapi.json", &format!("Accept-Encoding: {name}\r\n")).await;
        assert_eq!((head.status(), head.header("content-encoding"), head.body.len()), (200, Some(name), 0));
    }
    for refusing in ["identity", "gzip;q=0", "deflate", "compress, x-zip", "gzip;q=nan", ";;,,="] {
        let reply = ask(&world, "GET", "/openapi.json", &format!("Accept-Encoding: {refusing}\r\n")).await;
        assert_eq!((reply.header("content-encoding"), reply.body == plain.body), (None, true), "{refusing}");
    }
    let small = ask(&world, "GET", "/jobs/v1/healthz", "Accept-Encoding: gzip\r\n").await;
    assert_eq!((small.header("content-encoding"), small.header("vary")), (None, None));
}

#[tokio::test]
async fn without_settings_answers_and_requests_are_as_they_were() {
    let world = start().await;
    let reply = ask(&world, "GET", "/openapi.json", "Accept-Encoding: gzip, br, zstd\r\n").await;
    assert_eq!(
        (reply.header("content-encoding"), reply.header("vary"), reply.header("etag")),
        (None, None, None)
    );
    let headers = "Content-Type: application/json\r\nContent-Encoding: gzip\r\n";
    let body = encode("gzip", b"{\"name\": \"x\"}");
    let reply = world.connect().await.request("POST", JOBS, headers, &body).await;
    assert_eq!((reply.status(), reply.header("accept-encoding")), (415, Some("identity")));
}

/// Reads chunks until what they decode to holds a text.
async fn until(connection: &mut Connection, coding: &str, wire: &mut Vec<u8>, text: &str) {
    while !String::from_utf8_lossy(&decode(coding, wire)).contains(text) {
        wire.extend(within(connection.chunk()).await.unwrap().expect("more of the stream"));
    }
}

#[tokio::test]
async fn records_of_a_stream_can_be_read_as_they_come() {
    let world = coding(true).await;
    for accept in ["application/x-ndjson", "text/event-stream", "application/json"] {
        for name in ["gzip", "br", "zstd"] {
            let feed = world.fake.feed();
            let mut connection = world.connect().await;
            feed.send(Ok("first".into())).await.unwrap();
            let headers = format!("Accept: {accept}\r\nAccept-Encoding: {name}\r\nTE: trailers\r\n");
            connection.ask("GET", STREAM, &headers, b"").await;
            let head = within(connection.head()).await.unwrap();
            assert_eq!(head.header("content-encoding"), Some(name), "{accept}");
            let mut wire = Vec::new();
            until(&mut connection, name, &mut wire, "first").await;
            feed.send(Ok("second".into())).await.unwrap();
            until(&mut connection, name, &mut wire, "second").await;
            feed.send(Err(tonic::Status::aborted("no more"))).await.unwrap();
            drop(feed);
            while let Some(chunk) = within(connection.chunk()).await.unwrap() {
                wire.extend(chunk);
            }
            assert!(String::from_utf8_lossy(&decode(name, &wire)).contains("no more"), "{accept} {name}");
            let trailers = connection.fields().await.unwrap();
            assert!(trailers.contains(&("grpc-status".into(), "10".into())), "{trailers:?}");
        }
    }
}

#[tokio::test]
async fn event_streams_are_left_alone_where_it_is_not_switched_on() {
    let world = coding(false).await;
    for (accept, expected) in [("text/event-stream", None), ("application/x-ndjson", Some("br"))] {
        let headers = format!("Accept: {accept}\r\nAccept-Encoding: br\r\n");
        assert_eq!(ask(&world, "GET", STREAM, &headers).await.header("content-encoding"), expected);
    }
}

async fn send(world: &World, coding: &str, body: &[u8]) -> Reply {
    let headers = format!("Content-Type: application/json\r\nContent-Encoding: {coding}\r\n");
    world.connect().await.request("POST", JOBS, &headers, body).await
}

#[tokio::test]
async fn requests_may_come_in_a_coding() {
    let world = coding(false).await;
    let long = format!("{{\"name\": \"x\", \"cmd\": \"{}\"}}", "true ".repeat(5000));
    for name in ["gzip", "br", "zstd", "GZIP", "x-gzip", "identity, gzip"] {
        let coding = name.trim_start_matches("identity, ").trim_start_matches("x-").to_lowercase();
        for text in [r#"{"name": "x"}"#, &long] {
            let reply = send(&world, name, &encode(&coding, text.as_bytes())).await;
            assert_eq!(reply.status(), 201, "{name}: {}", reply.text());
            assert!(world.fake.only().request.contains("\"x\""));
        }
        let wire = encode(&coding, long.as_bytes());
        for broken in
            [&wire[..wire.len() - 3], &wire[1..], b"{\"name\": \"x\"}", &[&wire[..], b"{}"].concat()]
        {
            let reply = send(&world, name, broken).await;
            assert_eq!(reply.status(), 400, "{name}: {}", reply.text());
            let message = reply.json()["message"].as_str().unwrap().to_owned();
            assert!(message.starts_with("the body is not valid"), "{message}");
        }
    }
    for name in ["gzip", "br", "zstd"] {
        for spaces in [65 << 10, 8 << 20] {
            let bomb = encode(name, &vec![b' '; spaces]);
            let reply = send(&world, name, &bomb).await;
            assert_eq!(reply.status(), 413, "{name}: {}", reply.text());
        }
    }
    for unknown in ["deflate", "gzip, br", "gzip, gzip", "aes128gcm", "*", "g\u{7a}ip;q=1", "gzip br"] {
        let reply = send(&world, unknown, &encode("gzip", b"{\"name\": \"x\"}")).await;
        assert_eq!(reply.status(), 415, "{unknown}");
        assert_eq!(reply.header("accept-encoding"), Some("zstd, br, gzip"));
    }
    assert!(world.fake.seen().is_empty());
    let empty = send(&world, "gzip", b"").await;
    assert_ne!(empty.status(), 500);
    let json: Value = empty.json();
    assert!(json.is_object());
}
