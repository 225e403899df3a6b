//! Responses: JSON with the platform's words and defaults, one field of the message, bytes of the backend's choice.

use transcode::{CompileOptions, GoogleRules, NameStyle, Overrides, Program, ResponseBody, UnknownFields};

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

/// The JSON of an empty message when every field of these is always present.
fn filled(selector: &str, message: &str) -> String {
    let rules = Overrides::new(GoogleRules)
        .with_fields(selector.parse().unwrap(), |rules| rules.always_present = true);
    let program = crate::binding::compile(&rules, CompileOptions::default()).program;
    let mut out = Vec::new();
    program.message_to_json(message, &[], &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_type_is_not_filled_within_itself() {
    assert_eq!(
        filled("test.v1.Inner.*", "test.v1.Inner"),
        r#"{"name":"","count":0,"next":{},"children":[]}"#
    );
    assert_eq!(
        filled("test.binding.Thing.*", "test.binding.Thing"),
        r#"{"name":"","display_name":"","all":{},"parent_thing":{},"children":[],"labels":{},"other_thing":{}}"#
    );
    // a request within which a Thing is filled once, and its own Things are not
    let thing = filled("test.binding.*", "test.binding.Thing");
    assert_eq!(
        filled("test.binding.*", "test.binding.UpdateRequest"),
        format!(r#"{{"thing":{thing},"read_mask":"","update_mask":"","list":[]}}"#)
    );
}

#[test]
fn no_schema_makes_an_empty_message_endless() {
    // M0 to M11, each with a field of every other: without a bound there are as many objects as ways through them
    let types = 12;
    let message = |i: usize| {
        let field = |j: usize| prost_types::FieldDescriptorProto {
            name: Some(format!("f{j}")),
            number: Some(i32::try_from(j).unwrap() + 1),
            label: Some(1),
            r#type: Some(11),
            type_name: Some(format!(".many.M{j}")),
            ..Default::default()
        };
        prost_types::DescriptorProto {
            name: Some(format!("M{i}")),
            field: (0..types).filter(|j| *j != i).map(field).collect(),
            ..Default::default()
        }
    };
    let file = prost_types::FileDescriptorProto {
        name: Some("many.proto".to_owned()),
        package: Some("many".to_owned()),
        message_type: (0..types).map(message).collect(),
        syntax: Some("proto3".to_owned()),
        ..Default::default()
    };
    let files = [prost::Message::encode_to_vec(&file).into()];
    let rules =
        Overrides::new(GoogleRules).with_fields("*".parse().unwrap(), |rules| rules.always_present = true);
    let program = Program::compile(&files, &rules, CompileOptions::default()).unwrap().program;
    let mut out = Vec::new();
    program.message_to_json("many.M0", &[], &mut out).unwrap();
    assert!(out.len() < 100_000, "{}", out.len());
}
