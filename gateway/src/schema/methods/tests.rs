//! Methods that change by what they reach, and methods that do not.
#![allow(clippy::unwrap_used, reason = "tests")]

use prost_types::field_descriptor_proto::Type;
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, MethodDescriptorProto,
    ServiceDescriptorProto, SourceCodeInfo,
};

use super::*;

fn field(name: &str, number: i32, of: Option<&str>) -> FieldDescriptorProto {
    FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        r#type: Some(if of.is_some() { Type::Message } else { Type::String }.into()),
        type_name: of.map(str::to_owned),
        ..FieldDescriptorProto::default()
    }
}

fn message(name: &str, field: Vec<FieldDescriptorProto>) -> DescriptorProto {
    DescriptorProto { name: Some(name.to_owned()), field, ..DescriptorProto::default() }
}

fn method(name: &str, input: &str, output: &str) -> MethodDescriptorProto {
    MethodDescriptorProto {
        name: Some(name.to_owned()),
        input_type: Some(format!(".t.{input}")),
        output_type: Some(format!(".t.{output}")),
        ..MethodDescriptorProto::default()
    }
}

/// Two methods: one reaches `Leaf` through a cycle, the other does not.
fn file() -> FileDescriptorProto {
    FileDescriptorProto {
        name: Some("t.proto".to_owned()),
        package: Some("t".to_owned()),
        message_type: vec![
            message("In", vec![field("a", 1, None)]),
            message("Tree", vec![field("next", 1, Some(".t.Node"))]),
            message("Node", vec![field("up", 1, Some(".t.Tree")), field("leaf", 2, Some(".t.Leaf"))]),
            message("Leaf", vec![field("text", 1, None)]),
        ],
        service: vec![ServiceDescriptorProto {
            name: Some("S".to_owned()),
            method: vec![method("Plant", "In", "Tree"), method("Say", "In", "In")],
            ..ServiceDescriptorProto::default()
        }],
        ..FileDescriptorProto::default()
    }
}

fn files(file: &FileDescriptorProto) -> Files {
    let bytes = Bytes::from(file.encode_to_vec());
    Files {
        services: vec!["t.S".to_owned()],
        files: [("t.proto".to_owned(), bytes)].into(),
        ..Files::default()
    }
}

fn changed(change: impl Fn(&mut FileDescriptorProto)) -> Vec<String> {
    let mut other = file();
    change(&mut other);
    let (own, other) = (Methods::of(&files(&file())), Methods::of(&files(&other)));
    let mut paths: Vec<_> = own.0.keys().filter(|path| !own.agree(&other, path)).cloned().collect();
    paths.sort();
    paths
}

#[test]
fn what_nobody_reaches_changes_nothing() {
    assert!(changed(|_| {}).is_empty());
    assert!(changed(|file| file.message_type.push(message("New", vec![]))).is_empty());
    assert!(changed(|file| file.source_code_info = Some(SourceCodeInfo::default())).is_empty());
    assert!(changed(|file| file.service[0].method.push(method("More", "In", "Leaf"))).is_empty());
}

#[test]
fn a_message_changes_the_methods_that_reach_it() {
    let deep = |file: &mut FileDescriptorProto| file.message_type[3].field.push(field("more", 2, None));
    assert_eq!(changed(deep), ["/t.S/Plant"]);
    let shared = |file: &mut FileDescriptorProto| file.message_type[0].field[0].number = Some(9);
    assert_eq!(changed(shared), ["/t.S/Plant", "/t.S/Say"]);
    let extended = |file: &mut FileDescriptorProto| {
        let extendee = Some(".t.Leaf".to_owned());
        file.extension.push(FieldDescriptorProto { extendee, ..field("ext", 100, None) });
    };
    assert_eq!(changed(extended), ["/t.S/Plant"]);
}

#[test]
fn a_method_that_is_another_or_gone_has_changed() {
    assert_eq!(changed(|file| file.service[0].method[1].server_streaming = Some(true)), ["/t.S/Say"]);
    assert_eq!(changed(|file| drop(file.service[0].method.remove(0))), ["/t.S/Plant"]);
    assert_eq!(changed(|file| file.syntax = Some("proto3".to_owned())).len(), 2);
    assert_eq!(changed(|file| file.service.clear()).len(), 2);
}
