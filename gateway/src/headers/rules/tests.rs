//! What crosses, what never does, and values that metadata cannot have.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

fn headers(lines: &[(&'static str, &[u8])]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(*name, HeaderValue::from_bytes(value).unwrap());
    }
    map
}

fn metadata(rules: &HeaderRules, lines: &[(&'static str, &[u8])]) -> Result<Vec<String>, String> {
    let mut out = HeaderMap::new();
    Rules::new(rules).request(&headers(lines), &mut out).map_err(|problem| problem.message)?;
    Ok(out.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect())
}

#[test]
fn what_the_connection_names_is_of_the_connection() {
    let sent: [(&'static str, &[u8]); 3] =
        [("connection", b"close, Authorization"), ("authorization", b"Bearer x"), ("accept-language", b"de")];
    assert_eq!(metadata(&HeaderRules::usual(), &sent).unwrap(), ["accept-language: de"]);
}

#[test]
fn only_listed_headers_become_metadata() {
    let usual = HeaderRules::usual();
    let sent: [(&'static str, &[u8]); 12] = [
        ("authorization", b"Bearer x"),
        ("user-agent", b"curl"),
        ("cookie", b"a=b"),
        ("x-other", b"1"),
        ("grpc-metadata-tenant", b"t"),
        ("grpc-metadata-blob-bin", b"AAE"),
        ("grpc-metadata-grpc-timeout", b"1S"),
        ("grpc-metadata-x-toolforge-principal", b"admin:root"),
        ("grpc-metadata-cookie", b"a=b"),
        ("grpc-metadata-", b"1"),
        ("grpc-status", b"0"),
        ("connection", b"close"),
    ];
    let expected = ["authorization: Bearer x", "x-forwarded-user-agent: curl", "tenant: t", "blob-bin: AAE"]
        .map(str::to_owned);
    assert_eq!(metadata(&usual, &sent).unwrap(), expected);
    assert_eq!(metadata(&HeaderRules::default(), &sent).unwrap(), [""; 0]);
}

#[test]
fn prefixes_pass_what_may_pass() {
    let rules = HeaderRules { request: vec!["x-*".parse().unwrap()], ..HeaderRules::default() };
    let sent: [(&'static str, &[u8]); 4] =
        [("x-a", b"1"), ("x-toolforge-tool", b"a"), ("x-request-id", b"r"), ("y", b"2")];
    assert_eq!(metadata(&rules, &sent).unwrap(), ["x-a: 1"]);
}

#[test]
fn values_that_metadata_cannot_have_are_refused() {
    let usual = HeaderRules::usual();
    for bad in [&b"caf\xe9"[..], b"\xff", b"a\tb"] {
        let error = metadata(&usual, &[("accept-language", bad)]).unwrap_err();
        assert_eq!(error, "the header for accept-language: expected printable ASCII");
    }
    for bad in [&b"%%%"[..], b"A", b"AA=A", b"AAE,?"] {
        let error = metadata(&usual, &[("grpc-metadata-x-bin", bad)]).unwrap_err();
        assert_eq!(error, "the header for x-bin: expected base64");
    }
    assert!(metadata(&usual, &[("grpc-metadata-x-bin", b"AAE=, AAE")]).is_ok());
}

#[test]
fn rules_that_cannot_be_meant_are_refused() {
    for bad in ["", "a b", "a=", "=b", "x-*=y", "*", "é"] {
        assert_eq!(bad.parse::<HeaderRule>(), Err(HeaderRuleError::Form(bad.to_owned())), "{bad}");
    }
    for (bad, name) in [
        ("connection", "connection"),
        ("x=te", "te"),
        ("grpc-timeout", "grpc-timeout"),
        ("GRPC-*", "grpc-"),
        ("x-toolforge-tool", "x-toolforge-tool"),
    ] {
        assert_eq!(bad.parse::<HeaderRule>(), Err(HeaderRuleError::Never(name.to_owned())), "{bad}");
    }
}

#[test]
fn backends_say_only_what_they_may() {
    let rules =
        Rules::new(&HeaderRules { status: Some("x-http-code".parse().unwrap()), ..HeaderRules::usual() });
    let said = headers(&[
        ("retry-after", b"3"),
        ("set-cookie", b"a=b"),
        ("grpc-encoding", b"gzip"),
        ("x-http-code", b"202"),
    ]);
    let mut out = HeaderMap::new();
    rules.response(&said, &mut out);
    assert_eq!(out.len(), 1);
    assert_eq!(out["retry-after"], "3");
    let status = |text: &'static [u8], failed| {
        rules.status(&headers(&[("x-http-code", text)]), failed).map(|status| status.as_u16())
    };
    assert_eq!((status(b"202", false), status(b"202", true)), (Some(202), None));
    assert_eq!((status(b"410", true), status(b"410", false)), (Some(410), None));
    for bad in [&b"99"[..], b"1000", b"600", b"-1", b"304", b"", b"2e2"] {
        assert_eq!((status(bad, false), status(bad, true)), (None, None), "{bad:?}");
    }
}
