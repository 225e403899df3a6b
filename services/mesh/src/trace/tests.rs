//! The header's grammar, and what a span passes on.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn a_traceparent_comes_back() {
    let context = Context::parse(PARENT).unwrap();
    assert_eq!(context.span_id, 0x00f0_67aa_0ba9_02b7);
    assert!(context.sampled);
    assert_eq!(context.to_string(), PARENT);
    assert_eq!(context.header(), PARENT);
    assert_eq!(Context { sampled: false, ..context }.header(), PARENT.replace("-01", "-00"));
    assert!(Context::parse(&PARENT.replacen("00", "cc", 1)).is_some());
    assert!(Context::parse(&format!("{}-more", PARENT.replacen("00", "cc", 1))).is_some());
}

#[test]
fn what_is_no_traceparent_is_ignored() {
    let zero_trace = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
    let zero_span = "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01";
    let upper = PARENT.to_uppercase();
    let (longer, ff) = (format!("{PARENT}-x"), PARENT.replacen("00", "ff", 1));
    for text in ["", "00", zero_trace, zero_span, &upper, &longer, &ff, &PARENT[..54], "00-é-é-01"] {
        assert_eq!(Context::parse(text), None, "{text}");
    }
}

#[tokio::test]
async fn a_span_continues_the_trace_and_keeps_the_request_id() {
    let mut headers = HeaderMap::new();
    headers.insert(TRACEPARENT, HeaderValue::from_static(PARENT));
    headers.insert(REQUEST_ID, HeaderValue::from_static("abc-1"));
    let span = Span::server("a.B/C", &headers);
    let mut out = HeaderMap::new();
    span.scope(async { Span::child(Kind::Client, "d.E/F").inject(&mut out) }).await;
    let made = Context::of(&out).unwrap();
    assert_eq!(made.trace_id, Context::parse(PARENT).unwrap().trace_id);
    assert_ne!(made.span_id, span.context().span_id);
    assert_eq!(out[REQUEST_ID], "abc-1");
}

#[test]
fn a_request_id_that_could_forge_log_lines_is_replaced() {
    for id in ["a b", "a\tb", "", &"a".repeat(65)] {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_str(id).unwrap());
        assert_eq!(Span::server("x", &headers).request_id().len(), 16);
    }
}

#[test]
fn without_an_exporter_spans_record_nothing() {
    let mut span = Span::child(Kind::Internal, "x");
    span.attribute("a", "b");
    assert!(!span.context().sampled);
    assert!(span.began.is_none() && span.attributes.is_empty());
}
