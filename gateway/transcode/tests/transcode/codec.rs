//! Both codecs by table: what is read, what is printed, what is refused and with which words.

use crate::fixture::{bytes_to_wire, round, to_json, to_wire};

const ALL: &str = "test.v1.All";

/// JSON that is read, and what it comes back as.
struct Row(&'static str, &'static str);

const READ: &[Row] = &[
    Row(r"{}", r"{}"),
    Row(" \n\t{ \"f_int32\" :\r 1 } ", r#"{"f_int32":1}"#),
    Row(r#"{"fInt32":1,"fString":"x"}"#, r#"{"f_int32":1,"f_string":"x"}"#),
    Row(r#"{"f_int32":1.0}"#, r#"{"f_int32":1}"#),
    Row(r#"{"f_int32":1e3}"#, r#"{"f_int32":1000}"#),
    Row(r#"{"f_int32":12.50e1}"#, r#"{"f_int32":125}"#),
    Row(r#"{"f_int32":"-1e3"}"#, r#"{"f_int32":-1000}"#),
    Row(r#"{"f_int32":1000E-3}"#, r#"{"f_int32":1}"#),
    Row(r#"{"f_int32":-0}"#, r"{}"),
    Row(r#"{"f_int32":0e999999999999999999999}"#, r"{}"),
    Row(r#"{"f_int32":-2147483648}"#, r#"{"f_int32":-2147483648}"#),
    Row(r#"{"f_int64":"-9223372036854775808"}"#, r#"{"f_int64":"-9223372036854775808"}"#),
    Row(r#"{"f_uint64":"18446744073709551615"}"#, r#"{"f_uint64":"18446744073709551615"}"#),
    Row(r#"{"f_uint64":18446744073709551615}"#, r#"{"f_uint64":"18446744073709551615"}"#),
    Row(r#"{"f_int64":1}"#, r#"{"f_int64":"1"}"#),
    Row(r#"{"f_sint32":-1}"#, r#"{"f_sint32":-1}"#),
    Row(r#"{"f_sint64":"-9223372036854775808"}"#, r#"{"f_sint64":"-9223372036854775808"}"#),
    Row(r#"{"f_fixed32":4294967295}"#, r#"{"f_fixed32":4294967295}"#),
    Row(r#"{"f_sfixed32":-2147483648}"#, r#"{"f_sfixed32":-2147483648}"#),
    Row(r#"{"f_double":1.5}"#, r#"{"f_double":1.5}"#),
    Row(r#"{"f_double":1}"#, r#"{"f_double":1}"#),
    Row(r#"{"f_double":"1.25"}"#, r#"{"f_double":1.25}"#),
    Row(r#"{"f_double":-0.0}"#, r#"{"f_double":-0}"#),
    Row(r#"{"f_double":5e-324}"#, r#"{"f_double":5e-324}"#),
    Row(r#"{"f_double":1.7976931348623157e+308}"#, r#"{"f_double":1.7976931348623157e+308}"#),
    Row(r#"{"f_double":0.1000000000000000055511151231257827}"#, r#"{"f_double":0.1}"#),
    Row(r#"{"f_double":"NaN"}"#, r#"{"f_double":"NaN"}"#),
    Row(r#"{"f_double":"Infinity"}"#, r#"{"f_double":"Infinity"}"#),
    Row(r#"{"f_float":"-Infinity"}"#, r#"{"f_float":"-Infinity"}"#),
    Row(r#"{"f_float":3.4028235e38}"#, r#"{"f_float":3.4028235e+38}"#),
    Row(r#"{"f_bool":true}"#, r#"{"f_bool":true}"#),
    Row(r#"{"f_bool":false}"#, r"{}"),
    Row(
        r#"{"o_bool":false,"o_int32":0,"o_string":"","o_color":"COLOR_UNSPECIFIED"}"#,
        r#"{"o_bool":false,"o_int32":0,"o_string":"","o_color":"COLOR_UNSPECIFIED"}"#,
    ),
    Row(r#"{"o_int32":null}"#, r"{}"),
    Row(r#"{"f_string":"a\"b\\c\nd\u0001é😀"}"#, r#"{"f_string":"a\"b\\c\nd\u0001é😀"}"#),
    Row(r#"{"f_string":"\u00e9\ud83d\ude00\/"}"#, r#"{"f_string":"é😀/"}"#),
    Row(r#"{"f_bytes":"AAEC/w=="}"#, r#"{"f_bytes":"AAEC/w=="}"#),
    Row(r#"{"f_bytes":"AAEC_w"}"#, r#"{"f_bytes":"AAEC/w=="}"#),
    Row(r#"{"f_color":"COLOR_RED"}"#, r#"{"f_color":"COLOR_RED"}"#),
    Row(r#"{"f_color":2}"#, r#"{"f_color":"COLOR_GREEN"}"#),
    Row(r#"{"f_color":"COLOR_NEGATIVE"}"#, r#"{"f_color":"COLOR_NEGATIVE"}"#),
    Row(r#"{"f_color":77}"#, r#"{"f_color":77}"#),
    Row(r#"{"f_inner":{}}"#, r#"{"f_inner":{}}"#),
    Row(
        r#"{"f_inner":{"name":"a","next":{"next":{"count":3}}}}"#,
        r#"{"f_inner":{"name":"a","next":{"next":{"count":3}}}}"#,
    ),
    Row(r#"{"r_int32":[1,0,-1]}"#, r#"{"r_int32":[1,0,-1]}"#),
    Row(r#"{"r_int32":[]}"#, r"{}"),
    Row(r#"{"r_int32":null}"#, r"{}"),
    Row(r#"{"r_string":["","a"]}"#, r#"{"r_string":["","a"]}"#),
    Row(r#"{"r_inner":[{},{"count":1}]}"#, r#"{"r_inner":[{},{"count":1}]}"#),
    Row(r#"{"r_unpacked":[1,2]}"#, r#"{"r_unpacked":[1,2]}"#),
    Row(r#"{"r_color":["COLOR_RED",9]}"#, r#"{"r_color":["COLOR_RED",9]}"#),
    Row(r#"{"m_string":{"z":"1","a":"2","":"3"}}"#, r#"{"m_string":{"z":"1","a":"2","":"3"}}"#),
    Row(r#"{"m_int32":{"-1":"2"}}"#, r#"{"m_int32":{"-1":"2"}}"#),
    Row(
        r#"{"m_bool":{"true":"COLOR_RED","false":"COLOR_UNSPECIFIED"}}"#,
        r#"{"m_bool":{"true":"COLOR_RED","false":"COLOR_UNSPECIFIED"}}"#,
    ),
    Row(
        r#"{"m_uint64":{"18446744073709551615":{"name":"x"}}}"#,
        r#"{"m_uint64":{"18446744073709551615":{"name":"x"}}}"#,
    ),
    Row(r#"{"c_string":""}"#, r#"{"c_string":""}"#),
    Row(r#"{"c_null":null}"#, r#"{"c_null":null}"#),
    Row(r#"{"c_null":"NULL_VALUE"}"#, r#"{"c_null":null}"#),
    Row(r#"{"c_string":null,"c_int64":"1"}"#, r#"{"c_int64":"1"}"#),
    Row(r#"{"w_timestamp":"1970-01-01T00:00:00Z"}"#, r#"{"w_timestamp":"1970-01-01T00:00:00Z"}"#),
    Row(r#"{"w_timestamp":"0001-01-01T00:00:00Z"}"#, r#"{"w_timestamp":"0001-01-01T00:00:00Z"}"#),
    Row(
        r#"{"w_timestamp":"9999-12-31T23:59:59.999999999Z"}"#,
        r#"{"w_timestamp":"9999-12-31T23:59:59.999999999Z"}"#,
    ),
    Row(r#"{"w_timestamp":"2024-02-29T12:34:56.120Z"}"#, r#"{"w_timestamp":"2024-02-29T12:34:56.120Z"}"#),
    Row(r#"{"w_timestamp":"2024-03-01T00:30:00.5+01:00"}"#, r#"{"w_timestamp":"2024-02-29T23:30:00.500Z"}"#),
    Row(r#"{"w_duration":"-0.500s"}"#, r#"{"w_duration":"-0.500s"}"#),
    Row(r#"{"w_duration":"315576000000s"}"#, r#"{"w_duration":"315576000000s"}"#),
    Row(r#"{"w_duration":"1.5s"}"#, r#"{"w_duration":"1.500s"}"#),
    Row(r#"{"w_mask":"fooBar.baz,q"}"#, r#"{"w_mask":"fooBar.baz,q"}"#),
    Row(r#"{"w_mask":""}"#, r#"{"w_mask":""}"#),
    Row(
        r#"{"w_struct":{"a":1,"b":[null,true,"x",{"c":{}}]}}"#,
        r#"{"w_struct":{"a":1,"b":[null,true,"x",{"c":{}}]}}"#,
    ),
    Row(r#"{"w_value":null}"#, r#"{"w_value":null}"#),
    Row(r#"{"w_value":[]}"#, r#"{"w_value":[]}"#),
    Row(r#"{"w_value":-1.5e300}"#, r#"{"w_value":-1.5e+300}"#),
    Row(r#"{"w_list":[[],{},"",0,false,null]}"#, r#"{"w_list":[[],{},"",0,false,null]}"#),
    Row(r#"{"w_values":[null,1]}"#, r#"{"w_values":[null,1]}"#),
    Row(r#"{"w_int64":"0"}"#, r#"{"w_int64":"0"}"#),
    Row(r#"{"w_string":""}"#, r#"{"w_string":""}"#),
    Row(r#"{"w_bool":false}"#, r#"{"w_bool":false}"#),
    Row(r#"{"w_bytes":"AA=="}"#, r#"{"w_bytes":"AA=="}"#),
    Row(r#"{"w_int64":null}"#, r"{}"),
    Row(r#"{"w_empty":{}}"#, r#"{"w_empty":{}}"#),
    Row(r#"{"w_any":{}}"#, r#"{"w_any":{}}"#),
    Row(
        r#"{"w_any":{"@type":"type.googleapis.com/test.v1.Inner","name":"x"}}"#,
        r#"{"w_any":{"@type":"type.googleapis.com/test.v1.Inner","name":"x"}}"#,
    ),
    Row(
        r#"{"w_any":{"name":"x","@type":"type.googleapis.com/test.v1.Inner"}}"#,
        r#"{"w_any":{"@type":"type.googleapis.com/test.v1.Inner","name":"x"}}"#,
    ),
    Row(
        r#"{"w_any":{"@type":"x/google.protobuf.Duration","value":"1s"}}"#,
        r#"{"w_any":{"@type":"x/google.protobuf.Duration","value":"1s"}}"#,
    ),
    Row(
        r#"{"w_any":{"@type":"x/google.protobuf.Any","value":{"@type":"x/test.v1.Inner"}}}"#,
        r#"{"w_any":{"@type":"x/google.protobuf.Any","value":{"@type":"x/test.v1.Inner"}}}"#,
    ),
    Row(
        r#"{"w_any":{"@type":"x/google.protobuf.Empty","value":{}}}"#,
        r#"{"w_any":{"@type":"x/google.protobuf.Empty","value":{}}}"#,
    ),
    Row(r#"{"far":"away"}"#, r#"{"far":"away"}"#),
];

#[test]
fn reads_and_prints() {
    for Row(json, printed) in READ {
        assert_eq!(round(ALL, json).as_deref(), Ok(*printed), "{json}");
    }
}

/// JSON that is refused, with the whole sentence.
#[test]
fn refuses() {
    let int32 = "an integer from -2147483648 to 2147483647";
    let rows: &[(&str, String)] = &[
        (r#"{"f_int32":"abc"}"#, format!(r#"f_int32: expected {int32}, got "abc" at position 11"#)),
        (r#"{"f_inner":{"count":2147483648}}"#, format!("f_inner.count: expected {int32}, got 2147483648 at position 20")),
        (r#"{"r_inner":[{},{"count":1.5}]}"#, format!("r_inner[1].count: expected {int32}, got 1.5 at position 24")),
        (r#"{"m_uint64":{"7":{"count":[]}}}"#, format!("m_uint64.7.count: expected {int32}, got an array at position 26")),
        (r#"{"f_int32":1e1000000000}"#, format!("f_int32: expected {int32}, got 1e1000000000 at position 11")),
        (r#"{"f_int32":true}"#, format!("f_int32: expected {int32}, got true at position 11")),
        (r#"{"f_int32":" 1"}"#, format!(r#"f_int32: expected {int32}, got " 1" at position 11"#)),
        (r#"{"f_int32":""}"#, format!(r#"f_int32: expected {int32}, got "" at position 11"#)),
        (r#"{"f_uint32":-1}"#, "f_uint32: expected an integer from 0 to 4294967295, got -1 at position 12".into()),
        (r#"{"f_int32":01}"#, "f_int32: expected no digit after a leading zero, got '1' at position 12".into()),
        (r#"{"f_int32":1,}"#, "expected a value after the comma, got '}' at position 13".into()),
        (r#"{"r_int32":[1,]}"#, "r_int32: expected a value after the comma, got ']' at position 14".into()),
        (r#"{"f_int32":1,"f_int32":2}"#, "f_int32: the field is given twice at position 23".into()),
        (r#"{"f_int32":1,"fInt32":2}"#, "f_int32: the field is given twice at position 22".into()),
        (r#"{"f_int32":1,"f_in\u007432":2}"#, "f_int32: the field is given twice at position 28".into()),
        (r#"{"f_int32":null,"f_int32":2}"#, "f_int32: the field is given twice at position 26".into()),
        (r#"{"m_string":{"a":"","\u0061":""}}"#, "m_string.a: the field is given twice at position 20".into()),
        (r#"{"w_struct":{"a":1,"a":1}}"#, "w_struct.a: the field is given twice at position 19".into()),
        (
            r#"{"c_string":"a","c_int64":1}"#,
            "c_int64: expected only one of c_string, c_int64, c_inner, c_null (oneof choice) at position 26".into(),
        ),
        (r#"{"f_bool":"true"}"#, r#"f_bool: expected true or false, got "true" at position 10"#.into()),
        (r#"{"f_string":1}"#, "f_string: expected a string, got 1 at position 12".into()),
        (r#"{"f_bytes":"a"}"#, r#"f_bytes: expected a string of base64, got "a" at position 11"#.into()),
        (r#"{"f_bytes":"-/=="}"#, r#"f_bytes: expected a string of base64, got "-/==" at position 11"#.into()),
        (
            r#"{"f_color":"RED"}"#,
            r#"f_color: expected one of COLOR_UNSPECIFIED, COLOR_RED, COLOR_GREEN, COLOR_NEGATIVE, got "RED" at position 11"#.into(),
        ),
        (r#"{"f_inner":3}"#, "f_inner: expected an object, got 3 at position 11".into()),
        (r#"{"r_int32":1}"#, "r_int32: expected an array, got 1 at position 11".into()),
        (r#"{"r_int32":[null]}"#, format!("r_int32[0]: expected {int32}, got null at position 12")),
        (r#"{"m_int32":{"a":1}}"#, format!(r#"m_int32.a: expected {int32}, got "a" at position 12"#)),
        (r#"{"m_bool":{"1":1}}"#, r#"m_bool.1: expected true or false, got "1" at position 11"#.into()),
        (r#"{"f_string":"\ud800"}"#, "f_string: expected a pair of surrogates, got a lone one at position 13".into()),
        (r#"{"f_string":"\x"}"#, "f_string: expected an escape of JSON, got 'x' at position 14".into()),
        ("{\"f_string\":\"\n\"}", "f_string: expected a character or the closing quote of the string, got '\\n' at position 13".into()),
        (r"{'f_int32':1}", "expected a string in double quotes, got '\\'' at position 1".into()),
        (r"{f_int32:1}", "expected a string in double quotes, got 'f' at position 1".into()),
        (r#"{"f_inner":{"nope":1}}"#, "f_inner.nope: unknown field, expected one of name, count, next, children at position 12".into()),
        ("", "expected an object, got the end of the input at position 0".into()),
        ("{} x", "expected the end of the body, got 'x' at position 3".into()),
        ("[]", "expected an object, got an array at position 0".into()),
        (r#"{"f_double":1e309}"#, r#"f_double: expected a number, "NaN", "Infinity" or "-Infinity", got 1e309 at position 12"#.into()),
        (r#"{"f_float":1e39}"#, r#"f_float: expected a number, "NaN", "Infinity" or "-Infinity", got 1e39 at position 11"#.into()),
        (r#"{"f_double":NaN}"#, r#"f_double: expected a number, "NaN", "Infinity" or "-Infinity", got 'N' at position 12"#.into()),
        (r#"{"w_any":{"name":"x"}}"#, r#"w_any: expected a member "@type" with the URL of a type, got none at position 9"#.into()),
        (r#"{"w_any":{"@type":"x/no.Such"}}"#, r#"w_any.@type: expected the URL of a type that is known here, got "x/no.Such" at position 9"#.into()),
        (r#"{"w_any":{"@type":"x/test.v1.Inner","@type":"x/test.v1.Inner"}}"#, "w_any.@type: the field is given twice at position 36".into()),
        (r#"{"w_duration":"1.0000000001s"}"#, r#"w_duration: expected a duration of seconds within 315576000000 such as "3.5s", got "1.0000000001s" at position 14"#.into()),
    ];
    for (json, sentence) in rows {
        assert_eq!(to_wire(ALL, json).unwrap_err(), *sentence, "{json}");
    }
}

#[test]
fn refuses_bad_forms_of_times_durations_and_masks() {
    let bad_times = [
        "2024-02-30T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2024-01-01t00:00:00Z",
        "2024-01-01T00:00:00z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:00:60Z",
        "2024-01-01T00:00:00",
        "2024-01-01 00:00:00Z",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00.1234567890Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "2024-01-01T00:00:00+24:00",
        "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2024-01-00T00:00:00Z",
        "",
        "2024-01-01T00:00:00ZZ",
        "９024-01-01T00:00:00Z",
    ];
    for time in bad_times {
        assert!(to_wire(ALL, &format!(r#"{{"w_timestamp":"{time}"}}"#)).is_err(), "{time}");
    }
    for duration in ["", "s", "1", "1S", "+1s", " 1s", "1.s", ".5s", "1e3s", "--1s", "315576000001s"] {
        assert!(to_wire(ALL, &format!(r#"{{"w_duration":"{duration}"}}"#)).is_err(), "{duration}");
    }
    for mask in ["foo_bar", ",", "a,", " a", "a b"] {
        assert!(to_wire(ALL, &format!(r#"{{"w_mask":"{mask}"}}"#)).is_err(), "{mask}");
    }
}

#[test]
fn every_day_of_four_centuries_comes_back() {
    for day in (0..146_097 * 86_400_i64).step_by(86_400 * 13) {
        let seconds = day - 62_135_596_800 + 86_399;
        let mut wire = vec![0xba, 0x04, 11, 0x08];
        let mut rest = seconds.cast_unsigned();
        while rest >= 0x80 {
            wire.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        wire.push(u8::try_from(rest).unwrap());
        wire[2] = u8::try_from(wire.len() - 3).unwrap();
        let json = to_json(ALL, &wire).unwrap();
        assert_eq!(to_wire(ALL, &json).unwrap(), wire, "{json}");
    }
}

#[test]
fn depth_is_a_counter_across_every_kind_of_nesting() {
    let nested = |open: &str, close: &str, n: usize| format!("{}{}", open.repeat(n), close.repeat(n));
    let rows = [
        (r#"{"w_value":"#, "[", "]"),
        (r#"{"w_value":"#, r#"{"a":"#, "}"),
        (r#"{"w_any":"#, r#"{"@type":"x/google.protobuf.Any","value":"#, "}"),
        (r#"{"f_inner":"#, r#"{"next":"#, "}"),
    ];
    for (head, open, close) in rows {
        for n in [101, 5_000, 100_000] {
            let filling = if open == "[" { "[]" } else { "{}" };
            let body = format!("{head}{}{filling}{}}}", open.repeat(n), close.repeat(n));
            let error = to_wire(ALL, &body).unwrap_err();
            assert!(error.contains("expected fewer levels of nesting"), "{error}");
        }
        let filling = if open == "[" { "[]" } else { "{}" };
        let body = format!("{head}{}{filling}{}}}", open.repeat(20), close.repeat(20));
        assert!(to_json(ALL, &to_wire(ALL, &body).unwrap()).is_ok(), "{body}");
    }
    assert!(to_wire(ALL, &nested("[", "]", 1_000_000)).is_err());
}

#[test]
fn text_that_is_not_utf8_is_refused_with_its_position() {
    let error = bytes_to_wire(ALL, b"{\"f_string\":\"ab\xff\"}").unwrap_err();
    assert_eq!(error, "expected UTF-8 text at position 15");
    assert!(bytes_to_wire(ALL, b"\xef\xbb\xbf{}").is_err(), "a byte order mark is no JSON");
    assert!(bytes_to_wire(ALL, b"{\0}").is_err());
}

#[test]
fn large_maps_notice_a_repeated_key() {
    let members: Vec<String> = (0..1000).map(|i| format!(r#""k{i}":"v""#)).collect();
    let fine = format!(r#"{{"m_string":{{{}}}}}"#, members.join(","));
    assert_eq!(round(ALL, &fine).unwrap(), fine);
    let twice = format!(r#"{{"m_string":{{{},"k500":""}}}}"#, members.join(","));
    assert!(to_wire(ALL, &twice).unwrap_err().starts_with("m_string.k500: the field is given twice"));
}

#[test]
fn messages_longer_than_a_length_byte_are_framed_right() {
    for len in [0, 1, 126, 127, 128, 129, 16_383, 16_384, 70_000] {
        let json = format!(r#"{{"f_inner":{{"next":{{"name":"{}"}},"count":1}}}}"#, "x".repeat(len));
        let expected = if len == 0 { r#"{"f_inner":{"next":{},"count":1}}"# } else { json.as_str() };
        assert_eq!(round(ALL, &json).unwrap(), expected);
    }
}

#[test]
fn the_deepest_nesting_that_can_be_asked_for_fits_the_stack_of_a_thread() {
    use transcode::{CompileOptions, GoogleRules, UnknownFields};
    let options = CompileOptions { depth: u32::MAX, ..CompileOptions::default() };
    let program = crate::fixture::compile(&GoogleRules, options).program;
    let nest = |n: usize| format!("{}{{}}{}", r#"{"next":"#.repeat(n), "}".repeat(n));
    let any = r#"{"@type":"x/google.protobuf.Any","value":"#;
    let nest_any = |n: usize| format!("{}{{}}{}", any.repeat(n), "}".repeat(n));
    let nest_value = |n: usize| format!("{}{{}}{}", r#"{"a":"#.repeat(n), "}".repeat(n));
    let nest_list = |n: usize| format!("{}[]{}", "[".repeat(n), "]".repeat(n));
    for (message, fine, too_deep) in [
        ("test.v1.Inner", nest(199), nest(200)),
        ("google.protobuf.Any", nest_any(199), nest_any(200)),
        ("google.protobuf.Value", nest_value(199), nest_value(200)),
        ("google.protobuf.Value", nest_list(199), nest_list(200)),
    ] {
        let mut wire = Vec::new();
        let read = |json: &str, out: &mut Vec<u8>| {
            program.json_to_message(message, json.as_bytes(), UnknownFields::Reject, out).unwrap()
        };
        read(&fine, &mut wire).unwrap();
        assert!(read(&too_deep, &mut Vec::new()).is_err());
        let mut json = Vec::new();
        program.message_to_json(message, &wire, &mut json).unwrap();
        assert_eq!(String::from_utf8(json).unwrap(), fine);
    }
}
