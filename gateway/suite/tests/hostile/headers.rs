//! Headers.

use std::time::{Duration, Instant};

use gateway_suite::RawAnswer;

use crate::world::{World, all_good, start};

const BOOK: &str = "/v1/shelves/a/books/1";

/// The metadata of the one call that a request with these headers made.
fn metadata(world: &World, headers: &[(&str, &str)]) -> http::HeaderMap {
    let answer = world.client().send("GET", BOOK, headers, b"").unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    world.backend.requests().pop().expect("a call").headers
}

#[test]
fn what_only_this_side_may_say_never_comes_in() {
    let world = start();
    let forged = [
        ("x-toolforge-principal", "admin:root"),
        ("x-toolforge-principal", "admin:twice"),
        ("X-Toolforge-Tool", "alpha"),
        ("ssl-client-subject-dn", "CN=root"),
        ("grpc-status", "0"),
        ("grpc-encoding", "gzip"),
        ("grpc-message", "x"),
        ("grpc-previous-rpc-attempts", "9"),
        ("te", "gzip"),
        ("keep-alive", "timeout=9"),
        ("proxy-authorization", "Basic eDp5"),
        ("x-envoy-original-path", "/admin"),
        ("x-named-in-connection", "1"),
        ("connection", "x-named-in-connection"),
    ];
    let seen = metadata(&world, &forged);
    for name in [
        "x-toolforge-tool",
        "ssl-client-subject-dn",
        "grpc-status",
        "grpc-encoding",
        "grpc-message",
        "grpc-previous-rpc-attempts",
        "keep-alive",
        "proxy-authorization",
        "x-envoy-original-path",
        "x-named-in-connection",
        "connection",
    ] {
        assert!(!seen.contains_key(name), "{name} came in: {seen:?}");
    }
    assert_eq!(seen.get("te").unwrap(), "trailers");
    for principal in seen.get_all("x-toolforge-principal") {
        assert!(!principal.to_str().unwrap().contains("admin"), "{seen:?}");
    }
}

#[test]
fn deadlines_that_are_none_are_refused() {
    let world = start();
    let mut wrong = String::new();
    for (value, wanted) in [
        ("1S", 200),
        ("99999999H", 200),
        ("100000000S", 400),
        ("99999999999999999999S", 400),
        ("-1S", 400),
        ("1", 400),
        ("S", 400),
        ("1.5S", 400),
        ("1x", 400),
        (" ", 400),
    ] {
        let answer = world.client().send("GET", BOOK, &[("grpc-timeout", value)], b"").unwrap();
        world.judge(&format!("grpc-timeout: {value}"), wanted, &answer, &mut wrong);
    }
    all_good(&wrong);
}

#[test]
fn headers_have_bounds() {
    let world = start();
    for size in [20_000, 100_000, 1_000_000] {
        let value = "v".repeat(size);
        let request = format!("GET {BOOK} HTTP/1.1\r\nhost: a\r\nx-large: {value}\r\n\r\n");
        let answer = world.raw(request.as_bytes()).unwrap_or_else(|| panic!("{size} bytes get no answer"));
        assert_eq!(answer.status, 431, "{size} bytes");
    }
    let many = "x-many: 1\r\n".repeat(5_000);
    let request = format!("GET {BOOK} HTTP/1.1\r\nhost: a\r\n{many}\r\n");
    assert_eq!(world.raw(request.as_bytes()).expect("an answer").status, 431, "5,000 headers");
    assert!(world.backend.requests().is_empty());
}

#[test]
fn an_error_of_the_backend_cannot_write_headers() {
    let world = start();
    let texts = [
        ("a%0d%0aset-cookie: stolen=1", "a\r\nset-cookie: stolen=1"),
        ("%zz%", "%zz%"),
        ("%ff", "\u{fffd}"),
        ("caf%C3%A9", "café"),
    ];
    for (sent, meant) in texts {
        world.backend.answer("/library.v1.Library/GetBook", RawAnswer::failure(16, sent));
        let answer = world.client().get(BOOK).unwrap();
        assert_eq!(answer.status, 401, "{sent}: {}", answer.text());
        assert_eq!(answer.json().unwrap()["message"], meant, "{sent}");
        let injected =
            answer.headers.iter().any(|(name, value)| name == "set-cookie" || value.contains("stolen"));
        assert!(!injected, "{:?}", answer.headers);
    }
}

#[test]
fn metadata_of_the_backend_that_is_no_text_harms_nothing() {
    let world = start();
    let odd = RawAnswer::head()
        .header("grpc-status", "9")
        .header("grpc-message", "x")
        .header("grpc-status-details-bin", "!!! no base64")
        .header("connection", "close")
        .header("content-length", "7");
    world.backend.answer("/library.v1.Library/GetBook", odd);
    let begun = Instant::now();
    let answer = world.client().get(BOOK).unwrap();
    assert!((400..=502).contains(&answer.status), "{}", answer.status);
    assert!(begun.elapsed() < Duration::from_secs(10));
}
