//! The messages of `options.proto`; its comments say what each field means.

/// Rules of a method (extension 50001 of `MethodOptions`).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Method {
    /// Who may call; absent means nobody.
    #[prost(message, optional, tag = "1")]
    pub access: Option<Access>,
    /// HTTP status of a success; 0 means 200.
    #[prost(uint32, tag = "2")]
    pub success_status: u32,
    /// What becomes of unknown fields of a JSON body.
    #[prost(enumeration = "UnknownFields", tag = "3")]
    pub unknown_fields: i32,
    /// Whether the path is also served with a slash at its end.
    #[prost(bool, tag = "4")]
    pub trailing_slash: bool,
    /// The form of a server stream for a client that asks for none.
    #[prost(enumeration = "StreamFormat", tag = "5")]
    pub stream_format: i32,
    /// When a call may be sent again.
    #[prost(enumeration = "Idempotency", tag = "6")]
    pub idempotency: i32,
}

/// Who may call a method, and for which tool.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Access {
    /// Kinds of caller that may call.
    #[prost(enumeration = "Caller", repeated, tag = "1")]
    pub callers: Vec<i32>,
    /// The request field that names the tool.
    #[prost(string, tag = "2")]
    pub tool_field: String,
    /// Services that may call.
    #[prost(string, repeated, tag = "3")]
    pub services: Vec<String>,
}

/// Rules of a field (extension 50002 of `FieldOptions`).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Field {
    /// Printed in JSON when it is empty or unset.
    #[prost(bool, tag = "1")]
    pub always_present: bool,
    /// Accepts `True`, `False`, `1` and `0` in a query.
    #[prost(bool, tag = "2")]
    pub lenient_bool: bool,
    /// Its name in a query; empty where that is the field's.
    #[prost(string, tag = "3")]
    pub query_name: String,
    /// Receives the dotted paths of unknown fields.
    #[prost(bool, tag = "4")]
    pub unknown_field_paths: bool,
    /// A map whose order matters.
    #[prost(bool, tag = "5")]
    pub ordered: bool,
    /// Redacted wherever it could be printed for others.
    #[prost(bool, tag = "6")]
    pub sensitive: bool,
}

/// Rules of an enum value (extension 50003 of `EnumValueOptions`).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct EnumValue {
    /// The word that REST reads and prints; empty where that is the value's name.
    #[prost(string, tag = "1")]
    pub wire: String,
}

/// A kind of caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Caller {
    /// Not stated; matches nobody.
    Unspecified = 0,
    /// Anyone.
    Public = 1,
    /// A tool, for itself.
    Tool = 2,
    /// The bearer of a deploy token of the tool.
    DeployToken = 3,
    /// An administrator.
    Admin = 4,
    /// One of the named services.
    Service = 5,
}

/// What becomes of unknown fields of a JSON body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum UnknownFields {
    /// As `Reject`.
    Unspecified = 0,
    /// The call is refused.
    Reject = 1,
    /// They are dropped.
    Ignore = 2,
    /// They are dropped and reported.
    Report = 3,
}

/// The form of a stream over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum StreamFormat {
    /// As `JsonArray`.
    Unspecified = 0,
    /// One JSON array.
    JsonArray = 1,
    /// One JSON value a line.
    Ndjson = 2,
    /// Server-sent events.
    Sse = 3,
}

/// When a call may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Idempotency {
    /// Never.
    Unspecified = 0,
    /// It changes nothing.
    Safe = 1,
    /// Repeating it has the effect of one call.
    Idempotent = 2,
    /// The same, when it carries the same `request_id`.
    WithRequestId = 3,
}
