//! Every RPC says who may call it, how it is reached over HTTP, and which field names the tool.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use options::{Caller, Table};

/// RPCs without an HTTP form, each with the reason in its comment.
const WITHOUT_HTTP: &[&str] = &["/toolforge.jobs.v1.Runs/AttachRun"];

fn tables() -> Vec<Table> {
    [api::JOBS_DESCRIPTORS, api::CONFIG_DESCRIPTORS].map(|set| Table::read(set).expect("access table")).into()
}

#[test]
fn every_rpc_says_who_may_call_it() {
    let mut count = 0;
    for (path, rule) in tables().iter().flat_map(Table::iter) {
        let access = rule.rules.access.as_ref().unwrap_or_else(|| panic!("{path} has no access option"));
        assert!(!access.callers.is_empty(), "{path} admits nobody");
        if rule.admits(Caller::Tool) {
            assert!(rule.tool_field.is_some(), "{path} admits tools and names no tool_field");
        }
        assert_eq!(rule.admits(Caller::Service), !access.services.is_empty(), "{path}: services");
        count += 1;
    }
    assert_eq!(count, 30, "an RPC came or went");
}

#[test]
fn every_rpc_has_an_http_rule_or_a_stated_exemption() {
    let rules = http_rules();
    for (path, _) in tables().iter().flat_map(Table::iter) {
        let has = rules.iter().any(|rule| rule == path);
        assert_ne!(has, WITHOUT_HTTP.contains(&path), "{path}");
    }
}

/// gRPC paths of the methods that carry `google.api.http`, found in the raw descriptors.
fn http_rules() -> Vec<String> {
    const HTTP: u32 = 72_295_728;
    let mut found = Vec::new();
    for set in [api::JOBS_DESCRIPTORS, api::CONFIG_DESCRIPTORS] {
        for (_, file) in fields(set).filter(|(number, _)| *number == 1) {
            let text = |bytes: &[u8], number| {
                let value = fields(bytes).find(|(n, _)| *n == number).map(|(_, value)| value.to_vec());
                String::from_utf8(value.unwrap_or_default()).unwrap()
            };
            let package = text(file, 2);
            for (_, service) in fields(file).filter(|(number, _)| *number == 6) {
                for (_, method) in fields(service).filter(|(number, _)| *number == 2) {
                    let options = fields(method).find(|(number, _)| *number == 4).map(|(_, value)| value);
                    if options.is_some_and(|options| fields(options).any(|(number, _)| number == HTTP)) {
                        found.push(format!("/{package}.{}/{}", text(service, 1), text(method, 1)));
                    }
                }
            }
        }
    }
    found
}

/// The length-delimited fields of a message.
fn fields(mut bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (first, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            value |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                break;
            }
        }
        value
    }
    std::iter::from_fn(move || {
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let number = u32::try_from(key >> 3).unwrap();
            match key & 7 {
                0 => drop(varint(&mut bytes)),
                1 => bytes = &bytes[8..],
                5 => bytes = &bytes[4..],
                2 => {
                    let length = usize::try_from(varint(&mut bytes)).unwrap();
                    let (value, rest) = bytes.split_at(length);
                    bytes = rest;
                    return Some((number, value));
                }
                other => panic!("wire type {other}"),
            }
        }
        None
    })
}
