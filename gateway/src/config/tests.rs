//! Files, good and bad: what is wrong is said with its place.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use gateway::{Caller, Coding, Origins};

use super::*;

fn error(text: &str) -> String {
    format!("{:#}", Config::parse(text).unwrap_err())
}

#[test]
fn an_empty_file_is_a_generic_gateway() {
    for text in ["", "# nothing\n\n", "{}"] {
        let config = Config::parse(text).unwrap();
        let policies = config.policies().unwrap();
        assert!(policies.cors.is_none() && policies.etags && !policies.method_override);
        assert_eq!(policies.decode, Coding::ALL);
        assert!(policies.deadlines.asked && policies.compression.is_some());
        assert_eq!(config.limits().body_bytes, 4 << 20);
        assert!(config.mapping().unwrap().options.http_rules.is_empty());
    }
}

#[test]
fn everything_can_be_said() {
    let config = Config::parse(include_str!("example.yaml")).unwrap();
    assert_eq!(config.listen.unwrap().to_string(), "127.0.0.1:8080");
    assert_eq!(config.backends.len(), 2);
    assert_eq!(config.backends[0].0.name.as_deref(), Some("library"));
    let limits = config.limits();
    assert_eq!((limits.body_bytes, limits.uri_bytes, limits.body), (16 << 20, 8192, Duration::from_secs(30)));
    let policies = config.policies().unwrap();
    let cors = policies.cors.unwrap();
    assert_eq!(
        cors.origins,
        Origins::Listed(vec!["https://app.example".into(), "https://*.dev.example".into()])
    );
    assert!(cors.credentials && cors.max_age == Duration::from_mins(10));
    assert_eq!(policies.compression.unwrap().codings, [Coding::Zstd, Coding::Gzip]);
    assert_eq!(policies.deadlines.most, Some(Duration::from_mins(2)));
    assert_eq!(policies.headers.status.unwrap(), "x-http-code");
    let mapping = config.mapping().unwrap();
    let rule = &mapping.options.http_rules[0];
    assert!(rule.selector.matches("library.v1.Library.GetBook"));
    assert_eq!((rule.rule.method.as_str(), rule.rule.path.as_str()), ("GET", "/v1/{name=shelves/*/books/*}"));
    assert_eq!(rule.rule.additional_bindings[0].method, "REPORT");
    assert!(mapping.options.fully_decode_reserved_expansion);
    let (all, create) = (&mapping.methods[1], &mapping.methods[2]);
    assert_eq!(all.access.as_ref().unwrap().callers, [i32::from(Caller::Tool), Caller::Admin.into()]);
    let data = (all.unknown_any, all.invalid_utf8);
    assert_eq!(data, (Some(transcode::UnknownAny::Opaque), Some(transcode::InvalidUtf8::Replace)));
    assert_eq!((create.success_status, create.bounds.body), (Some(201), Some(64 << 20)));
    assert_eq!(create.bounds.deadline, Some(Duration::from_secs(5)));
    assert_eq!(create.access.as_ref().unwrap().services, ["config"]);
    assert_eq!(mapping.methods[3].access.as_ref().unwrap().tool_field, "reader");
    assert_eq!(mapping.fields[1].query_name.as_deref(), Some("free"));
    assert_eq!(mapping.enum_values[0].word, "fiction");
}

#[test]
fn the_documentation_shows_all_of_it() {
    let docs = include_str!("../../../docs/gateway.md");
    assert!(
        docs.contains(include_str!("example.yaml")),
        "docs/gateway.md has another example than the one tested"
    );
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, part) in [
        ("listen: here", "listen"),
        ("lisen: 127.0.0.1:1", "lisen"),
        ("limits:\n  boddy: 1", "boddy"),
        ("limits:\n  body: 4MB", "expected a number of bytes"),
        ("limits:\n  body_time: 5", "expected a time"),
        ("backends: [somewhere]", "expected [NAME=]URI"),
        ("errors: html", "expected google or toolforge"),
        ("cors:\n  credentials: true", "origins"),
        ("cors:\n  origins: ['*']\n  credentials: true", "credentials cannot be given to every origin"),
        ("cors:\n  origins: [app.example]", "expected an origin"),
        ("compression:\n  answers: [deflate]", "deflate"),
        ("headers:\n  request: [connection]", "connection cannot be passed on"),
        ("headers:\n  response: ['a b']", "expected a header"),
        ("http:\n  rules:\n  - get: /v1/x", "rule 0"),
        ("http:\n  rules:\n  - selector: a.B.C", "expected one of get"),
        ("http:\n  rules:\n  - selector: a.B.C\n    get: /x\n    post: /y", "expected one of get"),
        (
            "http:\n  rules:\n  - selector: a.B.C\n    get: /x\n    additional_bindings:\n    - selector: a.B.C\n      get: /y",
            "additional",
        ),
        ("methods:\n- selector: a.B.C\n  success_status: 404", "methods[0]: success_status"),
        ("methods:\n- selector: '*.C'", "selector"),
        ("methods:\n- selector: a.B.C\n  acces: {callers: []}", "acces"),
        ("methods:\n- selector: a.B.C\n  access: {callers: [everyone]}", "everyone"),
        ("methods:\n- selector: a.B.C\n  access: {tool_field: x}", "callers"),
        (
            "methods:\n- selector: a.B.C\n  access: {callers: [service]}",
            "methods[0]: access: callers has service",
        ),
        ("methods:\n- selector: a.B.C\n  access: {callers: [], services: [x]}", "methods[0]: access"),
        ("methods:\n- selector: a.B.C\n  access: {callers: [admin], tool_field: x}", "tool_field is for"),
        (
            "methods:\n- selector: a.B.C\n  access: {callers: [public, tool], tool_field: x}",
            "tool_field is for",
        ),
        ("methods:\n- selector: a.B.C\n  deadline: 5", "expected a time"),
        ("fields:\n- selector: 'a..b'", "fields[0]: selector"),
        ("fields:\n- selector: a.B.c\n  query: x", "query"),
        ("enum_values:\n- selector: a.B.C", "word"),
        ("enum_values:\n- selector: a.B.C\n  word: ''", "enum_values[0]: word"),
        ("etags: true\netags: false", "etags"),
        ("a: [", ""),
    ] {
        let error = error(text);
        assert!(error.contains(part), "{text:?}: {error}");
    }
    assert!(error("limits:\n  boddy: 1").contains("line 2"), "{}", error("limits:\n  boddy: 1"));
}
