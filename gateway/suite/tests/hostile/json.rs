//! JSON bodies.

use crate::world::{World, all_good, start};

/// A body and the status that it must get.
const BODIES: &[(&str, &[u8], u16)] = &[
    ("an object", br#"{"string_field":"a"}"#, 200),
    ("the same key twice", br#"{"string_field":"a","string_field":"b"}"#, 400),
    ("both names of a field", br#"{"string_field":"a","stringField":"b"}"#, 400),
    ("the same key, escaped", br#"{"string_field":"a","\u0073tring_field":"b"}"#, 400),
    ("an empty key", br#"{"":}"#, 400),
    ("an empty key with a value", br#"{"":1}"#, 400),
    ("a comma at the end", br#"{"int32_field":1,}"#, 400),
    ("a key without quotes", br"{int32_field:1}", 400),
    ("single quotes", br"{'int32_field':1}", 400),
    ("a comment", br#"{"int32_field":1/**/}"#, 400),
    ("two values", br#"{"int32_field":1}{}"#, 400),
    ("nothing but space", b"  \n\t ", 400),
    ("a list", b"[]", 400),
    ("null", b"null", 400),
    ("a byte order mark", b"\xef\xbb\xbf{}", 400),
    ("UTF-16", b"{\0}\0", 400),
    ("bytes that are no UTF-8", b"{\"string_field\":\"\xff\"}", 400),
    ("the same in a key", b"{\"\xff\":1}", 400),
    ("a lone surrogate", br#"{"string_field":"\ud800"}"#, 400),
    ("a pair of surrogates", br#"{"string_field":"\ud83d\ude00"}"#, 200),
    ("a NUL in a string, escaped", br#"{"string_field":"\u0000"}"#, 200),
    ("a NUL in a string", b"{\"string_field\":\"\0\"}", 400),
    ("a line break in a string", b"{\"string_field\":\"\n\"}", 400),
    ("an unknown escape", br#"{"string_field":"\x41"}"#, 400),
    ("a float beyond 64 bits", br#"{"double_field":1e400}"#, 400),
    ("a huge exponent", br#"{"double_field":1e1000000000}"#, 400),
    ("a huge negative exponent", br#"{"double_field":1e-1000000000}"#, 200),
    ("NaN without quotes", br#"{"double_field":NaN}"#, 400),
    ("NaN", br#"{"double_field":"NaN"}"#, 200),
    ("minus zero for an int", br#"{"int32_field":-0}"#, 200),
    ("20 digits", br#"{"int64_field":12345678901234567890}"#, 400),
    ("20 digits that fit", br#"{"uint64_field":12345678901234567890}"#, 200),
    ("a whole number with a point", br#"{"int32_field":1.0}"#, 200),
    ("a fraction for an int", br#"{"int32_field":1.5}"#, 400),
    ("an exponent for an int", br#"{"int32_field":1e2}"#, 200),
    ("the same in quotes", br#"{"int32_field":"1e2"}"#, 200),
    ("an exponent without end for an int", br#"{"int32_field":1e1000000000}"#, 400),
    ("a leading zero", br#"{"int32_field":01}"#, 400),
    ("a plus", br#"{"int32_field":+1}"#, 400),
    ("hexadecimal", br#"{"int32_field":0x10}"#, 400),
    ("a number beyond 32 bits", br#"{"int32_field":2147483648}"#, 400),
    ("a space in a number in quotes", br#"{"int32_field":" 1"}"#, 400),
    ("a number for a string", br#"{"string_field":1}"#, 400),
    ("a string for a bool", br#"{"bool_field":"true"}"#, 400),
    ("bad padding", br#"{"bytes_field":"AA="}"#, 400),
    ("both alphabets in one value", br#"{"bytes_field":"-_+/"}"#, 400),
    ("bits that are left over", br#"{"bytes_field":"AB=="}"#, 200),
    ("a day that is none", br#"{"timestamp":"2023-02-29T00:00:00Z"}"#, 400),
    ("a leap second", br#"{"timestamp":"2016-12-31T23:59:60Z"}"#, 400),
    ("a year too late", br#"{"timestamp":"10000-01-01T00:00:00Z"}"#, 400),
    ("an offset", br#"{"timestamp":"2023-01-01T00:00:00+01:00"}"#, 200),
    ("an offset beyond a day", br#"{"timestamp":"2023-01-01T00:00:00+99:00"}"#, 400),
    ("no zone", br#"{"timestamp":"2023-01-01T00:00:00"}"#, 400),
    ("a duration too long", br#"{"duration":"315576000001s"}"#, 400),
    ("a duration of two signs", br#"{"duration":"-1.-5s"}"#, 400),
    ("a mask with an underscore", br#"{"mask":"a_b"}"#, 400),
    ("a mask with two commas", br#"{"mask":"a,,b"}"#, 400),
    ("an Any without a type", br#"{"any":{"value":1}}"#, 400),
    ("an Any of an unknown type", br#"{"any":{"@type":"type.googleapis.com/no.Type"}}"#, 400),
    ("an Any without a slash", br#"{"any":{"@type":"library.v1.Author"}}"#, 400),
    ("an Any of nothing", br#"{"any":{"@type":"type.googleapis.com/"}}"#, 400),
    ("an Any of a type behind two slashes", br#"{"any":{"@type":"a//b/library.v1.Author"}}"#, 200),
    ("an Any of a type behind an empty host", br#"{"any":{"@type":"/library.v1.Author"}}"#, 200),
    ("an Any of a type and an empty part", br#"{"any":{"@type":"a/library.v1.Author/"}}"#, 400),
    ("an Any of a slash", br#"{"any":{"@type":"/"}}"#, 400),
    ("an Any of an empty type", br#"{"any":{"@type":""}}"#, 400),
    ("an Any with an encoded slash", br#"{"any":{"@type":"a%2Flibrary.v1.Author"}}"#, 400),
    ("an Any with a backslash", br#"{"any":{"@type":"a\\library.v1.Author"}}"#, 400),
    ("an Any with a dot before its type", br#"{"any":{"@type":"a/.library.v1.Author"}}"#, 400),
    ("an Any of a type and a query", br#"{"any":{"@type":"a/library.v1.Author?x"}}"#, 400),
    ("an Any of a type in capitals", br#"{"any":{"@type":"a/LIBRARY.V1.AUTHOR"}}"#, 400),
    ("an Any of a type and a NUL", br#"{"any":{"@type":"a/library.v1.Author\u0000"}}"#, 400),
    (
        "an Any with two types",
        br#"{"any":{"@type":"a/library.v1.Author","@type":"a/library.v1.Author"}}"#,
        400,
    ),
    ("an Any with its type last", br#"{"any":{"given_name":"x","@type":"a/library.v1.Author"}}"#, 200),
    ("a map's key of another type", br#"{"int_map":{"x":1}}"#, 400),
    ("a map's key twice", br#"{"string_map":{"a":"1","a":"2"}}"#, 400),
    ("null in a list", br#"{"int32_list":[null]}"#, 400),
    ("null in a map", br#"{"string_map":{"a":null}}"#, 400),
    ("null for a field", br#"{"int32_field":null,"inner":null,"int32_list":null}"#, 200),
    ("two members of a oneof", br#"{"choice_string":"a","choice_int64":"1"}"#, 400),
    ("one value for a list", br#"{"int32_list":1}"#, 400),
    ("an unknown field", br#"{"nobody":1}"#, 400),
    ("an unknown word of an enum", br#"{"enum_field":"NONE"}"#, 400),
    ("an unknown number of an enum", br#"{"enum_field":99}"#, 200),
];

/// Bodies that are large or deep.
fn large() -> Vec<(String, Vec<u8>, u16)> {
    let mut lines = Vec::new();
    let mut line =
        |what: &str, body: String, wanted| lines.push((what.to_owned(), body.into_bytes(), wanted));
    line("space without end", format!("{{{}}}", " ".repeat(1 << 20)), 200);
    for depth in [101, 1_000_000] {
        let lists = format!(r#"{{"list_value":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        line(&format!("{depth} lists"), lists, 400);
    }
    line("200,000 objects that never end", "{\"inner\":".repeat(200_000), 400);
    line("200,000 structs that never end", format!("{{\"struct\":{}", "{\"a\":".repeat(200_000)), 400);
    let any = r#"{"@type":"a/google.protobuf.Any","value":"#;
    line("Any in Any in Any", format!("{{\"any\":{}", any.repeat(50_000)), 400);
    let unknown: Vec<String> = (0..300_000).map(|n| format!("\"k{n}\":1")).collect();
    line("300,000 unknown fields", format!("{{{}}}", unknown.join(",")), 400);
    let small = "\"\",".repeat(1_000_000);
    line("a million empty strings", format!("{{\"string_list\":[{small}\"\"]}}"), 200);
    lines
}

#[test]
fn each_body_has_its_answer() {
    let world = start();
    let mut wrong = String::new();
    let small = BODIES.iter().map(|(what, body, wanted)| ((*what).to_owned(), body.to_vec(), *wanted));
    for (what, body, wanted) in small.chain(large()) {
        let answer = world.client().json("POST", "/v1/echo", &body).unwrap();
        world.judge(&what, wanted, &answer, &mut wrong);
    }
    all_good(&wrong);
}

/// Sends a body in two chunks with a rest between them.
fn in_two(world: &World, body: &[u8], at: usize) -> u16 {
    let mut client = world.client();
    let head = "POST /v1/echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    client.write(head.as_bytes()).unwrap();
    for part in [&body[..at], &body[at..]].into_iter().filter(|part| !part.is_empty()) {
        client.write(&[format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat()).unwrap();
    }
    client.write(b"0\r\n\r\n").unwrap();
    client.head(false).unwrap().status
}

#[test]
fn a_body_may_be_split_and_must_not_be_cut_anywhere() {
    let world = start();
    let body =
        r#"{"string_field":"ü\u00fc","inner":{"int32_list":[1,-2]},"any":{"@type":"a/library.v1.Author"}}"#;
    for at in 0..body.len() {
        assert_eq!(in_two(&world, body.as_bytes(), at), 200, "split at {at}");
        world.backend.requests();
    }
    let mut client = world.client();
    for end in 1..body.len() {
        let answer = client.json("POST", "/v1/echo", &body.as_bytes()[..end]).unwrap();
        assert_eq!(answer.status, 400, "cut at {end}: {}", answer.text());
    }
    assert!(world.backend.requests().is_empty(), "nothing that was cut reached the backend");
}
