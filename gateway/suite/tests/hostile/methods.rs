//! Methods of HTTP.

use std::fmt::Write as _;

use crate::world::{all_good, start};

const BOOK: &str = "/v1/shelves/a/books/1";

#[test]
fn each_method_has_its_answer() {
    let world = start();
    let mut wrong = String::new();
    let lines = [
        ("GET", BOOK, 200),
        ("HEAD", BOOK, 200),
        ("get", BOOK, 405),
        ("POST", BOOK, 405),
        ("GETmove", BOOK, 405),
        ("POSTmove", BOOK, 405),
        ("BREW", BOOK, 405),
        ("TRACE", BOOK, 405),
        ("REPORT", "/v1/report/now", 200),
        ("GET", "/v1/report/now", 405),
        ("BREW", "/v1/nowhere", 404),
    ];
    for (method, path, wanted) in lines {
        let answer = world.client().send(method, path, &[], b"").unwrap();
        if method == "HEAD" {
            assert_eq!((answer.status, world.backend.requests().len()), (200, 1));
            continue;
        }
        world.judge(&format!("{method} {path}"), wanted, &answer, &mut wrong);
        if wanted == 405 && answer.header("allow").is_none_or(str::is_empty) {
            writeln!(wrong, "{method} {path}: 405 without Allow").unwrap();
        }
    }
    all_good(&wrong);
}

#[test]
fn no_header_overrides_the_method() {
    let world = start();
    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let headers = [(name, "DELETE"), ("content-type", "application/x-www-form-urlencoded")];
        let answer = world.client().send("POST", BOOK, &headers, b"").unwrap();
        assert_eq!(answer.status, 405, "{name}");
        let answer = world.client().send("GET", BOOK, &headers[..1], b"").unwrap();
        assert_eq!(answer.status, 200, "{name}");
        let calls = world.backend.requests();
        assert_eq!(
            calls.iter().map(|call| call.path.as_str()).collect::<Vec<_>>(),
            ["/library.v1.Library/GetBook"]
        );
    }
}

#[test]
fn bodies_are_taken_only_where_the_rule_has_one() {
    let world = start();
    let mut wrong = String::new();
    for (method, body, wanted) in [
        ("GET", &b"{}"[..], 200),
        ("GET", br#"{"name":"x"}"#, 400),
        ("DELETE", b"{}", 200),
        ("DELETE", br#"{"force":true}"#, 400),
        ("DELETE", b"x", 400),
    ] {
        let answer = world.client().json(method, BOOK, body).unwrap();
        world.judge(&format!("{method} with {}", String::from_utf8_lossy(body)), wanted, &answer, &mut wrong);
    }
    all_good(&wrong);
}

#[test]
fn tunnels_and_other_protocols_are_not_opened() {
    let world = start();
    let connect = b"CONNECT example.org:443 HTTP/1.1\r\nhost: example.org:443\r\n\r\n";
    let answer = world.raw(connect).expect("an answer");
    assert!([400, 404, 405, 501].contains(&answer.status), "CONNECT: {}", answer.status);
    for protocol in ["h2c", "TLS/1.2", "anything"] {
        let headers = [("connection", "upgrade"), ("upgrade", protocol)];
        let answer = world.client().send("GET", BOOK, &headers, b"").unwrap();
        assert_eq!(answer.status, 200, "the offer of {protocol} is not taken up (RFC 9110, 7.8)");
    }
}
