//! What went wrong with a request, before it has a form: one type for refusals made here and statuses of backends.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use prost::Message as _;
use tonic::{Code, Status};
use transcode::RequestError;

/// A `google.rpc.Status`, with details as they came.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RpcStatus {
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(crate) details: Vec<Detail>,
}

/// A `google.protobuf.Any`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Detail {
    #[prost(string, tag = "1")]
    pub(crate) type_url: String,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) value: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    violations: Vec<Violation>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Violation {
    #[prost(string, tag = "1")]
    field: String,
    #[prost(string, tag = "2")]
    description: String,
}

/// A refusal or failure, ready to be rendered.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    pub(crate) http: StatusCode,
    pub(crate) message: String,
    pub(crate) details: Vec<Detail>,
    /// For `Allow` of a 405.
    pub(crate) allow: Option<String>,
    /// A header that belongs to the refusal.
    pub(crate) header: Option<Box<(HeaderName, HeaderValue)>>,
    /// What a backend said beside its status.
    pub(crate) metadata: Option<Box<HeaderMap>>,
}

impl Problem {
    /// A refusal made here.
    pub(crate) fn new(code: Code, http: StatusCode, message: impl Into<String>) -> Self {
        let (details, allow, header, metadata) = (Vec::new(), None, None, None);
        Self { code, http, message: message.into(), details, allow, header, metadata }
    }

    /// A request that is not well formed.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, StatusCode::BAD_REQUEST, message)
    }

    /// The same refusal with a header.
    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some(Box::new((name, value)));
        self
    }

    /// A request that does not fit its method: the sentence names place and position, and so does a detail.
    pub(crate) fn request(error: &RequestError) -> Self {
        let http = StatusCode::from_u16(error.kind().http_status()).unwrap_or(StatusCode::BAD_REQUEST);
        let mut problem = Self::new(Code::InvalidArgument, http, error.to_string());
        if !error.path().is_empty() {
            let violation =
                Violation { field: error.path().to_owned(), description: error.reason().to_string() };
            let value = BadRequest { violations: vec![violation] }.encode_to_vec().into();
            problem
                .details
                .push(Detail { type_url: "type.googleapis.com/google.rpc.BadRequest".into(), value });
        }
        problem
    }

    /// A backend's status. Its `http_status`, where it has one, wins over the standard table.
    pub(crate) fn backend(status: &Status) -> Self {
        let read = mesh::status::Problem::read(status);
        let http = read.chosen_http_status().and_then(|chosen| StatusCode::from_u16(chosen).ok());
        let details = RpcStatus::decode(status.details()).map(|rich| rich.details).unwrap_or_default();
        let http = http.unwrap_or_else(|| standard(status.code()));
        let metadata = status.metadata();
        let metadata = (!metadata.is_empty()).then(|| Box::new(metadata.clone().into_headers()));
        Self { details, metadata, ..Self::new(status.code(), http, status.message()) }
    }
}

/// The standard table of gRPC codes and HTTP statuses (google.rpc.Code).
fn standard(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
