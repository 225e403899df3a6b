//! Descriptors as they come over the wire, decoded with types of our own.
//!
//! Only what a transcoder needs is named here. Every options message stays raw bytes, so that extensions survive and
//! each reader takes from them what it knows (`prost-types` drops extensions and knows no editions).

pub(crate) mod features;

use bytes::Bytes;
use prost::Message;

/// Descriptor bytes that are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an encoded {what}: {reason}")]
pub struct DescriptorError {
    what: &'static str,
    reason: String,
}

/// Splits an encoded `google.protobuf.FileDescriptorSet` into its encoded files, in their order.
pub fn files_of_set(set: &[u8]) -> Result<Vec<Bytes>, DescriptorError> {
    let set = FileDescriptorSet::decode(set).map_err(|e| fault("FileDescriptorSet", &e))?;
    Ok(set.file)
}

/// Decodes one encoded `google.protobuf.FileDescriptorProto`.
pub(crate) fn decode_file(bytes: &[u8]) -> Result<FileDescriptor, DescriptorError> {
    FileDescriptor::decode(bytes).map_err(|e| fault("FileDescriptorProto", &e))
}

fn fault(what: &'static str, error: &prost::DecodeError) -> DescriptorError {
    DescriptorError { what, reason: error.to_string() }
}

#[derive(Clone, PartialEq, Message)]
struct FileDescriptorSet {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    file: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct FileDescriptor {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) package: String,
    #[prost(message, repeated, tag = "4")]
    pub(crate) message_type: Vec<MessageDescriptor>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) enum_type: Vec<EnumDescriptor>,
    #[prost(message, repeated, tag = "6")]
    pub(crate) service: Vec<ServiceDescriptor>,
    #[prost(message, repeated, tag = "7")]
    pub(crate) extension: Vec<FieldDescriptor>,
    #[prost(bytes = "bytes", tag = "8")]
    pub(crate) options: Bytes,
    #[prost(message, optional, tag = "9")]
    pub(crate) source_code_info: Option<SourceCodeInfo>,
    #[prost(string, tag = "12")]
    pub(crate) syntax: String,
    #[prost(int32, tag = "14")]
    pub(crate) edition: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct MessageDescriptor {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) field: Vec<FieldDescriptor>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) nested_type: Vec<MessageDescriptor>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) enum_type: Vec<EnumDescriptor>,
    #[prost(message, repeated, tag = "6")]
    pub(crate) extension: Vec<FieldDescriptor>,
    #[prost(bytes = "bytes", tag = "7")]
    pub(crate) options: Bytes,
    #[prost(message, repeated, tag = "8")]
    pub(crate) oneof_decl: Vec<OneofDescriptor>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct FieldDescriptor {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) extendee: String,
    #[prost(int32, tag = "3")]
    pub(crate) number: i32,
    #[prost(int32, tag = "4")]
    pub(crate) label: i32,
    #[prost(int32, tag = "5")]
    pub(crate) r#type: i32,
    #[prost(string, tag = "6")]
    pub(crate) type_name: String,
    #[prost(bytes = "bytes", tag = "8")]
    pub(crate) options: Bytes,
    #[prost(int32, optional, tag = "9")]
    pub(crate) oneof_index: Option<i32>,
    #[prost(string, optional, tag = "10")]
    pub(crate) json_name: Option<String>,
    #[prost(bool, tag = "17")]
    pub(crate) proto3_optional: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct OneofDescriptor {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) options: Bytes,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct EnumDescriptor {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) value: Vec<EnumValueDescriptor>,
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) options: Bytes,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct EnumValueDescriptor {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(int32, tag = "2")]
    pub(crate) number: i32,
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) options: Bytes,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ServiceDescriptor {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) method: Vec<MethodDescriptor>,
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) options: Bytes,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct MethodDescriptor {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) input_type: String,
    #[prost(string, tag = "3")]
    pub(crate) output_type: String,
    #[prost(bytes = "bytes", tag = "4")]
    pub(crate) options: Bytes,
    #[prost(bool, tag = "5")]
    pub(crate) client_streaming: bool,
    #[prost(bool, tag = "6")]
    pub(crate) server_streaming: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SourceCodeInfo {
    #[prost(message, repeated, tag = "1")]
    pub(crate) location: Vec<Location>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Location {
    #[prost(int32, repeated, tag = "1")]
    pub(crate) path: Vec<i32>,
    #[prost(string, tag = "3")]
    pub(crate) leading_comments: String,
    #[prost(string, tag = "4")]
    pub(crate) trailing_comments: String,
}

/// `google.api.HttpRule`, extension 72295728 of method options.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct HttpRule {
    #[prost(oneof = "HttpPattern", tags = "2, 3, 4, 5, 6, 8")]
    pub(crate) pattern: Option<HttpPattern>,
    #[prost(string, tag = "7")]
    pub(crate) body: String,
    #[prost(message, repeated, tag = "11")]
    pub(crate) additional_bindings: Vec<HttpRule>,
    #[prost(string, tag = "12")]
    pub(crate) response_body: String,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum HttpPattern {
    #[prost(string, tag = "2")]
    Get(String),
    #[prost(string, tag = "3")]
    Put(String),
    #[prost(string, tag = "4")]
    Post(String),
    #[prost(string, tag = "5")]
    Delete(String),
    #[prost(string, tag = "6")]
    Patch(String),
    #[prost(message, tag = "8")]
    Custom(CustomHttpPattern),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct CustomHttpPattern {
    #[prost(string, tag = "1")]
    pub(crate) kind: String,
    #[prost(string, tag = "2")]
    pub(crate) path: String,
}

/// Reads the http rule out of raw method options; an error when the extension's bytes are broken.
pub(crate) fn http_rule(method_options: &[u8]) -> Result<Option<HttpRule>, DescriptorError> {
    const HTTP: u32 = 72_295_728;
    match crate::wire::last_len_field(method_options, HTTP) {
        Some(bytes) => HttpRule::decode(bytes).map(Some).map_err(|e| fault("google.api.HttpRule", &e)),
        None => Ok(None),
    }
}
