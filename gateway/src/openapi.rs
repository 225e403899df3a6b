//! OpenAPI documents: one of everything, and one for each first path segment (contract 1.2).

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tonic::body::Body;
use transcode::OpenApiInfo;

use crate::schema::Schema;

/// The name of a document within its segment.
const DOCUMENT: &str = "openapi.json";

/// The document that a request asks for, if it asks for one.
pub(crate) fn serve(
    schema: &Schema,
    info: &OpenApiInfo,
    request: &Request<Incoming>,
) -> Option<Response<Body>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return None;
    }
    let place = request.uri().path().strip_prefix('/')?.strip_suffix(DOCUMENT)?;
    let segment = match place.strip_suffix('/') {
        None if place.is_empty() => None,
        Some(segment) if !segment.contains('/') && !segment.is_empty() => Some(segment),
        _ => return None,
    };
    let document = schema.openapi(info, segment)?;
    let mut response = Response::new(Body::new(Full::new(document)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Some(response)
}
