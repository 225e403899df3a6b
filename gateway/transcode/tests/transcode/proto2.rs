//! What only proto2 has: groups, required fields, extensions, closed enums.

use std::path::Path;

use transcode::{Body, CompileOptions, GoogleRules, Program, RequestErrorKind};

use crate::fixture::{compile, round, to_json, to_wire};

const OLD: &str = "test.legacy.Old";

#[test]
fn groups_extensions_and_closed_enums_come_back() {
    let rows = [
        r#"{"id":"a","part":{"label":"x","inner":{"id":"b"}}}"#,
        r#"{"id":"a","row":[{"cell":1},{}]}"#,
        r#"{"id":"","size":0}"#,
        r#"{"id":"a","level":"LEVEL_HIGH","levels":["LEVEL_LOW","LEVEL_HIGH"]}"#,
        r#"{"id":"a","numbers":[1,2],"packed":[3,4]}"#,
        r#"{"id":"a","[test.legacy.nickname]":"n","[test.legacy.marks]":[1,2]}"#,
    ];
    for json in rows {
        assert_eq!(round(OLD, json).as_deref(), Ok(json));
    }
}

#[test]
fn a_missing_required_field_is_named() {
    assert_eq!(to_wire(OLD, "{}").unwrap_err(), "id: the field is required at position 2");
    let error = to_wire(OLD, r#"{"id":"a","part":{"inner":{}}}"#).unwrap_err();
    assert!(error.starts_with("part.inner.id: the field is required"), "{error}");
}

#[test]
fn a_closed_enum_takes_no_unknown_number_and_drops_it_from_the_wire() {
    assert!(to_wire(OLD, r#"{"id":"a","level":3}"#).is_err());
    // id, level 3, levels 3 and 1
    let wire = [0x0a, 1, b'a', 0x40, 3, 0x48, 3, 0x48, 1];
    assert_eq!(to_json(OLD, &wire).unwrap(), r#"{"id":"a","levels":["LEVEL_LOW"]}"#);
}

#[test]
fn an_entry_without_a_value_says_the_first_one_of_a_closed_enum() {
    // the key alone
    assert_eq!(to_json(OLD, &[0x62, 2, 0x0a, 0]).unwrap(), r#"{"ranks":{"":"LEVEL_LOW"}}"#);
}

#[test]
fn a_map_of_nothing_but_unknown_numbers_is_not_printed_in_any_order() {
    // id, and an entry with level 3
    let (id, entry) = ([0x0a, 1, b'a'], [0x62, 4, 0x0a, 0, 0x10, 3]);
    let wires =
        [[&id[..], &entry].concat(), [&id[..], &entry, &id].concat(), [&entry[..], &id, &entry].concat()];
    for wire in wires {
        assert_eq!(to_json(OLD, &wire).unwrap(), r#"{"id":"a"}"#, "{wire:?}");
    }
}

#[test]
fn an_extension_that_is_not_there_has_no_default_to_print() {
    let options = CompileOptions { print_defaults: true, ..CompileOptions::default() };
    let (program, mut out) = (compile(&GoogleRules, options).program, Vec::new());
    program.message_to_json(OLD, &[], &mut out).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        r#"{"row":[],"levels":[],"numbers":[],"packed":[],"ranks":{}}"#
    );
}

#[test]
fn a_broken_group_is_an_error() {
    for wire in [&[0x1b][..], &[0x1b, 0x24], &[0x1c], &[0x1b, 0x0a, 5, 0x1c]] {
        assert!(to_json(OLD, wire).is_err(), "{wire:?}");
    }
}

/// The answer to a request of `test/required.proto`: the message, or what is wrong.
fn required(target: &str, body: &str) -> Result<Vec<u8>, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/proto");
    let mut compiler = protox::Compiler::new([root]).unwrap();
    compiler.include_imports(true).open_files(["test/required.proto"]).unwrap();
    let files = transcode::files_of_set(&compiler.encode_file_descriptor_set()).unwrap();
    let program = Program::compile(&files, &GoogleRules, CompileOptions::default()).unwrap().program;
    let (method, rest) = target.split_once(' ').unwrap();
    let (path, query) = rest.split_once('?').map_or((rest, None), |(p, q)| (p, Some(q)));
    let route = program.route(method, path).unwrap();
    let bound = route.bind(path, query).unwrap();
    let frame = if route.method().client_streaming() {
        bound.stream(None, 100).unwrap().end().map(Option::unwrap)
    } else {
        bound.request(Some(Body { content_type: None, data: body.as_bytes() }))
    };
    frame.map(|frame| frame[transcode::FRAME_HEADER..].to_vec()).map_err(|error| {
        assert_eq!(error.kind(), RequestErrorKind::MissingField);
        error.to_string()
    })
}

#[test]
fn a_required_field_may_come_from_any_part_of_the_request() {
    for (target, body) in [
        ("GET /old?id=a", ""),
        ("GET /old/a", ""),
        ("GET /old?id=a&part.label=b", ""),
        ("GET /old/a?part.label=b&part.inner.label=c", ""),
        ("POST /old/n/whole", r#"{"id":"a","part":{"label":"b"}}"#),
        ("POST /old/n/part?id=a", r#"{"label":"b"}"#),
        ("POST /old/a/file", "bytes"),
        ("POST /file?id=a", "bytes"),
        ("POST /must", r#"{"label":"b"}"#),
        ("POST /send?id=a", ""),
    ] {
        assert!(!required(target, body).unwrap().is_empty(), "{target}");
    }
}

#[test]
fn a_required_field_that_no_part_of_the_request_has_is_named() {
    for (target, body, field) in [
        ("GET /old", "", "id"),
        ("GET /old?part.label=b", "", "id"),
        ("GET /old/a?part.note=b", "", "part.label"),
        ("GET /old/a?part.label=b&part.inner.note=c", "", "part.inner.label"),
        ("POST /old/n/whole", "", "id"),
        ("POST /old/n/whole", r#"{"id":"a"}"#, "part.label"),
        ("POST /old/n/whole", r#"{"id":"a","part":null}"#, "part.label"),
        ("POST /old/n/whole", r#"{"id":"a","part":{}}"#, "part.label"),
        ("POST /old/n/part?id=a", "", "part.label"),
        ("POST /old/n/part?id=a", "null", "part.label"),
        ("POST /old/n/part?id=a", "{}", "label"),
        ("POST /old/n/part", r#"{"label":"b"}"#, "id"),
        ("POST /file", "bytes", "id"),
        ("POST /file", "", "id"),
        ("POST /must", "", "part"),
        ("POST /must", "null", "part"),
        ("POST /send", "", "id"),
    ] {
        let error = required(target, body).unwrap_err();
        assert!(error.starts_with(&format!("{field}: the field is required")), "{target} {body}: {error}");
    }
}
