//! Makes responses safe to hand to tonic, and errors of HTTP/2 into statuses that say what happened.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, HeaderName};
use mesh_http2::{Error, Reason};
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

/// The status of a call that an error of the connection or of its stream has ended (gRPC over HTTP/2, "Errors").
pub(super) fn status(error: &Error) -> Status {
    let code = match error.reason() {
        Some(reason) if error.is_reset() => match reason {
            Reason::CANCEL => Code::Cancelled,
            Reason::ENHANCE_YOUR_CALM => Code::ResourceExhausted,
            Reason::INADEQUATE_SECURITY => Code::PermissionDenied,
            Reason::REFUSED_STREAM | Reason::NO_ERROR => Code::Unavailable,
            _ => Code::Internal,
        },
        _ => Code::Unavailable,
    };
    Status::new(code, format!("the connection to the server: {error}"))
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
