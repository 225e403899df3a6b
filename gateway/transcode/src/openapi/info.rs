//! What a document is asked to be, and what it says that descriptors do not.

/// What a document says that descriptors do not.
#[derive(Debug, Clone, Default)]
pub struct OpenApiInfo {
    /// The API's title.
    pub title: String,
    /// The API's version.
    pub version: String,
    /// A text about the API (`CommonMark`).
    pub description: String,
    /// Base URLs.
    pub servers: Vec<String>,
    /// The JSON Schema of error bodies, as JSON text; `google.rpc.Status` when absent or no JSON.
    pub error_schema: Option<String>,
    /// The JSON Schema of the last record of a stream that fails, as JSON text; an object whose `error` is an error body
    /// when absent or no JSON. It may refer to error bodies as `#/components/schemas/Error`.
    pub stream_error_schema: Option<String>,
    /// How callers prove who they are, any one of these. Methods with [`crate::MethodRules::public`] need none of them.
    pub security: Vec<SecurityScheme>,
}

/// A way to prove who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecurityScheme {
    /// A client certificate.
    MutualTls,
    /// `Authorization: Bearer …` (RFC 6750).
    Bearer,
    /// A key in this header.
    ApiKey(String),
}

/// Which document of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct OpenApiView<'v> {
    /// The version of the specification.
    pub version: OpenApiVersion,
    /// Which spellings of values it shows.
    pub forms: OpenApiForms,
    /// Only routes whose path begins with `/{first_segment}/`.
    pub first_segment: Option<&'v str>,
}

/// A version of the `OpenAPI` specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum OpenApiVersion {
    /// 3.1, which every tool reads. The elements of NDJSON and event streams stand in `x-itemSchema`, HTTP methods of
    /// one's own in `x-additionalOperations`.
    #[default]
    V3_1,
    /// 3.2, which has `itemSchema` and `additionalOperations`.
    V3_2,
}

impl OpenApiVersion {
    /// The version in its document's first line.
    pub fn number(self) -> &'static str {
        match self {
            Self::V3_1 => "3.1.1",
            Self::V3_2 => "3.2.0",
        }
    }
}

/// Which spellings of values a document shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum OpenApiForms {
    /// The one in which a value is printed, which clients should send: one schema for each message.
    #[default]
    Canonical,
    /// Everything that is accepted (null for an absent field, numbers in quotes and without, enum numbers) and nothing
    /// else: messages have another schema in requests than in responses. For validators and contract tests.
    Accepted,
}
