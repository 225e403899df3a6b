//! A descriptor set of the test service, with our options on its methods, as protox would write it.

use options::{Access, Caller, Idempotency, Method, MethodOptions};
use prost::Message;

#[derive(Clone, PartialEq, Message)]
struct Set {
    #[prost(message, repeated, tag = "1")]
    file: Vec<File>,
}

#[derive(Clone, PartialEq, Message)]
struct File {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    package: String,
    #[prost(message, repeated, tag = "4")]
    message: Vec<MessageType>,
    #[prost(message, repeated, tag = "6")]
    service: Vec<Service>,
    #[prost(string, tag = "12")]
    syntax: String,
}

#[derive(Clone, PartialEq, Message)]
struct MessageType {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    field: Vec<Field>,
}

#[derive(Clone, PartialEq, Message)]
struct Field {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int32, tag = "3")]
    number: i32,
    #[prost(int32, tag = "4")]
    label: i32,
    #[prost(int32, tag = "5")]
    kind: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Service {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    method: Vec<MethodType>,
}

#[derive(Clone, PartialEq, Message)]
struct MethodType {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    input_type: String,
    #[prost(string, tag = "3")]
    output_type: String,
    #[prost(message, optional, tag = "4")]
    options: Option<MethodOptions>,
    #[prost(bool, tag = "5")]
    client_streaming: bool,
    #[prost(bool, tag = "6")]
    server_streaming: bool,
}

fn method(name: &str, callers: &[Caller], tool_field: &str) -> MethodType {
    let access = Access {
        callers: callers.iter().map(|caller| i32::from(*caller)).collect(),
        tool_field: tool_field.into(),
        services: vec!["config".into()],
    };
    let rules = Method { access: Some(access), idempotency: Idempotency::Safe.into(), ..Method::default() };
    MethodType {
        name: name.into(),
        input_type: ".test.v1.Say".into(),
        output_type: ".test.v1.Said".into(),
        options: Some(MethodOptions { method: Some(rules) }),
        client_streaming: false,
        server_streaming: false,
    }
}

fn message(name: &str, fields: &[&str]) -> MessageType {
    let field = |(at, name): (usize, &&str)| Field {
        name: (*name).into(),
        number: i32::try_from(at).unwrap() + 1,
        label: 1,
        kind: 9,
    };
    MessageType { name: name.into(), field: fields.iter().enumerate().map(field).collect() }
}

/// The set, encoded.
pub(crate) fn encoded() -> &'static [u8] {
    let all = [Caller::Tool, Caller::DeployToken, Caller::Admin, Caller::Service];
    let mut unsafe_one = method("Change", &[Caller::Public], "");
    unsafe_one.options = Some(MethodOptions {
        method: Some(Method {
            idempotency: Idempotency::Unspecified.into(),
            ..unsafe_one.options.unwrap().method.unwrap()
        }),
    });
    let methods = vec![
        method("Say", &all, "tool"),
        method("Public", &[Caller::Public], ""),
        method("ToolOnly", &[Caller::Tool], "tool"),
        method("AdminOnly", &[Caller::Admin], ""),
        MethodType { options: None, ..method("Bare", &all, "tool") },
        MethodType { server_streaming: true, ..method("Stream", &[Caller::Public], "") },
        MethodType { server_streaming: true, client_streaming: true, ..method("Chat", &all, "tool") },
        unsafe_one,
    ];
    let file = File {
        name: "test/v1/echo.proto".into(),
        package: "test.v1".into(),
        message: vec![message("Say", &["tool", "mode"]), message("Said", &["text"])],
        service: vec![Service { name: "Echo".into(), method: methods }],
        syntax: "proto3".into(),
    };
    Set { file: vec![file] }.encode_to_vec().leak()
}
