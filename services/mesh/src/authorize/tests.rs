//! The decision for each kind of caller, and the scan on hostile bytes.
#![allow(clippy::unwrap_used, reason = "tests")]

use options::{Access, Method, ToolField};

use super::*;

const KINDS: [Caller; 5] =
    [Caller::Public, Caller::Tool, Caller::DeployToken, Caller::Admin, Caller::Service];

fn rule(callers: &[Caller], with_tool: bool) -> MethodRule {
    let access = Access {
        callers: callers.iter().map(|caller| i32::from(*caller)).collect(),
        tool_field: if with_tool { "tool".into() } else { String::new() },
        services: vec!["config".into()],
    };
    MethodRule {
        rules: Method { access: Some(access), ..Method::default() },
        tool_field: with_tool.then(|| ToolField { name: "tool".into(), number: 1 }),
        client_streaming: false,
        server_streaming: false,
        from_outside: false,
    }
}

fn decide(callers: &[Caller], principal: &str, tool: Option<&str>) -> Result<(), Denied> {
    check(&rule(callers, true), &principal.parse().unwrap(), tool)
}

#[test]
fn without_access_everybody_is_denied() {
    let bare = MethodRule {
        rules: Method::default(),
        tool_field: None,
        client_streaming: false,
        server_streaming: false,
        from_outside: false,
    };
    for principal in ["tool:alpha", "admin:root", "service:config", "deploy:alpha"] {
        assert_eq!(check(&bare, &principal.parse().unwrap(), None), Err(Denied::Method), "{principal}");
    }
    assert_eq!(check(&bare, &Principal::Anonymous, None), Err(Denied::Unauthenticated));
}

#[test]
fn each_kind_is_admitted_by_its_own_word_alone() {
    let callers = [
        ("tool:alpha", Caller::Tool),
        ("deploy:alpha", Caller::DeployToken),
        ("admin:root", Caller::Admin),
        ("service:config", Caller::Service),
    ];
    for (principal, own) in callers {
        for kind in KINDS {
            let expected = if kind == own || kind == Caller::Public { Ok(()) } else { Err(Denied::Method) };
            assert_eq!(decide(&[kind], principal, Some("alpha")), expected, "{principal} {kind:?}");
        }
    }
    assert_eq!(decide(&[Caller::Public], "anonymous", None), Ok(()));
    assert_eq!(decide(&KINDS[1..], "anonymous", Some("alpha")), Err(Denied::Unauthenticated));
}

#[test]
fn a_service_must_be_named() {
    assert_eq!(decide(&[Caller::Service], "service:web", Some("alpha")), Err(Denied::Method));
}

#[test]
fn a_tool_acts_for_itself_alone() {
    for principal in ["tool:alpha", "deploy:alpha"] {
        let callers = [Caller::Tool, Caller::DeployToken];
        for other in [None, Some("beta"), Some("alpha.beta"), Some("Alpha"), Some("")] {
            assert_eq!(decide(&callers, principal, other), Err(Denied::Tool), "{principal} {other:?}");
        }
        assert_eq!(decide(&callers, principal, Some("alpha")), Ok(()));
        assert_eq!(check(&rule(&callers, false), &principal.parse().unwrap(), None), Ok(()));
    }
    assert_eq!(decide(&[Caller::Admin], "admin:root", Some("beta")), Ok(()));
}

#[test]
fn the_message_is_read_only_for_callers_bound_to_a_tool() {
    let of =
        |callers: &[Caller], principal: &str| needs_tool(&rule(callers, true), &principal.parse().unwrap());
    assert!(of(&[Caller::Tool], "tool:alpha"));
    assert!(!of(&[Caller::Admin], "admin:root"));
    assert!(!of(&[Caller::Public], "tool:alpha"));
}

#[test]
fn health_and_reflection_are_the_only_exemptions() {
    let table = Table::default();
    assert_eq!(subject(&table, "/grpc.health.v1.Health/Watch"), Subject::Health);
    assert_eq!(
        subject(&table, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"),
        Subject::Reflection
    );
    for path in ["/grpc.health.v1.Health/Set", "/grpc.health.v1.HealthX/Check", "/a.B/C", "", "/"] {
        assert_eq!(subject(&table, path), Subject::Unknown, "{path}");
    }
}

#[test]
fn the_tool_is_found_among_other_fields() {
    // 2: varint 300, 1: "alpha", 3: fixed32, 4: group {5: "x"}, 6: fixed64
    let message = b"\x10\xac\x02\x0a\x05alpha\x1d\0\0\0\0\x23\x2a\x01x\x24\x31\0\0\0\0\0\0\0\0";
    assert_eq!(tool_in(message, 1), Ok(Some("alpha")));
    assert_eq!(tool_in(message, 7), Ok(None));
    assert_eq!(tool_in(b"", 1), Ok(None));
    assert_eq!(tool_in(b"\x0a\x00", 1), Ok(None));
}

#[test]
fn a_field_inside_a_group_is_not_the_field() {
    assert_eq!(tool_in(b"\x23\x0a\x01x\x24", 1), Ok(None));
}

#[test]
fn two_different_values_are_refused_and_equal_ones_are_not() {
    assert_eq!(tool_in(b"\x0a\x01a\x0a\x01b", 1), Err(Conflict::Ambiguous));
    assert_eq!(tool_in(b"\x0a\x01a\x0a\x00", 1), Err(Conflict::Ambiguous));
    assert_eq!(tool_in(b"\x0a\x01a\x0a\x01a", 1), Ok(Some("a")));
}

#[test]
fn hostile_bytes_are_errors() {
    assert_eq!(tool_in(b"\x08\x01", 1), Err(Conflict::NotText));
    assert_eq!(tool_in(b"\x0a\x01\xff", 1), Err(Conflict::NotText));
    let broken: [&[u8]; 8] = [
        b"\x0a\x05al",
        b"\x0a",
        b"\x00\x01",
        b"\x24",
        b"\x23\x2c",
        b"\x27",
        b"\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    ];
    for bytes in broken {
        assert!(matches!(tool_in(bytes, 1), Err(Conflict::Malformed(_))), "{bytes:?}");
    }
    assert!(matches!(tool_in(&[0x23; 100], 1), Err(Conflict::Malformed(_))));
    let whole = b"\x10\xac\x02\x0a\x05alpha\x23\x2a\x01x\x24";
    for end in 0..whole.len() {
        let _ = tool_in(&whole[..end], 1);
    }
}
