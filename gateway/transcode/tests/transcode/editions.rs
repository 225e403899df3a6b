//! Editions: the same file under edition 2023, with its defaults and with features that override them.
//!
//! No compiler at hand writes editions, so the descriptor of `all.proto` is given another syntax: a field that occurs again
//! on the wire replaces the first.

use bytes::Bytes;
use transcode::{CompileOptions, GoogleRules, Program, UnknownFields};

use crate::fixture::files;

const ALL: &str = "test.v1.All";

/// A file as edition 2023 with these encoded `FeatureSet` fields on it.
pub(crate) fn bent(file: &Bytes, features: &[u8]) -> Bytes {
    let mut bent = file.to_vec();
    bent.extend_from_slice(b"\x62\x08editions\x70\xe8\x07");
    // options (8) { features (50) { … } }
    bent.push(0x42);
    bent.push(u8::try_from(features.len() + 3).unwrap());
    bent.extend_from_slice(&[0x92, 0x03, u8::try_from(features.len()).unwrap()]);
    bent.extend_from_slice(features);
    Bytes::from(bent)
}

/// `all.proto` as edition 2023 with these encoded `FeatureSet` fields on the file.
fn edition(features: &[u8]) -> Program {
    let files: Vec<Bytes> = files()
        .into_iter()
        .map(|file| {
            if !file.windows(14).any(|w| w == b"test/all.proto")
                || file.windows(13).any(|w| w == b"test.library.")
            {
                return file;
            }
            bent(&file, features)
        })
        .collect();
    Program::compile(&files, &GoogleRules, CompileOptions::default()).unwrap().program
}

fn wire(program: &Program, json: &str) -> Vec<u8> {
    let mut out = Vec::new();
    program.json_to_message(ALL, json.as_bytes(), UnknownFields::Reject, &mut out).unwrap().unwrap();
    out
}

fn json(program: &Program, wire: &[u8]) -> String {
    let mut out = Vec::new();
    program.message_to_json(ALL, wire, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn fields_have_presence_by_default() {
    let program = edition(&[]);
    let set = r#"{"f_int32":0,"f_string":""}"#;
    assert_eq!(json(&program, &wire(&program, set)), set);
    assert_eq!(wire(&program, r#"{"r_int32":[1,2]}"#), [0x82, 0x02, 2, 1, 2]);
}

#[test]
fn field_presence_can_be_implicit() {
    let program = edition(&[0x08, 2]);
    assert!(wire(&program, r#"{"f_int32":0}"#).is_empty());
}

#[test]
fn repeated_fields_can_be_expanded() {
    let program = edition(&[0x18, 2]);
    let expanded = wire(&program, r#"{"r_int32":[1,2]}"#);
    assert_eq!(expanded, [0x80, 0x02, 1, 0x80, 0x02, 2]);
    assert_eq!(json(&program, &expanded), r#"{"r_int32":[1,2]}"#);
}

#[test]
fn enums_can_be_closed() {
    let program = edition(&[0x10, 2]);
    assert_eq!(json(&program, &[0x80, 0x01, 9, 0x18, 1]), r#"{"f_int32":1}"#);
}

#[test]
fn messages_can_be_delimited_and_maps_are_not() {
    let program = edition(&[0x28, 2]);
    let inner = wire(&program, r#"{"f_inner":{"count":1}}"#);
    assert_eq!(inner, [0x8b, 0x01, 0x10, 1, 0x8c, 0x01]);
    let all = r#"{"f_inner":{"next":{"name":"x"}},"r_inner":[{},{"count":1}],"m_uint64":{"1":{"count":2}}}"#;
    assert_eq!(json(&program, &wire(&program, all)), all);
}
