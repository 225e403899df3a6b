//! Message sets, and what a program does by option with data that JSON has no place for.

use std::path::Path;

use transcode::{
    Body, CompileOptions, GoogleRules, InvalidUtf8, Overrides, Program, UnknownAny, UnknownFields,
};

fn program(options: CompileOptions) -> Program {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/proto");
    let mut compiler = protox::Compiler::new([root]).unwrap();
    compiler.include_imports(true).open_files(["test/sets.proto", "test/all.proto"]).unwrap();
    let files = transcode::files_of_set(&compiler.encode_file_descriptor_set()).unwrap();
    Program::compile(&files, &GoogleRules, options).unwrap().program
}

fn strict() -> Program {
    program(CompileOptions::default())
}

fn lenient() -> Program {
    program(CompileOptions {
        unknown_any: UnknownAny::Opaque,
        invalid_utf8: InvalidUtf8::Replace,
        ..CompileOptions::default()
    })
}

fn read(program: &Program, message: &str, json: &str) -> Result<Vec<u8>, String> {
    let mut out = b"before".to_vec();
    let read = program.json_to_message(message, json.as_bytes(), UnknownFields::Reject, &mut out).unwrap();
    read.map_err(|e| e.to_string()).map(|()| out.split_off(6))
}

fn print(program: &Program, message: &str, wire: &[u8]) -> Result<String, String> {
    let mut out = Vec::new();
    program.message_to_json(message, wire, &mut out).map_err(|e| e.to_string())?;
    Ok(String::from_utf8(out).unwrap())
}

const SET: &str = "test.sets.Set";

#[test]
fn a_message_set_is_items_on_the_wire_and_extensions_in_json() {
    let json = r#"{"[test.sets.Point.point]":{"x":7},"[test.sets.Mark.mark]":{"words":["a"]}}"#;
    let wire = [
        0x0b, 0x10, 0xe8, 0x07, 0x1a, 2, 0x08, 7, 0x0c, // 1000: {x: 7}
        0x0b, 0x10, 5, 0x1a, 3, 0x0a, 1, b'a', 0x0c, // 5: {words: "a"}
    ];
    assert_eq!(read(&strict(), SET, json).unwrap(), wire);
    assert_eq!(print(&strict(), SET, &wire).unwrap(), json);
}

#[test]
fn message_sets_nest() {
    let json = r#"{"set":{"[test.sets.Point.point]":{"holder":{"set":{"[test.sets.Mark.mark]":{"words":["deep"]}}}}}}"#;
    let wire = read(&strict(), "test.sets.Holder", json).unwrap();
    assert_eq!(print(&strict(), "test.sets.Holder", &wire).unwrap(), json);
}

