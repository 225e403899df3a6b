//! Makes responses safe to hand to tonic, and errors of HTTP/2 into statuses that say what happened.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use h2::Reason;
use http::{HeaderMap, HeaderName};
use http_body::Frame;
use tonic::{Code, Status};

const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Drops details that are not base64: tonic 0.14 panics on them.
pub(super) fn headers(map: &mut HeaderMap) {
    let broken = map.get(DETAILS).is_some_and(|value| BASE64.decode(value.as_bytes()).is_err());
    if broken {
        map.remove(DETAILS);
    }
}

/// The same for trailers.
pub(super) fn frame(mut frame: Frame<Bytes>) -> Frame<Bytes> {
    if let Some(map) = frame.trailers_mut() {
        headers(map);
    }
    frame
}

/// Whether the server has said that it has not processed the stream: it was refused, or opened after the GOAWAY.
pub(super) fn is_unprocessed(error: &hyper::Error) -> bool {
    h2_error(error).is_some_and(|error| {
        error.is_remote() && (error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM))
    })
}

/// The status of a call that an error of the connection or of its stream has ended (gRPC over HTTP/2, "Errors").
pub(super) fn status(error: &hyper::Error) -> Status {
    let code = match h2_error(error) {
        Some(error) if error.is_reset() => match error.reason() {
            Some(Reason::CANCEL) => Code::Cancelled,
            Some(Reason::ENHANCE_YOUR_CALM) => Code::ResourceExhausted,
            Some(Reason::INADEQUATE_SECURITY) => Code::PermissionDenied,
            Some(Reason::REFUSED_STREAM | Reason::NO_ERROR) => Code::Unavailable,
            _ => Code::Internal,
        },
        _ => Code::Unavailable,
    };
    Status::new(code, format!("the connection to the server: {}", causes(error)))
}

fn h2_error(error: &hyper::Error) -> Option<&h2::Error> {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        source = error.source();
    }
    None
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    //! Details of every kind.

    use super::*;

    #[test]
    fn only_base64_details_survive() {
        let survives = |text: &'static str| {
            let mut map = HeaderMap::from_iter([(DETAILS, http::HeaderValue::from_static(text))]);
            headers(&mut map);
            !map.is_empty()
        };
        assert!(survives("CAUSA2FiYw") && survives("CAUSA2FiYw==") && survives(""));
        assert!(!survives("%%%") && !survives("a") && !survives("CAUSA2FiYx") && !survives("CA US"));
    }
}
