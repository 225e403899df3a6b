//! Responses: JSON with the platform's words and defaults, one field of the message, bytes of the backend's choice.

use transcode::{CompileOptions, GoogleRules, NameStyle, ResponseBody, UnknownFields};

use crate::fixture::{compile, google, platform, to_json, to_wire};

fn respond(http_method: &str, path: &str, message: &str, json: &str) -> String {
    let route = platform().route(http_method, path).unwrap();
    let mut out = Vec::new();
    let body = route.response(&to_wire(message, json).unwrap(), &mut out).unwrap();
    assert_eq!(body, ResponseBody::Json);
    assert_eq!(body.content_type(), "application/json");
    String::from_utf8(out).unwrap()
}

const BOOK: &str = "test.library.Book";

#[test]
fn always_present_fields_are_printed_when_empty() {
    let get = |json| respond("GET", "/v1/shelves/a/books/1", BOOK, json);
    assert_eq!(get("{}"), r#"{"tags":[],"labels":{},"author":{},"pages":0}"#);
    assert_eq!(
        get(r#"{"name":"n","genre":1,"tags":["t"],"pages":3,"edition":0,"isbn":"i"}"#),
        r#"{"name":"n","genre":"fiction","tags":["t"],"pages":3,"edition":0,"isbn":"i","labels":{},"author":{}}"#
    );
    assert_eq!(
        get(r#"{"labels":{"b":"1","a":"2"},"author":{"given_name":"g"}}"#),
        r#"{"labels":{"b":"1","a":"2"},"author":{"given_name":"g"},"tags":[],"pages":0}"#
    );
}

#[test]
fn an_explicit_default_counts_as_empty() {
    let route = platform().route("GET", "/v1/shelves/a/books/1").unwrap();
    let mut out = Vec::new();
    // title "", pages 0, and out of order: pages again
    route.response(&[0x12, 0, 0x38, 0, 0x0a, 0, 0x38, 0], &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), r#"{"pages":0,"tags":[],"labels":{},"author":{}}"#);
}

#[test]
fn response_body_prints_one_field() {
    let message = "test.library.ListBooksResponse";
    let full = r#"{"books":[{"name":"a","tags":["t"]}],"total":2,"first":{"title":"t"}}"#;
    let rows = [
        ("/v1/shelves/a/all", full, r#"[{"name":"a","tags":["t"],"labels":{},"author":{},"pages":0}]"#),
        ("/v1/shelves/a/all", "{}", "[]"),
        ("/v1/shelves/a/titles", full, "2"),
        ("/v1/shelves/a/titles", "{}", "0"),
        ("/v1/shelves/a/labels", full, r#"{"title":"t","tags":[],"labels":{},"author":{},"pages":0}"#),
        ("/v1/shelves/a/labels", "{}", r#"{"tags":[],"labels":{},"author":{},"pages":0}"#),
    ];
    for (path, json, expected) in rows {
        assert_eq!(respond("PUT", path, message, json), expected, "{path} {json}");
    }
}

#[test]
fn raw_bodies_come_down_as_they_are() {
    let route = platform().route("POST", "/v1/echo").unwrap();
    assert!(route.responds_raw());
    let wire =
        to_wire("google.api.HttpBody", r#"{"content_type":"text/plain; charset=utf-8","data":"aGk="}"#)
            .unwrap();
    let mut out = b"before ".to_vec();
    let body = route.response(&wire, &mut out).unwrap();
    assert_eq!(
        (body.content_type().as_ref(), out.as_slice()),
        ("text/plain; charset=utf-8", &b"before hi"[..])
    );
    assert_eq!(route.response(&[], &mut Vec::new()).unwrap().content_type(), "application/octet-stream");
    let split = to_wire("google.api.HttpBody", r#"{"content_type":"a\r\nset-cookie: x"}"#).unwrap();
    assert!(route.response(&split, &mut Vec::new()).is_err(), "a header must not be split");
}

#[test]
fn a_broken_message_leaves_an_error_that_names_the_field() {
    let route = platform().route("GET", "/v1/shelves/a/books/1").unwrap();
    let error = route.response(&[0x32, 2, 0x0a, 9], &mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "test.library.Author.given_name: the message is truncated");
}

#[test]
fn names_and_defaults_by_option() {
    let wire = to_wire("test.v1.Inner", r#"{"count":3}"#).unwrap();
    let options =
        CompileOptions { names: NameStyle::Json, print_defaults: true, ..CompileOptions::default() };
    let program = compile(&GoogleRules, options).program;
    let mut out = Vec::new();
    program.message_to_json("test.v1.Inner", &wire, &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), r#"{"count":3,"name":"","children":[]}"#);
    let mut out = Vec::new();
    let wire =
        to_wire("test.library.CreateBookRequest", r#"{"request_id":"r","book":{"isbn":"i"}}"#).unwrap();
    program.message_to_json("test.library.CreateBookRequest", &wire, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains(r#""requestId":"r""#) && text.contains(r#""ISBN":"i""#), "{text}");
}

#[test]
fn any_is_printed_by_its_parts() {
    let mut out = Vec::new();
    let wire = to_wire("test.v1.Inner", r#"{"name":"x"}"#).unwrap();
    google().any_to_json("type.googleapis.com/test.v1.Inner", &wire, &mut out).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        r#"{"@type":"type.googleapis.com/test.v1.Inner","name":"x"}"#
    );
    assert!(google().any_to_json("type.googleapis.com/no.Such", &wire, &mut Vec::new()).is_err());
}

#[test]
fn unknown_enum_words_are_dropped_with_unknown_fields() {
    let mut out = Vec::new();
    let json = br#"{"f_color":"NEW","r_color":["NEW","COLOR_RED"],"m_bool":{"true":"NEW"},"f_int32":1}"#;
    google().json_to_message("test.v1.All", json, UnknownFields::Ignore, &mut out).unwrap().unwrap();
    assert_eq!(to_json("test.v1.All", &out).unwrap(), r#"{"r_color":["COLOR_RED"],"f_int32":1}"#);
}

#[test]
fn statuses_come_from_the_rules() {
    let status = |method, path| platform().route(method, path).unwrap().success_status();
    assert_eq!(status("POST", "/v1/shelves/a/books"), 201);
    assert_eq!(status("GET", "/v1/shelves/a/books"), 200);
}