#[test]
fn odd_message_sets_mean_what_the_format_says() {
    let point = r#"{"[test.sets.Point.point]":{"x":7}}"#;
    let rows: [(&[u8], &str); 6] = [
        // the message before its type
        (&[0x0b, 0x1a, 2, 0x08, 7, 0x10, 0xe8, 0x07, 0x0c], point),
        // as an ordinary field
        (&[0xc2, 0x3e, 2, 0x08, 7], point),
        // twice: the second adds to the first
        (
            &[
                0x0b, 0x10, 0xe8, 0x07, 0x1a, 2, 0x08, 7, 0x0c, 0x0b, 0x10, 0xe8, 0x07, 0x1a, 3, 0x12, 1,
                b'n', 0x0c,
            ],
            r#"{"[test.sets.Point.point]":{"x":7,"name":"n"}}"#,
        ),
        // a type that nobody has declared, no type at all, no message
        (&[0x0b, 0x10, 9, 0x1a, 2, 0x08, 7, 0x0c], "{}"),
        (&[0x0b, 0x1a, 2, 0x08, 7, 0x0c], "{}"),
        (&[0x0b, 0x10, 0xe8, 0x07, 0x0c], r#"{"[test.sets.Point.point]":{}}"#),
    ];
    for (wire, json) in rows {
        assert_eq!(print(&strict(), SET, wire).as_deref(), Ok(json), "{wire:?}");
    }
    for wire in [&[0x0b][..], &[0x0b, 0x10, 5], &[0x0b, 0x10, 5, 0x1a, 9, 0x0c], &[0x0c]] {
        let error = print(&strict(), SET, wire).unwrap_err();
        assert!(error.starts_with("test.sets.Set: "), "{error}");
    }
}

const ANY: &str = "google.protobuf.Any";
/// `type_url` "a/b.C", `value` 1 2 3.
const UNKNOWN: [u8; 12] = [0x0a, 5, b'a', b'/', b'b', b'.', b'C', 0x12, 3, 1, 2, 3];

#[test]
fn an_any_of_an_unknown_type_is_refused_unless_it_may_pass() {
    let json = r#"{"@type":"a/b.C","value":"AQID"}"#;
    let error = print(&strict(), ANY, &UNKNOWN).unwrap_err();
    assert_eq!(error, "google.protobuf.Any: the type of an Any is not known");
    assert!(read(&strict(), ANY, json).unwrap_err().starts_with("@type: expected the URL of a type"));

    assert_eq!(print(&lenient(), ANY, &UNKNOWN).as_deref(), Ok(json));
    assert_eq!(read(&lenient(), ANY, json).as_deref(), Ok(&UNKNOWN[..]));
    let swapped = r#" { "value" : "AQID" , "@type" : "a/b.C" } "#;
    assert_eq!(read(&lenient(), ANY, swapped).as_deref(), Ok(&UNKNOWN[..]));
    let held = r#"{"any":{"@type":"a/b.C","value":""}}"#;
    let wire = read(&lenient(), "test.sets.Holder", held).unwrap();
    assert_eq!(wire, [&[0x12, 7][..], &UNKNOWN[..7]].concat());
    assert_eq!(print(&lenient(), "test.sets.Holder", &wire).as_deref(), Ok(held));
}

#[test]
fn the_opaque_form_is_exact() {
    let rows = [
        (
            r#"{"@type":"a/b.C","value":"AQID","x":1}"#,
            "x: unknown field, expected value in base64: the type is not known here at position 32",
        ),
        (
            r#"{"@type":"a/b.C","value":"A","value":"A"}"#,
            "value: expected a string of base64, got \"A\" at position 25",
        ),
        (
            r#"{"@type":"a/b.C","value":{}}"#,
            "value: expected a string of base64, got an object at position 25",
        ),
        (
            r#"{"@type":"a/b.C","value":"AQID","value":"AQID"}"#,
            "value: the field is given twice at position 32",
        ),
        (r#"{"@type":"a/b.C","@type":"a/b.C"}"#, "@type: the field is given twice at position 17"),
    ];
    for (json, error) in rows {
        assert_eq!(read(&lenient(), ANY, json).unwrap_err(), error, "{json}");
    }
    // a known type keeps its own form
    let known = r#"{"@type":"t/test.sets.Mark","words":["a"]}"#;
    assert_eq!(print(&lenient(), ANY, &read(&lenient(), ANY, known).unwrap()).as_deref(), Ok(known));
}

#[test]
fn a_chain_of_any_counts_its_levels() {
    let nested = |levels: usize| {
        // an Any that holds a Holder shows the Holder's fields, of which one is an Any
        let open = r#""any":{"@type":"t/test.sets.Holder","#.repeat(levels);
        format!("{{{open}\"set\":{{}}{}}}", "}".repeat(levels))
    };
    let wire = read(&strict(), "test.sets.Holder", &nested(98)).unwrap();
    assert_eq!(print(&strict(), "test.sets.Holder", &wire), Ok(nested(98)));
    let error = read(&strict(), "test.sets.Holder", &nested(100)).unwrap_err();
    assert!(error.contains("fewer levels of nesting"), "{error}");
    // the same on the wire: Holder.any.value is a Holder again
    let mut wire = Vec::new();
    for _ in 0..101 {
        let mut any = vec![0x0a, 18];
        any.extend_from_slice(b"t/test.sets.Holder");
        any.push(0x12);
        prost::encoding::encode_varint(wire.len() as u64, &mut any);
        any.extend_from_slice(&wire);
        wire = vec![0x12];
        prost::encoding::encode_varint(any.len() as u64, &mut wire);
        wire.extend_from_slice(&any);
    }
    let error = print(&strict(), "test.sets.Holder", &wire).unwrap_err();
    assert!(error.contains("nesting is deeper than the limit"), "{error}");
}

const ALL: &str = "test.v1.All";

#[test]
fn keys_that_are_mended_to_one_are_printed_once() {
    let entry = |key: &[u8], value: u8| {
        let mut entry =
            vec![0x9a, 3, u8::try_from(key.len()).unwrap() + 5, 0x0a, u8::try_from(key.len()).unwrap()];
        entry.extend_from_slice(key);
        entry.extend_from_slice(&[0x12, 1, value]);
        entry
    };
    let wire = [
        entry(b"a\xff", b'1'),
        entry(b"b", b'2'),
        entry(b"a\xfe", b'3'),
        entry("a\u{fffd}".as_bytes(), b'4'),
        entry(b"a", b'5'),
    ];
    let json = "{\"m_string\":{\"b\":\"2\",\"a\u{fffd}\":\"4\",\"a\":\"5\"}}";
    assert_eq!(print(&lenient(), ALL, &wire.concat()).as_deref(), Ok(json));
    // out of order, and in a Struct
    let turned = [&wire.concat()[..], &[0x18, 1], &entry(b"a\xfd", b'6')].concat();
    let json = "{\"f_int32\":1,\"m_string\":{\"b\":\"2\",\"a\":\"5\",\"a\u{fffd}\":\"6\"}}";
    assert_eq!(print(&lenient(), ALL, &turned).as_deref(), Ok(json));
    let fields = [0x0a, 3, 0x0a, 1, 0xff, 0x0a, 3, 0x0a, 1, 0xfe];
    assert_eq!(print(&lenient(), "google.protobuf.Struct", &fields).as_deref(), Ok("{\"\u{fffd}\":null}"));
    assert!(print(&strict(), ALL, &wire.concat()).unwrap_err().contains("not valid UTF-8"));
}

#[test]
fn a_string_that_is_not_utf8_is_refused_or_mended() {
    // f_string
    let wire = [0x72, 5, b'a', 0xff, b'"', 0xe2, 0x82];
    assert_eq!(
        print(&strict(), ALL, &wire).unwrap_err(),
        "test.v1.All.f_string: a string is not valid UTF-8"
    );
    assert_eq!(print(&lenient(), ALL, &wire).as_deref(), Ok("{\"f_string\":\"a\u{fffd}\\\"\u{fffd}\"}"));
    // what is right stays, beside what is wrong
    let both = [&[0x72, 4][..], "aé!".as_bytes(), &[0x72, 2, 0xc3, 0xa9]].concat();
    assert_eq!(print(&lenient(), ALL, &both).as_deref(), Ok("{\"f_string\":\"é\"}"));
    // a later fault does not hide the string's
    let then_cut = [&wire[..], &[0x72, 9]].concat();
    assert_eq!(
        print(&strict(), ALL, &then_cut).unwrap_err(),
        "test.v1.All.f_string: a string is not valid UTF-8"
    );
}

#[test]
fn methods_may_differ_from_the_program() {
    let any = br#"{"w_any":{"@type":"a/b.C","value":"AQID"}}"#;
    // Thing { all: All { w_any } }, and Thing { name: not UTF-8 }
    let held = [&[0x1a, 15, 0xea, 4, 12][..], &UNKNOWN].concat();
    let wrong = [0x0a, 1, 0xff];
    let refuse = (UnknownAny::Refuse, InvalidUtf8::Refuse);
    let pass = (UnknownAny::Opaque, InvalidUtf8::Replace);
    for (all, said, expected) in
        [(refuse, Some(pass), true), (pass, Some(refuse), false), (pass, None, true), (refuse, None, false)]
    {
        let rules =
            Overrides::new(GoogleRules).with("test.binding.Binding.GetOne".parse().unwrap(), move |rules| {
                rules.unknown_any = said.map(|said| said.0);
                rules.invalid_utf8 = said.map(|said| said.1);
            });
        let (unknown_any, invalid_utf8) = all;
        let options = CompileOptions { unknown_any, invalid_utf8, ..CompileOptions::default() };
        let program = crate::binding::compile(&rules, options).program;
        for (http_method, path, expected) in
            [("POST", "/whole/x", expected), ("PUT", "/things/x", all == pass)]
        {
            let route = program.route(http_method, path).unwrap();
            let all = br#"{"all":{"w_any":{"@type":"a/b.C","value":"AQID"}}}"#;
            let data: &[u8] = if path == "/whole/x" { any } else { all };
            let body = Body { content_type: None, data };
            assert_eq!(route.bind(path, None).unwrap().request(Some(body)).is_ok(), expected, "{path}");
            for wire in [&held[..], &wrong] {
                assert_eq!(route.response(wire, &mut Vec::new()).is_ok(), expected, "{path}");
                assert_eq!(route.method().response(wire, &mut Vec::new()).is_ok(), expected, "{path}");
            }
        }
        let method = program.method("/test.binding.Binding/GetOne").unwrap();
        assert_eq!(method.request(any).is_ok(), expected);
        let mut out = Vec::new();
        assert_eq!(program.any_to_json("a/b.C", &[1], &mut out).is_ok(), all == pass);
    }
}
