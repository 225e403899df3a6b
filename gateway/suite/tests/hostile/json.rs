//! JSON bodies.

use crate::world::{World, all_good, start};

fn lines() -> Vec<(String, Vec<u8>, u16)> {
    let mut lines = Vec::new();
    let mut line = |what: &str, body: &[u8], wanted| lines.push((what.to_owned(), body.to_vec(), wanted));
    line("an object", br#"{"string_field":"a"}"#, 200);
    line("the same key twice", br#"{"string_field":"a","string_field":"b"}"#, 400);
    line("both names of a field", br#"{"string_field":"a","stringField":"b"}"#, 400);
    line("the same key, escaped", br#"{"string_field":"a","\u0073tring_field":"b"}"#, 400);
    line("an empty key", br#"{"":}"#, 400);
    line("an empty key with a value", br#"{"":1}"#, 400);
    line("a comma at the end", br#"{"int32_field":1,}"#, 400);
    line("a key without quotes", br"{int32_field:1}", 400);
    line("single quotes", br"{'int32_field':1}", 400);
    line("a comment", br#"{"int32_field":1/**/}"#, 400);
    line("two values", br#"{"int32_field":1}{}"#, 400);
    line("nothing but space", b"  \n\t ", 400);
    line("a list", b"[]", 400);
    line("null", b"null", 400);
    line("a byte order mark", b"\xef\xbb\xbf{}", 400);
    line("UTF-16", b"{\0}\0", 400);
    line("bytes that are no UTF-8", b"{\"string_field\":\"\xff\"}", 400);
    line("the same in a key", b"{\"\xff\":1}", 400);
    line("a lone surrogate", br#"{"string_field":"\ud800"}"#, 400);
    line("a pair of surrogates", br#"{"string_field":"\ud83d\ude00"}"#, 200);
    line("a NUL in a string, escaped", br#"{"string_field":"\u0000"}"#, 200);
    line("a NUL in a string", b"{\"string_field\":\"\0\"}", 400);
    line("a line break in a string", b"{\"string_field\":\"\n\"}", 400);
    line("an unknown escape", br#"{"string_field":"\x41"}"#, 400);
    line("a float beyond 64 bits", br#"{"double_field":1e400}"#, 400);
    line("a huge exponent", br#"{"double_field":1e1000000000}"#, 400);
    line("a huge negative exponent", br#"{"double_field":1e-1000000000}"#, 200);
    line("NaN without quotes", br#"{"double_field":NaN}"#, 400);
    line("NaN", br#"{"double_field":"NaN"}"#, 200);
    line("minus zero for an int", br#"{"int32_field":-0}"#, 200);
    line("20 digits", br#"{"int64_field":12345678901234567890}"#, 400);
    line("20 digits that fit", br#"{"uint64_field":12345678901234567890}"#, 200);
    line("a whole number with a point", br#"{"int32_field":1.0}"#, 200);
    line("a fraction for an int", br#"{"int32_field":1.5}"#, 400);
    line("an exponent for an int", br#"{"int32_field":1e2}"#, 200);
    line("the same in quotes", br#"{"int32_field":"1e2"}"#, 200);
    line("an exponent without end for an int", br#"{"int32_field":1e1000000000}"#, 400);
    line("a leading zero", br#"{"int32_field":01}"#, 400);
    line("a plus", br#"{"int32_field":+1}"#, 400);
    line("hexadecimal", br#"{"int32_field":0x10}"#, 400);
    line("a number beyond 32 bits", br#"{"int32_field":2147483648}"#, 400);
    line("a space in a number in quotes", br#"{"int32_field":" 1"}"#, 400);
    line("a number for a string", br#"{"string_field":1}"#, 400);
    line("a string for a bool", br#"{"bool_field":"true"}"#, 400);
    line("bad padding", br#"{"bytes_field":"AA="}"#, 400);
    line("both alphabets in one value", br#"{"bytes_field":"-_+/"}"#, 400);
    line("bits that are left over", br#"{"bytes_field":"AB=="}"#, 200);
    line("a day that is none", br#"{"timestamp":"2023-02-29T00:00:00Z"}"#, 400);
    line("a leap second", br#"{"timestamp":"2016-12-31T23:59:60Z"}"#, 400);
    line("a year too late", br#"{"timestamp":"10000-01-01T00:00:00Z"}"#, 400);
    line("an offset", br#"{"timestamp":"2023-01-01T00:00:00+01:00"}"#, 200);
    line("an offset beyond a day", br#"{"timestamp":"2023-01-01T00:00:00+99:00"}"#, 400);
    line("no zone", br#"{"timestamp":"2023-01-01T00:00:00"}"#, 400);
    line("a duration too long", br#"{"duration":"315576000001s"}"#, 400);
    line("a duration of two signs", br#"{"duration":"-1.-5s"}"#, 400);
    line("a mask with an underscore", br#"{"mask":"a_b"}"#, 400);
    line("a mask with two commas", br#"{"mask":"a,,b"}"#, 400);
    line("an Any without a type", br#"{"any":{"value":1}}"#, 400);
    line("an Any of an unknown type", br#"{"any":{"@type":"type.googleapis.com/no.Type"}}"#, 400);
    line("an Any without a slash", br#"{"any":{"@type":"library.v1.Author"}}"#, 400);
    line("an Any of nothing", br#"{"any":{"@type":"type.googleapis.com/"}}"#, 400);
    line(
        "an Any with two types",
        br#"{"any":{"@type":"a/library.v1.Author","@type":"a/library.v1.Author"}}"#,
        400,
    );
    line("an Any with its type last", br#"{"any":{"given_name":"x","@type":"a/library.v1.Author"}}"#, 200);
    line("a map's key of another type", br#"{"int_map":{"x":1}}"#, 400);
    line("a map's key twice", br#"{"string_map":{"a":"1","a":"2"}}"#, 400);
    line("null in a list", br#"{"int32_list":[null]}"#, 400);
    line("null in a map", br#"{"string_map":{"a":null}}"#, 400);
    line("null for a field", br#"{"int32_field":null,"inner":null,"int32_list":null}"#, 200);
    line("two members of a oneof", br#"{"choice_string":"a","choice_int64":"1"}"#, 400);
    line("one value for a list", br#"{"int32_list":1}"#, 400);
    line("an unknown field", br#"{"nobody":1}"#, 400);
    line("an unknown word of an enum", br#"{"enum_field":"NONE"}"#, 400);
    line("an unknown number of an enum", br#"{"enum_field":99}"#, 200);
    line("space without end", &[&b"{"[..], &b" ".repeat(1 << 20), b"}"].concat(), 200);
    let nested = |depth: usize, open: &str, close: &str| [open.repeat(depth), close.repeat(depth)].concat();
    for depth in [101, 1_000_000] {
        let lists = format!(r#"{{"list_value":{}}}"#, nested(depth, "[", "]"));
        line(&format!("{depth} lists"), lists.as_bytes(), 400);
    }
    line("200,000 objects that never end", "{\"inner\":".repeat(200_000).as_bytes(), 400);
    line(
        "200,000 structs that never end",
        format!("{{\"struct\":{}", "{\"a\":".repeat(200_000)).as_bytes(),
        400,
    );
    let any = r#"{"@type":"a/google.protobuf.Any","value":"#;
    line("Any in Any in Any", format!("{{\"any\":{}", any.repeat(50_000)).as_bytes(), 400);
    let unknown: String = (0..300_000).map(|n| format!("\"k{n}\":1,")).collect();
    line("300,000 unknown fields", format!("{{{}\"z\":1}}", unknown).as_bytes(), 400);
    let small: String = "\"\",".repeat(1_000_000);
    line("a million empty strings", format!("{{\"string_list\":[{}\"\"]}}", small).as_bytes(), 200);
    lines
}

#[test]
fn each_body_has_its_answer() {
    let world = start(&[]);
    let mut wrong = String::new();
    for (what, body, wanted) in lines() {
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
    let world = start(&[]);
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
