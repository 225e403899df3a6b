//! The parts of `google.protobuf` descriptors that lead to our extensions.

use crate::rules::{EnumValue, Field, Method};

/// `google.protobuf.MethodOptions` with our extension; decode the raw option bytes of a method with it.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct MethodOptions {
    /// Our rules.
    #[prost(message, optional, tag = "50001")]
    pub method: Option<Method>,
}

/// `google.protobuf.FieldOptions` with our extension.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct FieldOptions {
    /// Our rules.
    #[prost(message, optional, tag = "50002")]
    pub field: Option<Field>,
}

/// `google.protobuf.EnumValueOptions` with our extension.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct EnumValueOptions {
    /// Our rules.
    #[prost(message, optional, tag = "50003")]
    pub value: Option<EnumValue>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct FileSet {
    #[prost(message, repeated, tag = "1")]
    pub(crate) file: Vec<File>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct File {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) package: String,
    #[prost(message, repeated, tag = "4")]
    pub(crate) message: Vec<Message>,
    #[prost(message, repeated, tag = "6")]
    pub(crate) service: Vec<Service>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Message {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) field: Vec<FieldDescriptor>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) nested: Vec<Message>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct FieldDescriptor {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(uint32, tag = "3")]
    pub(crate) number: u32,
    #[prost(int32, tag = "5")]
    pub(crate) kind: i32,
    #[prost(message, optional, tag = "8")]
    pub(crate) options: Option<FieldOptions>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Service {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) method: Vec<MethodDescriptor>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct MethodDescriptor {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) input_type: String,
    #[prost(message, optional, tag = "4")]
    pub(crate) options: Option<MethodOptions>,
    #[prost(bool, tag = "5")]
    pub(crate) client_streaming: bool,
    #[prost(bool, tag = "6")]
    pub(crate) server_streaming: bool,
}
