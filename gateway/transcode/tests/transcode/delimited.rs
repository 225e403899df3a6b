//! `message_encoding = DELIMITED` (editions) on fields whose types have a meaning of their own.

use std::path::Path;

use bytes::Bytes;
use transcode::{Body, CompileOptions, FRAME_HEADER, GoogleRules, Program, ResponseBody};

use crate::editions::bent;

fn program() -> Program {
    compile(CompileOptions::default())
}

pub(crate) fn compile(options: CompileOptions) -> Program {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/proto");
    let mut compiler = protox::Compiler::new([root]).unwrap();
    compiler.include_imports(true).open_files(["test/delimited.proto"]).unwrap();
    let files = transcode::files_of_set(&compiler.encode_file_descriptor_set()).unwrap();
    let own = |file: &Bytes| file.windows(14).any(|w| w == b"test.delimited");
    // implicit presence as in proto3, delimited messages
    let files: Vec<Bytes> =
        files.into_iter().map(|f| if own(&f) { bent(&f, &[0x08, 2, 0x28, 2]) } else { f }).collect();
    Program::compile(&files, &GoogleRules, options).unwrap().program
}

fn request(target: &str, content_type: Option<&str>, data: &[u8]) -> Vec<u8> {
    let (method, rest) = target.split_once(' ').unwrap();
    let (path, query) = rest.split_once('?').map_or((rest, None), |(p, q)| (p, Some(q)));
    let bound = program().route(method, path).unwrap().bind(path, query).unwrap();
    bound.request(Some(Body { content_type, data })).unwrap()[FRAME_HEADER..].to_vec()
}

fn json(message: &str, wire: &[u8]) -> String {
    let mut out = Vec::new();
    program().message_to_json(message, wire, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_raw_body_is_a_group() {
    let wire = request("POST /files/a", Some("a/b"), b"xyz");
    assert_eq!(wire, b"\x13\x0a\x03a/b\x12\x03xyz\x14\x0a\x01a");
    let route = program().route("POST", "/files/a").unwrap();
    let bound = route.bind("/files/a", None).unwrap();
    let mut stream = bound.stream(Some("a/b"), 2).unwrap();
    let mut chunk = Bytes::from_static(b"xyz");
    let mut sent = Vec::new();
    while let Some(frame) = stream.next(&mut chunk).unwrap() {
        sent.push(json("test.delimited.File", &frame[FRAME_HEADER..]));
    }
    assert_eq!(
        sent,
        [r#"{"file":{"content_type":"a/b","data":"eHk="},"name":"a"}"#, r#"{"file":{"data":"eg=="}}"#]
    );
}

#[test]
fn a_raw_answer_is_read_from_a_group() {
    let route = program().route("POST", "/files/a").unwrap();
    let rows: [(&[u8], &str, &[u8]); 4] = [
        (b"\x0a\x01a\x13\x0a\x03a/b\x12\x03xyz\x14", "a/b", b"xyz"),
        // two groups are one message
        (b"\x13\x0a\x03a/b\x14\x0a\x01a\x13\x12\x03xyz\x14", "a/b", b"xyz"),
        // another wire type is an unknown field
        (b"\x12\x05\x0a\x03a/b\x13\x12\x03xyz\x14", "", b"xyz"),
        (b"\x0a\x01a", "", b""),
    ];
    for (wire, content_type, data) in rows {
        let mut out = Vec::new();
        let body = route.response(wire, &mut out).unwrap();
        assert_eq!(body, ResponseBody::Raw { content_type: content_type.into() }, "{wire:?}");
        assert_eq!(out, data, "{wire:?}");
    }
    assert!(route.response(b"\x13\x12\x03xyz", &mut Vec::new()).is_err());
}

#[test]
fn a_query_says_groups() {
    let query = "time=1970-01-01T00:00:01Z&ages=1s&ages=2s&mask=a,b&labels=%7B%22k%22:1%7D&value=null&list=%5B1%5D&size=7\
                 &inner.time=1970-01-01T00:00:02Z";
    let wire = request(&format!("GET /things?{query}"), None, b"");
    assert!(wire.starts_with(&[0x13, 0x08, 1, 0x14]), "{wire:?}");
    assert_eq!(
        json("test.delimited.Thing", &wire),
        r#"{"time":"1970-01-01T00:00:01Z","ages":["1s","2s"],"mask":"a,b","labels":{"k":1},"value":null,"list":[1],"size":"7","inner":{"time":"1970-01-01T00:00:02Z"}}"#
    );
}

#[test]
fn null_is_a_value_in_a_group() {
    let wire = request("POST /things", None, br#"{"value":null}"#);
    assert_eq!(wire, [0x33, 0x08, 0, 0x34]);
    assert_eq!(json("test.delimited.Thing", &wire), r#"{"value":null}"#);
}

#[test]
fn a_mask_is_made_as_a_group() {
    let wire = request("PATCH /things", None, br#"{"name":"a","value":null}"#);
    assert_eq!(
        json("test.delimited.UpdateRequest", &wire),
        r#"{"thing":{"name":"a","value":null},"update_mask":"name,value"}"#
    );
}

#[test]
fn a_body_of_json_comes_back() {
    let all = r#"{"name":"n","time":"1970-01-01T00:00:01Z","ages":["1s","2s"],"mask":"a,b","labels":{"k":1},"value":[{}],"list":[1],"size":"7","any":{"@type":"x/test.delimited.Thing","value":null},"inner":{"name":"i"}}"#;
    let wire = request("POST /things", None, all.as_bytes());
    assert_eq!(json("test.delimited.Thing", &wire), all);
}
