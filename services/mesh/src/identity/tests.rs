//! Principals as text, and who may speak for whom.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

fn peer(principal: &str) -> Peer {
    Peer { principal: principal.parse().unwrap(), from: "test".into() }
}

fn headers(values: &[&'static str]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for value in values {
        map.append(PRINCIPAL_HEADER, HeaderValue::from_static(value));
    }
    map
}

#[test]
fn text_forms_come_back() {
    for text in ["tool:alpha", "tool:dotted.name", "admin:root", "service:jobs", "deploy:alpha", "anonymous"]
    {
        assert_eq!(text.parse::<Principal>().unwrap().to_string(), text);
    }
}

#[test]
fn other_texts_are_refused() {
    let long = format!("tool:{}", "a".repeat(254));
    for text in
        ["", "tool", "tool:", "root:alpha", "tool:a b", "tool:a:b", "tool:a/b", "tool:ä", "TOOL:a", &long]
    {
        assert!(text.parse::<Principal>().is_err(), "{text}");
    }
}

#[test]
fn only_the_gateway_speaks_for_others() {
    let mut map = headers(&["tool:alpha"]);
    assert_eq!(peer("service:gateway").caller(&mut map).unwrap(), Principal::Tool("alpha".into()));
    assert!(map.is_empty());
    for other in ["service:jobs", "tool:gateway", "admin:gateway", "deploy:gateway", "anonymous"] {
        let mut map = headers(&["admin:root"]);
        assert_eq!(peer(other).caller(&mut map).unwrap().to_string(), other);
        assert!(map.is_empty(), "the metadata must not reach a handler");
    }
}

#[test]
fn the_gateway_without_metadata_is_itself() {
    assert_eq!(peer("service:gateway").caller(&mut HeaderMap::new()).unwrap().to_string(), "service:gateway");
}

#[test]
fn the_gateway_must_name_exactly_one_principal() {
    for values in [&["tool:alpha", "tool:beta"][..], &["nonsense"], &["\u{1}"]] {
        let mut map = HeaderMap::new();
        for value in values {
            let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) else { continue };
            map.append(PRINCIPAL_HEADER, value);
        }
        if map.is_empty() {
            continue;
        }
        let status = peer("service:gateway").caller(&mut map).unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unauthenticated);
        assert!(map.is_empty());
    }
}
