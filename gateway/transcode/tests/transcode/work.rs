//! How much work a hostile document is: each byte is gone over a few times, however deep it stands.

use rustix::time::{ClockId, clock_gettime};
use transcode::{CompileOptions, Program, UnknownFields};

use crate::fixture::google;

/// Nanoseconds of the processor that this thread has had: what else the machine does is not in it.
fn spent() -> i64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// The least work of some runs.
fn work(mut job: impl FnMut()) -> i64 {
    let once = |job: &mut dyn FnMut()| {
        let before = spent();
        job();
        spent() - before
    };
    (0..3).map(|_| once(&mut job)).min().unwrap()
}

/// A hundred levels take a hundred times where each level looks at all below it.
fn check_alike(flat: impl FnMut(), deep: impl FnMut()) {
    let (flat, deep) = (work(flat), work(deep));
    assert!(deep < flat * 12, "{deep} ns instead of {flat} ns");
}

#[test]
fn the_type_of_an_any_may_come_last_at_every_level() {
    // what is stepped over costs no more to read than to look at
    let inmost = format!(r#"{{"nope":[1{}],"@type":"x/test.v1.Inner"}}"#, ",1".repeat(100_000));
    let deep =
        format!("{}{inmost}{}", r#"{"value":"#.repeat(95), r#","@type":"x/google.protobuf.Any"}"#.repeat(95));
    let read = |json: &str| {
        let any = "google.protobuf.Any";
        google()
            .json_to_message(any, json.as_bytes(), UnknownFields::Ignore, &mut Vec::new())
            .unwrap()
            .unwrap();
    };
    check_alike(|| read(&inmost), || read(&deep));
}

#[test]
fn what_was_found_ahead_is_what_stands_there() {
    // types first, last and in the middle, in each other and beside each other, with an escape, twice
    for (json, expected) in [
        (
            r#"{"value":{"value":{"value":"1s","@type":"x/google.protobuf.Duration"},"@type":"x/google.protobuf.Any"},"@type":"x/google.protobuf.Any"}"#,
            Ok(
                r#"{"@type":"x/google.protobuf.Any","value":{"@type":"x/google.protobuf.Any","value":{"@type":"x/google.protobuf.Duration","value":"1s"}}}"#,
            ),
        ),
        (
            r#"{"w_any":{"f_int32":1,"@type":"x/test.v1.All","w_any":{"value":{},"\u0040type":"x/google.protobuf.Any"}},"w_struct":{"k":{"a":1,"@type":"x/no.Such"}},"@type":"x/test.v1.All"}"#,
            Ok(
                r#"{"@type":"x/test.v1.All","w_any":{"@type":"x/test.v1.All","f_int32":1,"w_any":{"@type":"x/google.protobuf.Any","value":{}}},"w_struct":{"k":{"a":1,"@type":"x/no.Such"}}}"#,
            ),
        ),
        (
            r#"{"value":{"value":{},"@type":"x/google.protobuf.Any","@type":"x/test.v1.All"},"@type":"x/google.protobuf.Any"}"#,
            Err("value.@type: the field is given twice at position 53"),
        ),
        (
            r#"{"value":{"value":{},"@type":7},"@type":"x/google.protobuf.Any"}"#,
            Err("value.@type: expected a string in double quotes, got '7' at position 29"),
        ),
    ] {
        let read = crate::fixture::round("google.protobuf.Any", json);
        assert_eq!(read.as_deref().map_err(|e| &**e), expected, "{json}");
    }
}

/// `levels` groups in each other, around `content` and with `more` behind each inner one.
fn groups(levels: usize, content: &[u8], more: &[u8]) -> Vec<u8> {
    (0..levels).fold(content.to_vec(), |inner, _| [&[0x53][..], &inner, &[0x54], more].concat())
}

fn print(program: &Program, wire: &[u8]) -> Result<String, String> {
    let mut out = Vec::new();
    program.message_to_json("test.delimited.Thing", wire, &mut out).map_err(|e| e.to_string())?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn groups_in_each_other_are_read_once() {
    let program = crate::delimited::compile(CompileOptions::default());
    let many = [0x78, 1].repeat(50_000);
    let deep = groups(95, &many, &[]);
    let read = |wire: &[u8]| assert!(print(&program, wire).unwrap().len() < 2_000);
    check_alike(|| read(&many), || read(&deep));
}

#[test]
fn groups_out_of_order_have_a_bound() {
    let program = crate::delimited::compile(CompileOptions::default());
    let named = [0x0a, 1, b'a'];
    // a name before and behind the inner message
    let few = groups(3, &named, &named);
    let printed = r#"{"name":"a","inner":{"name":"a","inner":{"name":"a","inner":{"name":"a"}}}}"#;
    assert_eq!(print(&program, &[&named[..], &few].concat()).as_deref(), Ok(printed));
    let content = [0x78, 1].repeat(50_000);
    let wire = groups(95, &content, &named);
    let error = print(&program, &[&named[..], &wire].concat()).unwrap_err();
    assert!(error.contains("nesting is deeper than the limit"), "{error}");
}

#[test]
fn a_broken_group_is_named() {
    let program = crate::delimited::compile(CompileOptions::default());
    for (wire, fault) in [
        (&[0x53, 0x0a, 1, b'a'][..], "truncated"),
        (&[0x53], "truncated"),
        (&[0x53, 0x5c], "group is not closed properly"),
        (&[0x53, 0x53, 0x54], "truncated"),
        (&[0x54], "group is not closed properly"),
        (&[0x53, 0x54, 0x54], "group is not closed properly"),
        (&[0x53, 0x0c, 0x54], "group is not closed properly"),
    ] {
        let error = print(&program, wire).unwrap_err();
        assert!(error.contains(fault), "{wire:?}: {error}");
    }
}
