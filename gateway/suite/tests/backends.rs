//! The backends and the harness themselves: the real gateway in front of each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use gateway_suite::proto::LIBRARY_DESCRIPTORS;
use gateway_suite::{Backend, Client, Gateway, Part, RawAnswer, RawBackend, frame};
use rustix::process::Signal;
use serde_json::json;

#[test]
fn the_library_is_served_as_json() {
    let backend = Backend::start().unwrap();
    let gateway = Gateway::before(&backend.uri()).unwrap();
    let mut client = Client::connect(gateway.address().unwrap()).unwrap();

    let book = client.get("/v1/shelves/3/books/abc").unwrap();
    assert_eq!(
        (book.status, book.header("content-type")),
        (200, Some("application/json")),
        "{}",
        book.text()
    );
    let book = book.json().unwrap();
    assert_eq!(book["name"], "shelves/3/books/abc");
    assert_eq!(book["copiesSold"], "9007199254740993");
    assert_eq!(book["publishTime"], "2023-11-14T22:13:23.120Z");

    let echoed = client.json("POST", "/v1/echo", br#"{"int32List": [1, 2], "wrappedBool": false}"#).unwrap();
    let echoed = echoed.json().unwrap();
    assert_eq!((&echoed["int32List"], &echoed["wrappedBool"]), (&json!([1, 2]), &json!(false)));

    let missing = client.get("/v1/shelves/3/books/missing").unwrap();
    assert_eq!((missing.status, missing.json().unwrap()["code"].clone()), (404, json!(5)));

    let mut stream = client.open("GET", "/v1/shelves/3/books:watch?count=2", &[], b"").unwrap();
    assert_eq!(stream.status, 200);
    let mut text = Vec::new();
    while let Part::Data(data) = stream.next().unwrap() {
        text.extend(data);
    }
    let books: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(books.as_array().map(Vec::len), Some(2));
}

#[test]
fn bytes_go_through_a_raw_backend_both_ways() {
    let backend = RawBackend::start(LIBRARY_DESCRIPTORS).unwrap();
    let gateway = Gateway::before(&backend.uri()).unwrap();
    let mut client = Client::connect(gateway.address().unwrap()).unwrap();
    let path = "/library.v1.Library/GetFile";

    backend.answer(path, RawAnswer::messages([b"\x0a\x01z\x10\x05"]));
    let answer = client.get("/v1/files/a/b?depth=3").unwrap();
    assert_eq!((answer.status, answer.json().unwrap()), (200, json!({"path": "z", "depth": 5})));
    let requests = backend.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!((requests[0].path.as_str(), requests[0].whole), (path, true));
    assert_eq!(requests[0].headers["content-type"], "application/grpc");
    assert_eq!(requests[0].body, frame(0, b"\x0a\x03a/b\x10\x03"));

    // what is cut, refused or without an end is never a success
    let cut = RawAnswer::head().piece(&b"\0\0\0\0\x09\x0a\x01z"[..]);
    for hostile in [cut.clone().ok(), cut.reset(), RawAnswer::messages([b"\x0a\xffz"]), RawAnswer::head()] {
        backend.answer(path, hostile.clone());
        let answer = client.get("/v1/files/a").unwrap();
        assert!((500..600).contains(&answer.status), "{} {} for {hostile:?}", answer.status, answer.text());
    }
    backend.answer(path, RawAnswer::failure(5, "gone"));
    assert_eq!(client.get("/v1/files/a").unwrap().status, 404);
}

#[test]
fn the_process_says_where_it_is_and_ends_when_it_is_asked() {
    let backend = Backend::start().unwrap();
    let mut gateway = Gateway::start(&["--backend", &backend.uri(), "--metrics", "127.0.0.1:0"]).unwrap();
    assert!(gateway.url().unwrap().starts_with("http://127.0.0.1:"));
    assert!(gateway.ready().value("metrics").unwrap().starts_with("http://127.0.0.1:"));
    assert!(gateway.ready().value("nothing").is_err());
    assert!(gateway.runs().unwrap());
    gateway.signal(Signal::HUP).unwrap();
    assert!(gateway.terminate().unwrap().success());

    let refused = Gateway::start(&["--backend", "nowhere"]).unwrap_err();
    assert!(refused.to_string().contains("expected [NAME=]URI"), "{refused}");
}
