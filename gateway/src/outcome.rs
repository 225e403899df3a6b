//! How a call ended, as the backend's headers and trailers say it.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

/// Details may come with padding and without (gRPC over HTTP/2, "Custom-Metadata").
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How a call ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Nothing is said of it.
    Unsaid,
    /// Well.
    Good,
    /// With this status.
    Failed(Box<Status>),
}

impl Outcome {
    /// Reads headers or trailers. A code that is not defined is UNKNOWN; a message that is not well encoded is kept as it
    /// can be read (gRPC over HTTP/2, "Status-Message": it must not be thrown away).
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let Some(code) = headers.get("grpc-status") else { return Self::Unsaid };
        match Code::from_bytes(code.as_bytes()) {
            Code::Ok => Self::Good,
            code => Self::Failed(Box::new(failure(code, headers))),
        }
    }
}

fn failure(code: Code, headers: &HeaderMap) -> Status {
    let message = headers.get("grpc-message").map(|message| decoded(message.as_bytes())).unwrap_or_default();
    let details = headers.get("grpc-status-details-bin").and_then(|details| BASE64.decode(details).ok());
    let mut metadata = headers.clone();
    for own in ["grpc-status", "grpc-message", "grpc-status-details-bin"] {
        metadata.remove(own);
    }
    let metadata = MetadataMap::from_headers(metadata);
    Status::with_details_and_metadata(code, message, details.unwrap_or_default().into(), metadata)
}

/// Takes percent-encoding apart; what is none stays as it is.
fn decoded(message: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(message.len());
    let mut rest = message;
    while let [first, tail @ ..] = rest {
        let byte = if *first == b'%' { tail.first_chunk().copied().and_then(hex) } else { None };
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? << 4 | low?).ok()
}

/// An answer that goes on: the head of one that failed at once is its status.
pub(crate) fn begun<B>(response: Response<B>) -> Result<Response<B>, Status> {
    if let Outcome::Failed(status) = Outcome::of(response.headers()) {
        return Err(*status);
    }
    check(&response)?;
    Ok(response)
}

/// Refuses an answer that is not gRPC's, such as a proxy's error page, with the code that its status stands for (gRPC,
/// "HTTP to gRPC Status Code Mapping").
fn check<B>(response: &Response<B>) -> Result<(), Status> {
    let content_type = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_grpc = content_type.is_some_and(|value| value.starts_with(b"application/grpc"));
    if is_grpc && response.status() == StatusCode::OK {
        return Ok(());
    }
    let code = match response.status() {
        StatusCode::BAD_REQUEST => Code::Internal,
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::NOT_FOUND => Code::Unimplemented,
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Code::Unavailable,
        _ => Code::Unknown,
    };
    Err(Status::new(
        code,
        format!("the service answered with HTTP {}, not with gRPC", response.status().as_u16()),
    ))
}

#[cfg(test)]
mod tests {
    //! Messages and pages of every kind.
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;

    #[test]
    fn no_message_is_thrown_away() {
        for (sent, meant) in
            [("caf%C3%A9", "café"), ("100%", "100%"), ("%zz%4", "%zz%4"), ("%ff", "\u{fffd}")]
        {
            assert_eq!(decoded(sent.as_bytes()), meant);
        }
    }

    #[test]
    fn codes_and_details_are_read_and_odd_ones_survive() {
        let read = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            Outcome::of(&headers)
        };
        assert!(matches!(read(&[]), Outcome::Unsaid));
        assert!(matches!(read(&[("grpc-status", "0")]), Outcome::Good));
        let Outcome::Failed(status) =
            read(&[("grpc-status", "5"), ("grpc-status-details-bin", "CAUSA2FiYw")])
        else {
            panic!("a failure");
        };
        assert_eq!((status.code(), status.details()), (Code::NotFound, &b"\x08\x05\x12\x03abc"[..]));
        let Outcome::Failed(status) = read(&[("grpc-status", "99"), ("grpc-status-details-bin", "!")]) else {
            panic!("a failure");
        };
        assert_eq!((status.code(), status.details().len()), (Code::Unknown, 0));
    }

    #[test]
    fn pages_of_proxies_become_codes() {
        let code = |status: u16, content_type: &str| {
            let response =
                Response::builder().status(status).header(CONTENT_TYPE, content_type).body(()).unwrap();
            check(&response).map_err(|status| status.code())
        };
        assert_eq!(code(200, "application/grpc+proto"), Ok(()));
        assert_eq!(code(200, "text/html"), Err(Code::Unknown));
        assert_eq!(code(503, "text/html"), Err(Code::Unavailable));
        assert_eq!(code(404, "application/grpc"), Err(Code::Unimplemented));
    }
}
