//! The opening handshake: RFC 6455, 4.2 over HTTP/1.1, RFC 8441 over HTTP/2.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::ext::Protocol;
use tonic::Code;
use tonic::body::Body;

use super::subprotocol;
use crate::problem::Problem;

/// The one version that there is.
const VERSION: HeaderValue = HeaderValue::from_static("13");

/// What the key is hashed with (RFC 6455, 1.3).
const PROOF: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Whether a request asks for a WebSocket.
pub(crate) fn is_asked<B>(request: &Request<B>) -> bool {
    if request.version() == Version::HTTP_2 {
        let protocol = || request.extensions().get::<Protocol>();
        return request.method() == Method::CONNECT
            && protocol().is_some_and(|protocol| protocol.as_str() == "websocket");
    }
    request.version() == Version::HTTP_11
        && request.method() == Method::GET
        && lists(request.headers(), &UPGRADE, "websocket")
        && lists(request.headers(), &CONNECTION, "upgrade")
}

/// The answer that opens the socket.
pub(super) fn accept<B>(request: &Request<B>) -> Result<Response<Body>, Problem> {
    let headers = request.headers();
    if headers.get(SEC_WEBSOCKET_VERSION) != Some(&VERSION) {
        let text = "Sec-WebSocket-Version: expected 13";
        let problem = Problem::new(Code::InvalidArgument, StatusCode::UPGRADE_REQUIRED, text);
        return Err(problem.with(SEC_WEBSOCKET_VERSION, VERSION));
    }
    let mut response = Response::new(Body::empty());
    if let Some(name) = subprotocol::offered(headers).and_then(|name| HeaderValue::from_str(name).ok()) {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, name);
    }
    if request.version() == Version::HTTP_2 {
        return Ok(response);
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    if STANDARD.decode(key).map(|bytes| bytes.len()) != Ok(16) {
        return Err(Problem::invalid("Sec-WebSocket-Key: expected 16 bytes in base64"));
    }
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key, PROOF].concat());
    let accept = HeaderValue::try_from(STANDARD.encode(hash));
    let accept = accept.map_err(|_| Problem::invalid("Sec-WebSocket-Key: expected 16 bytes in base64"))?;
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    Ok(response)
}

/// Whether a list in headers has this word.
fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|found| found.trim().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    //! Requests that ask for a WebSocket, and those that only look so.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn request(lines: &[(&str, &str)]) -> Request<()> {
        let request = Request::builder().uri("/a");
        lines.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(()).unwrap()
    }

    #[test]
    fn only_both_headers_ask() {
        assert!(is_asked(&request(&[("upgrade", "WebSocket"), ("connection", "keep-alive, Upgrade")])));
        for lines in [
            &[("upgrade", "websocket")][..],
            &[("connection", "upgrade")],
            &[("upgrade", "h2c"), ("connection", "upgrade")],
            &[("upgrade", "websocket"), ("connection", "close")],
        ] {
            assert!(!is_asked(&request(lines)), "{lines:?}");
        }
    }

    #[test]
    fn the_key_is_answered() {
        let version = ("sec-websocket-version", "13");
        // the example of RFC 6455, 1.3
        let key = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        let response = accept(&request(&[version, key])).unwrap();
        assert_eq!(response.headers()[SEC_WEBSOCKET_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let status = |lines: &[(&str, &str)]| accept(&request(lines)).unwrap_err().http.as_u16();
        assert_eq!(status(&[key]), 426);
        assert_eq!(status(&[key, ("sec-websocket-version", "8")]), 426);
        assert_eq!(status(&[version]), 400);
        assert_eq!(status(&[version, ("sec-websocket-key", "dGhl")]), 400);
    }
}
