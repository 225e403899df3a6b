//! Names and numbers of the API never change meaning: its public shape is a golden file.
//!
//! After a change that was meant (a field, an RPC, an enum value was added), `GOLDEN=write cargo test -p integration
//! --test shape` writes the file anew; the review then sees what the change is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::path::Path;

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet, ServiceDescriptorProto,
};

/// A line for every method, field and enum value of our packages, sorted.
fn shape() -> String {
    let mut lines = BTreeSet::new();
    for set in [api::JOBS_DESCRIPTORS, api::CONFIG_DESCRIPTORS] {
        for file in FileDescriptorSet::decode(set).unwrap().file {
            let package = file.package().to_owned();
            if !package.starts_with("toolforge.") || package.starts_with("toolforge.options") {
                continue;
            }
            file.service.iter().for_each(|service| methods(&package, service, &mut lines));
            file.message_type.iter().for_each(|message| fields(&package, message, &mut lines));
            file.enum_type.iter().for_each(|of| values(&package, of, &mut lines));
        }
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

fn methods(scope: &str, service: &ServiceDescriptorProto, lines: &mut BTreeSet<String>) {
    for method in &service.method {
        let stream = |streaming: bool| if streaming { "stream " } else { "" };
        lines.insert(format!(
            "rpc {scope}.{}/{} ({}{}) returns ({}{})",
            service.name(),
            method.name(),
            stream(method.client_streaming()),
            method.input_type(),
            stream(method.server_streaming()),
            method.output_type(),
        ));
    }
}

fn fields(scope: &str, message: &DescriptorProto, lines: &mut BTreeSet<String>) {
    let scope = format!("{scope}.{}", message.name());
    for field in &message.field {
        lines.insert(format!("field {scope} {:>3} {}: {}", field.number(), field.name(), kind(field)));
    }
    message.nested_type.iter().for_each(|nested| fields(&scope, nested, lines));
    message.enum_type.iter().for_each(|of| values(&scope, of, lines));
}

fn kind(field: &FieldDescriptorProto) -> String {
    let label = match field.label() {
        Label::Repeated => "repeated ",
        _ if field.proto3_optional() => "optional ",
        _ => "",
    };
    let name = match field.r#type() {
        Type::Message | Type::Enum => field.type_name().to_owned(),
        other => other.as_str_name().trim_start_matches("TYPE_").to_lowercase(),
    };
    format!("{label}{name}")
}

fn values(scope: &str, of: &EnumDescriptorProto, lines: &mut BTreeSet<String>) {
    for value in &of.value {
        lines.insert(format!("value {scope}.{} {:>3} {}", of.name(), value.number(), value.name()));
    }
}

#[test]
fn the_public_shape_is_the_golden_one() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/shape.txt");
    let now = shape();
    if std::env::var_os("GOLDEN").is_some_and(|word| word == "write") {
        std::fs::write(&golden, &now).unwrap();
    }
    let before = std::fs::read_to_string(&golden).unwrap_or_default();
    let lost: Vec<_> = before.lines().filter(|line| !now.lines().any(|other| other == *line)).collect();
    let new: Vec<_> = now.lines().filter(|line| !before.lines().any(|other| other == *line)).collect();
    assert!(
        lost.is_empty() && new.is_empty(),
        "not in the API any more: {lost:#?}\nnew in the API: {new:#?}"
    );
}
