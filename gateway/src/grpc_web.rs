//! gRPC-Web (grpc.io, PROTOCOL-WEB): the frames of gRPC over any HTTP, with the trailers as a last frame; as they are or
//! in base64. A request becomes one of gRPC, and its answer one of gRPC-Web.

mod base64;
mod boundaries;
mod reply;
mod request;

use http::header::{ACCEPT, ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TE};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tonic::Status;
use tonic::body::Body;

use crate::fault::{Fault, fault};
use crate::limits::Limits;
use crate::linger::MapLingering as _;

use reply::Reply;
use request::WebBody;

/// What the media types begin with.
const PREFIX: &str = "application/grpc-web";

/// Says that a browser's library made the request; it belongs to the connection.
const MARK: HeaderName = HeaderName::from_static("x-grpc-web");

/// How the frames are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    /// As they are.
    Binary,
    /// In base64 (RFC 4648, 4), each piece with its padding.
    Text,
}

/// The form of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GrpcWeb {
    asked: Coding,
    answered: Coding,
    /// `+proto` or the name of another encoding of messages; often empty.
    suffix: String,
}

impl GrpcWeb {
    /// The form of a request; none where it is no gRPC-Web.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let (asked, suffix) = parse(headers.get(CONTENT_TYPE)?.to_str().ok()?)?;
        let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let answered = accept.split(',').find_map(parse).map_or(asked, |(coding, _)| coding);
        Some(Self { asked, answered, suffix: suffix.to_ascii_lowercase() })
    }

    /// The refusal of a request that is not a POST.
    pub(crate) fn check_method(method: &Method) -> Option<Response<Body>> {
        if method == Method::POST {
            return None;
        }
        let mut response: Response<Body> =
            Status::unimplemented("gRPC-Web calls are made by POST").into_http();
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        Some(response)
    }

    /// The same call in gRPC, and what tells that its body is broken or late. Without a stream of requests the body is
    /// one message.
    pub(crate) fn request(
        &self,
        request: Request<Incoming>,
        streams: bool,
        limits: &Limits,
    ) -> (Request<Body>, Fault) {
        let (reporter, fault) = fault();
        let mut request = request.map_lingering();
        let headers = request.headers_mut();
        for name in [MARK, ACCEPT, CONTENT_LENGTH] {
            headers.remove(name);
        }
        headers.insert(CONTENT_TYPE, media_type("application/grpc", &self.suffix));
        headers.insert(TE, HeaderValue::from_static("trailers"));
        let coding = self.asked;
        let body = |body| Body::new(WebBody::new(body, coding, reporter, streams, limits));
        (request.map(body), fault)
    }

    /// The answer to a call in gRPC-Web. One that has only a status keeps it in its headers.
    pub(crate) fn response(&self, response: Response<Body>, fault: Fault) -> Response<Body> {
        let (mut parts, body) = response.into_parts();
        let prefix = if self.answered == Coding::Text { "application/grpc-web-text" } else { PREFIX };
        parts.headers.insert(CONTENT_TYPE, media_type(prefix, &self.suffix));
        parts.headers.remove(CONTENT_LENGTH);
        if parts.headers.contains_key("grpc-status") {
            return Response::from_parts(parts, Body::empty());
        }
        Response::from_parts(parts, Body::new(Reply::new(body, self.answered, fault)))
    }
}

/// Coding and suffix of a media type of gRPC-Web.
fn parse(media_type: &str) -> Option<(Coding, &str)> {
    let essence = media_type.split(';').next()?.trim();
    let (prefix, rest) = essence.split_at_checked(PREFIX.len())?;
    if !prefix.eq_ignore_ascii_case(PREFIX) {
        return None;
    }
    let text = rest.split_at_checked("-text".len()).filter(|(text, _)| text.eq_ignore_ascii_case("-text"));
    let (coding, suffix) = text.map_or((Coding::Binary, rest), |(_, suffix)| (Coding::Text, suffix));
    (suffix.is_empty() || suffix.starts_with('+')).then_some((coding, suffix))
}

fn media_type(prefix: &'static str, suffix: &str) -> HeaderValue {
    match suffix {
        "" => HeaderValue::from_static(prefix),
        suffix => {
            HeaderValue::try_from([prefix, suffix].concat()).unwrap_or(HeaderValue::from_static(prefix))
        }
    }
}

#[cfg(test)]
mod tests {
    //! Media types of every kind.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn form(content_type: &str, accept: &str) -> Option<(Coding, Coding, String)> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        if !accept.is_empty() {
            headers.insert(ACCEPT, accept.parse().unwrap());
        }
        GrpcWeb::of(&headers).map(|form| (form.asked, form.answered, form.suffix))
    }

    #[test]
    fn the_form_is_in_the_media_types() {
        use Coding::{Binary, Text};
        let all = |asked, answered, suffix: &str| Some((asked, answered, suffix.to_owned()));
        assert_eq!(form("application/grpc-web", ""), all(Binary, Binary, ""));
        assert_eq!(form("application/grpc-web+proto", "*/*"), all(Binary, Binary, "+proto"));
        assert_eq!(form("Application/gRPC-Web-Text+Proto; a=b", ""), all(Text, Text, "+proto"));
        assert_eq!(form("application/grpc-web-text", "application/grpc-web"), all(Text, Binary, ""));
        assert_eq!(form("application/grpc-web", "a/b, application/grpc-web-text"), all(Binary, Text, ""));
        for other in
            ["application/grpc", "application/grpc-webbing", "application/grpc-web-texts", "a/b", "é"]
        {
            assert_eq!(form(other, "application/grpc-web"), None, "{other}");
        }
    }
}
