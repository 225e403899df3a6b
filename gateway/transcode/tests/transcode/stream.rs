//! Streams: the form by `Accept`, the framing, the last record of a failed stream.

use transcode::StreamFormat::{JsonArray, NdJson, Sse};
use transcode::{NotAcceptable, StreamFormat, StreamWriter};

#[test]
fn accept_chooses() {
    let rows = [
        (None, None, Ok(JsonArray)),
        (None, Some(NdJson), Ok(NdJson)),
        (Some("*/*"), Some(NdJson), Ok(NdJson)),
        (Some(""), Some(Sse), Ok(Sse)),
        (Some("application/json"), Some(NdJson), Ok(JsonArray)),
        (Some("application/x-ndjson"), None, Ok(NdJson)),
        (Some("Application/NDJSON"), None, Ok(NdJson)),
        (Some("text/event-stream"), None, Ok(Sse)),
        (Some("text/*"), None, Ok(Sse)),
        (Some("application/*"), None, Ok(JsonArray)),
        (Some("application/json;q=0.5, text/event-stream"), None, Ok(Sse)),
        (Some("text/event-stream, */*;q=0.1"), None, Ok(Sse)),
        (Some("application/json;q=0, */*"), None, Ok(NdJson)),
        (Some("application/json, text/plain, */*"), Some(NdJson), Ok(JsonArray)),
        (Some("text/html"), None, Err(NotAcceptable)),
        (Some("*/*;q=0"), None, Err(NotAcceptable)),
        (Some("application/json;q=7"), None, Err(NotAcceptable)),
    ];
    for (accept, default, expected) in rows {
        assert_eq!(StreamFormat::choose(accept, default), expected, "{accept:?} {default:?}");
    }
}

fn run(format: StreamFormat, messages: &[&str], error: Option<&str>) -> String {
    let mut writer = StreamWriter::new(format);
    let mut out = Vec::new();
    for message in messages {
        writer
            .message(&mut out, |out| {
                out.extend_from_slice(message.as_bytes());
                Ok::<(), ()>(())
            })
            .unwrap();
    }
    match error {
        Some(error) => writer.error(&mut out, error.as_bytes()),
        None => writer.end(&mut out),
    }
    writer.end(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn records_are_framed() {
    assert_eq!(run(JsonArray, &[], None), "[]");
    assert_eq!(run(JsonArray, &["1", "2"], None), "[1,2]");
    assert_eq!(run(JsonArray, &["1"], Some(r#"{"error":1}"#)), r#"[1,{"error":1}]"#);
    assert_eq!(run(JsonArray, &[], Some("{}")), "[{}]");
    assert_eq!(run(NdJson, &[], None), "");
    assert_eq!(run(NdJson, &["1", "2"], None), "1\n2\n");
    assert_eq!(run(NdJson, &["1"], Some("{\n}")), "1\n{ }\n");
    assert_eq!(run(Sse, &["1"], None), "data: 1\n\n");
    assert_eq!(run(Sse, &["1"], Some("{}")), "data: 1\n\nevent: error\ndata: {}\n\n");
}

#[test]
fn a_message_that_fails_to_print_leaves_nothing_behind() {
    let mut writer = StreamWriter::new(JsonArray);
    let mut out = Vec::new();
    let failed = writer.message(&mut out, |out| {
        out.extend_from_slice(b"{\"half");
        Err("broken")
    });
    assert_eq!((failed, out.as_slice()), (Err("broken"), &b""[..]));
    writer.error(&mut out, b"{}");
    assert_eq!(out, b"[{}]");
}

#[test]
fn keep_alives_mean_nothing() {
    let mut out = Vec::new();
    StreamWriter::new(Sse).keep_alive(&mut out);
    StreamWriter::new(NdJson).keep_alive(&mut out);
    StreamWriter::new(JsonArray).keep_alive(&mut out);
    assert_eq!(out, b":\n\n");
}
