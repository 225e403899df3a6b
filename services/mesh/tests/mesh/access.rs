//! Who may call what, through all layers.

use tonic::{Code, Request};

use crate::echo::Say;
use crate::world::{self, World};

const SAY: &str = "/test.v1.Echo/Say";

async fn code(world: &World, peer: &str, path: &'static str, tool: &str) -> Code {
    world.client(peer).say(path, tool, "hello").await.map_or_else(|status| status.code(), |_| Code::Ok)
}

#[tokio::test]
async fn each_caller_meets_the_rule_of_each_method() {
    let world = world::start().await;
    let paths = [
        SAY,
        "/test.v1.Echo/Public",
        "/test.v1.Echo/ToolOnly",
        "/test.v1.Echo/AdminOnly",
        "/test.v1.Echo/Bare",
    ];
    let (yes, no, who) = (Code::Ok, Code::PermissionDenied, Code::Unauthenticated);
    let expected = [
        ("tool:alpha", [yes, yes, yes, no, no]),
        ("tool:beta", [no, yes, no, no, no]),
        ("tool:alpha.beta", [no, yes, no, no, no]),
        ("deploy:alpha", [yes, yes, no, no, no]),
        ("deploy:beta", [no, yes, no, no, no]),
        ("admin:root", [yes, yes, no, yes, no]),
        ("service:config", [yes, yes, no, no, no]),
        ("service:web", [no, yes, no, no, no]),
        ("service:gateway", [no, yes, no, no, no]),
        ("anonymous", [who, yes, who, who, who]),
    ];
    for (peer, codes) in expected {
        for (path, expected) in paths.into_iter().zip(codes) {
            assert_eq!(code(&world, peer, path, "alpha").await, expected, "{peer} {path}");
        }
    }
}

#[tokio::test]
async fn a_refused_call_never_reaches_its_handler() {
    let world = world::start().await;
    for (peer, tool) in [("tool:beta", "alpha"), ("anonymous", "alpha"), ("tool:alpha", "")] {
        assert_ne!(code(&world, peer, SAY, tool).await, Code::Ok);
    }
    assert_eq!(world.echo.calls.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_gateway_alone_names_other_callers() {
    let world = world::start().await;
    let asserted = |mode: &str| {
        let mut request = Request::new(Say { tool: "alpha".into(), mode: mode.into() });
        request.metadata_mut().insert("x-toolforge-principal", "tool:alpha".parse().unwrap());
        request
    };
    let said = world.client("service:gateway").send(SAY, asserted("whoami")).await.unwrap();
    assert_eq!(said.into_inner().text, "tool:alpha");
    for peer in ["tool:beta", "service:web", "anonymous"] {
        assert!(world.client(peer).send(SAY, asserted("whoami")).await.is_err(), "{peer}");
    }
    let status = world.over_tcp().send(SAY, asserted("whoami")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated, "loopback confers nothing");
    for peer in ["admin:root", "service:gateway"] {
        let said = world.client(peer).send("/test.v1.Echo/Public", asserted("asserted")).await.unwrap();
        assert_eq!(said.into_inner().text, "false", "the metadata must not reach a handler");
    }
}

#[tokio::test]
async fn a_stream_is_authorized_by_its_first_message() {
    let world = world::start().await;
    let says = |tool: &str| {
        let say = |mode: &str| Say { tool: tool.into(), mode: mode.into() };
        futures_util::stream::iter([say("one"), say("two")])
    };
    let mut replies = world.client("tool:alpha").chat(says("alpha")).await.unwrap();
    assert_eq!(replies.message().await.unwrap().unwrap().text, "one");
    assert_eq!(replies.message().await.unwrap().unwrap().text, "two");
    assert_eq!(replies.message().await.unwrap(), None);
    let refused = world.client("tool:beta").chat(says("alpha")).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn unknown_methods_are_unimplemented_and_never_called() {
    let world = world::start().await;
    for path in ["/test.v1.Echo/Nothing", "/no.Such/Service", "/grpc.health.v1.Health/Set"] {
        assert_eq!(code(&world, "admin:root", path, "").await, Code::Unimplemented);
    }
    assert_eq!(world.echo.calls.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_tool_field_that_occurs_twice_is_refused_whoever_sends_it() {
    let world = world::start().await;
    for peer in ["tool:alpha", "admin:root", "service:config"] {
        let (mut sender, connection) = crate::connections::raw(&world, peer).await;
        tokio::spawn(connection);
        let twice = crate::connections::bytes("/test.v1.Echo/Say", b"\x0a\x05alpha\x0a\x04beta");
        let response = sender.send_request(twice).await.unwrap();
        assert_eq!(response.headers()["grpc-status"], "3", "{peer}");
    }
    assert_eq!(world.echo.calls.load(std::sync::atomic::Ordering::SeqCst), 0);
}
