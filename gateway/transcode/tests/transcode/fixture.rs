//! The test protos, compiled once, and the rules of a pretended platform.

use std::path::Path;
use std::sync::OnceLock;

use bytes::Bytes;
use transcode::{
    CompileOptions, Compiled, FieldRules, GoogleRules, MethodRules, Program, Rules, UnknownFields,
    last_len_field, last_varint_field,
};

/// Encoded descriptors of every test proto and what it imports.
pub(crate) fn descriptor_set() -> &'static [u8] {
    static SET: OnceLock<Vec<u8>> = OnceLock::new();
    SET.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/proto");
        let mut compiler = protox::Compiler::new([root]).unwrap();
        compiler.include_imports(true).include_source_info(true);
        compiler.open_files(["test/all.proto", "test/legacy.proto", "test/library.proto"]).unwrap();
        compiler.encode_file_descriptor_set()
    })
}

pub(crate) fn files() -> Vec<Bytes> {
    transcode::files_of_set(descriptor_set()).unwrap()
}

/// Reads the options of `test/options.proto`.
pub(crate) struct PlatformRules;

impl Rules for PlatformRules {
    fn method(&self, _full_name: &str, options: &[u8]) -> MethodRules {
        let set = last_len_field(options, 50001).unwrap_or_default();
        MethodRules {
            success_status: last_varint_field(set, 1).map(|v| u16::try_from(v).unwrap()),
            unknown_fields: match last_varint_field(set, 2) {
                Some(1) => UnknownFields::Ignore,
                Some(2) => UnknownFields::Report,
                _ => UnknownFields::Reject,
            },
            trailing_slash: last_varint_field(set, 3) == Some(1),
            path_wins: last_varint_field(set, 4) == Some(1),
            ..MethodRules::default()
        }
    }

    fn field(&self, _full_name: &str, options: &[u8]) -> FieldRules {
        let set = last_len_field(options, 50002).unwrap_or_default();
        FieldRules {
            always_present: last_varint_field(set, 1) == Some(1),
            lenient_bool: last_varint_field(set, 2) == Some(1),
            query_name: last_len_field(set, 3).map(|b| String::from_utf8(b.to_vec()).unwrap()),
            unknown_field_paths: last_varint_field(set, 4) == Some(1),
            ..FieldRules::default()
        }
    }

    fn enum_value(&self, _full_name: &str, options: &[u8]) -> Option<String> {
        last_len_field(options, 50003).map(|b| String::from_utf8(b.to_vec()).unwrap())
    }
}

pub(crate) fn compile(rules: &dyn Rules, options: CompileOptions) -> Compiled {
    Program::compile(&files(), rules, options).unwrap()
}

/// The program with the platform's rules.
pub(crate) fn platform() -> &'static Program {
    static PROGRAM: OnceLock<Program> = OnceLock::new();
    PROGRAM.get_or_init(|| compile(&PlatformRules, CompileOptions::default()).program)
}

/// The program with Google's mapping.
pub(crate) fn google() -> &'static Program {
    static PROGRAM: OnceLock<Program> = OnceLock::new();
    PROGRAM.get_or_init(|| compile(&GoogleRules, CompileOptions::default()).program)
}

/// The oracle's view of the same files.
pub(crate) fn pool() -> &'static prost_reflect::DescriptorPool {
    static POOL: OnceLock<prost_reflect::DescriptorPool> = OnceLock::new();
    POOL.get_or_init(|| prost_reflect::DescriptorPool::decode(descriptor_set()).unwrap())
}

pub(crate) fn to_wire(message: &str, json: &str) -> Result<Vec<u8>, String> {
    bytes_to_wire(message, json.as_bytes())
}

pub(crate) fn bytes_to_wire(message: &str, json: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let read = google().json_to_message(message, json, UnknownFields::Reject, &mut out).unwrap();
    read.map(|()| out).map_err(|e| e.to_string())
}

pub(crate) fn to_json(message: &str, wire: &[u8]) -> Result<String, String> {
    let mut out = Vec::new();
    google().message_to_json(message, wire, &mut out).map_err(|e| e.to_string())?;
    Ok(String::from_utf8(out).unwrap())
}

/// JSON to wire and back.
pub(crate) fn round(message: &str, json: &str) -> Result<String, String> {
    to_json(message, &to_wire(message, json)?)
}
