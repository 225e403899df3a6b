//! One counting of depth, both ways: a level is an object or an array of the JSON text.

use transcode::{CompileOptions, GoogleRules, Program, UnknownFields};

use crate::fixture::compile;

fn program(depth: usize) -> Program {
    let depth = u32::try_from(depth).unwrap();
    compile(&GoogleRules, CompileOptions { depth, ..CompileOptions::default() }).program
}

/// How many brackets stand around the innermost place.
fn levels(json: &str) -> usize {
    let mut open = 0_usize;
    json.chars()
        .map(|c| {
            match c {
                '{' | '[' => open += 1,
                '}' | ']' => open -= 1,
                _ => {}
            }
            open
        })
        .max()
        .unwrap()
}

fn read(program: &Program, message: &str, json: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let read = program.json_to_message(message, json.as_bytes(), UnknownFields::Reject, &mut out).unwrap();
    read.map(|()| out).map_err(|e| e.to_string())
}

fn print(program: &Program, message: &str, wire: &[u8]) -> Result<String, String> {
    let mut out = Vec::new();
    program.message_to_json(message, wire, &mut out).map_err(|e| e.to_string())?;
    Ok(String::from_utf8(out).unwrap())
}

/// Reads and prints with as many levels as the text has; with one less it is refused both ways.
fn check(message: &str, json: &str) {
    let levels = levels(json);
    let (enough, less) = (program(levels), program(levels - 1));
    let wire = read(&enough, message, json).unwrap_or_else(|e| panic!("{levels} {json}: {e}"));
    assert_eq!(print(&enough, message, &wire).as_deref(), Ok(json), "{levels}");
    let error = read(&less, message, json).unwrap_err();
    assert!(error.contains("expected fewer levels of nesting"), "{json}: {error}");
    let error = print(&less, message, &wire).unwrap_err();
    assert!(error.contains("nesting is deeper than the limit"), "{json}: {error}");
}

fn nested(open: &str, inmost: &str, close: &str, times: usize) -> String {
    format!("{}{inmost}{}", open.repeat(times), close.repeat(times))
}

#[test]
fn what_is_read_at_the_limit_is_printed_and_nothing_beyond_either_way() {
    let rows = [
        ("test.v1.Inner", r#"{"next":"#, "{}", "}"),
        ("test.v1.Inner", r#"{"next":"#, r#"{"name":"x"}"#, "}"),
        ("test.v1.Inner", r#"{"children":["#, "{}", "]}"),
        ("test.v1.Inner", r#"{"children":[{},"#, r#"{"next":{}}"#, "]}"),
        ("google.protobuf.Value", "[", "[]", "]"),
        ("google.protobuf.Value", "[", "1", "]"),
        ("google.protobuf.Value", r#"{"a":"#, "{}", "}"),
        ("google.protobuf.Value", r#"{"a":["#, "null", "]}"),
        ("google.protobuf.Struct", r#"{"a":"#, r#"{"b":"c"}"#, "}"),
        ("google.protobuf.ListValue", "[", "[true]", "]"),
        ("google.protobuf.Any", r#"{"@type":"x/google.protobuf.Any","value":"#, "{}", "}"),
        (
            "google.protobuf.Any",
            r#"{"@type":"x/google.protobuf.Any","value":"#,
            r#"{"@type":"x/google.protobuf.Value","value":[{}]}"#,
            "}",
        ),
        (
            "google.protobuf.Any",
            r#"{"@type":"x/google.protobuf.Any","value":"#,
            r#"{"@type":"x/google.protobuf.Duration","value":"1s"}"#,
            "}",
        ),
        (
            "google.protobuf.Any",
            r#"{"@type":"x/google.protobuf.Any","value":"#,
            r#"{"@type":"x/test.v1.Inner","children":[{"next":{}}]}"#,
            "}",
        ),
        ("test.legacy.Old", r#"{"id":"","part":{"inner":"#, r#"{"id":"","row":[{"cell":1}]}"#, "}}"),
    ];
    for (message, open, inmost, close) in rows {
        for times in [1, 2, 7, 49] {
            check(message, &nested(open, inmost, close, times));
        }
    }
}

#[test]
fn scalars_take_no_level_and_lists_and_maps_take_one() {
    for json in [
        r#"{"f_inner":{"next":{}}}"#,
        r#"{"r_int32":[1,2]}"#,
        r#"{"r_string":["x"]}"#,
        r#"{"r_inner":[{"name":"x"}]}"#,
        r#"{"m_string":{"a":"b"}}"#,
        r#"{"m_uint64":{"1":{"next":{}}}}"#,
        r#"{"w_times":["1970-01-01T00:00:01Z"]}"#,
        r#"{"w_values":[[{}],null]}"#,
        r#"{"w_struct":{"a":{"b":[]}}}"#,
        r#"{"w_any":{"@type":"x/test.v1.All","w_any":{}}}"#,
        r#"{"w_empty":{}}"#,
    ] {
        check("test.v1.All", json);
    }
    for json in [
        r#"{"f_int32":1,"w_timestamp":"1970-01-01T00:00:01Z","w_duration":"1s","w_mask":"a,b","w_value":1,"w_int64":"7","w_string":"x"}"#,
        r#"{"w_value":null}"#,
    ] {
        assert_eq!(
            print(&program(1), "test.v1.All", &read(&program(1), "test.v1.All", json).unwrap()).unwrap(),
            json
        );
    }
}

#[test]
fn fields_out_of_order_count_the_same() {
    let deep = nested(r#"{"children":["#, r#"{"name":"x"}"#, "]}", 4);
    let mut wire = read(&program(9), "test.v1.Inner", &deep).unwrap();
    // count, then one more child
    wire.extend_from_slice(&[0x10, 5, 0x22, 0]);
    let printed = print(&program(9), "test.v1.Inner", &wire).unwrap();
    assert!(printed.contains(r#""count":5,"#), "{printed}");
    assert!(print(&program(8), "test.v1.Inner", &wire).is_err());
}

#[test]
fn delimited_scalars_take_no_level() {
    let json = r#"{"inner":{"time":"1970-01-01T00:00:01Z","value":1,"size":"1"}}"#;
    let program = crate::delimited::compile(CompileOptions { depth: 2, ..CompileOptions::default() });
    let wire = read(&program, "test.delimited.Thing", json).unwrap();
    assert_eq!(print(&program, "test.delimited.Thing", &wire).as_deref(), Ok(json));
}
