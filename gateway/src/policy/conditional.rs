//! Entity tags, and answers that need no body because the client has it (RFC 9110, 8.8.3 and 13.1.2).

use futures_util::FutureExt as _;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use http::{Response, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use mesh::trace;
use tonic::body::Body;

use super::tag::Tags;

/// What the client has already.
pub(super) fn known(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(IF_NONE_MATCH).cloned()
}

/// Gives a whole answer its tag, and takes its body away where the client knows the tag. Streams have none. A tag that
/// the backend gave is kept.
pub(super) fn apply(response: Response<Body>, tags: &Tags, known: Option<&HeaderValue>) -> Response<Body> {
    if response.body().size_hint().exact().is_none() {
        return response;
    }
    let (mut parts, mut body) = response.into_parts();
    let tag = if let Some(tag) = parts.headers.get(ETAG) {
        tag.clone()
    } else {
        // what has an exact size here is all there
        let frame = body.frame().now_or_never().flatten().and_then(Result::ok);
        let bytes = frame.and_then(|frame| frame.into_data().ok()).unwrap_or_default();
        let tag = tags.of(&bytes);
        body = Body::new(Full::new(bytes));
        let Some(tag) = tag else { return Response::from_parts(parts, body) };
        parts.headers.insert(ETAG, trace::once(tag.clone()));
        tag
    };
    if known.is_some_and(|known| matches(known, &tag)) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(CONTENT_TYPE);
        parts.headers.remove(CONTENT_LENGTH);
        body = Body::empty();
    }
    Response::from_parts(parts, body)
}

/// Weak comparison with each tag of a list, or `*`.
fn matches(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let opaque = |tag: &[u8]| tag.strip_prefix(b"W/").unwrap_or(tag).to_vec();
    let tag = opaque(tag.as_bytes());
    let mut rest = known.as_bytes().trim_ascii();
    if rest == b"*" {
        return true;
    }
    // a comma may stand inside of a tag, a quotation mark may not
    while let Some(start) = rest.iter().position(|byte| *byte == b'"') {
        let Some(length) = rest[start + 1..].iter().position(|byte| *byte == b'"') else { return false };
        let end = start + length + 2;
        if rest[start..end] == tag {
            return true;
        }
        rest = &rest[end..];
    }
    false
}

#[cfg(test)]
mod tests {
    //! Lists of tags.

    use super::*;

    #[test]
    fn lists_are_compared_weakly() {
        let tag = HeaderValue::from_static("W/\"a,b\"");
        for (known, fits) in [
            ("*", true),
            ("\"a,b\"", true),
            ("W/\"a,b\"", true),
            ("\"x\", W/\"a,b\"", true),
            ("\"x\",\"a,b\"", true),
            ("", false),
            ("a,b", false),
            ("\"a\",\"b\"", false),
            ("\"a,b", false),
            ("\"a,b\"\"", true),
            ("\"A,B\"", false),
        ] {
            assert_eq!(matches(&HeaderValue::from_static(known), &tag), fits, "{known}");
        }
    }
}
