//! What HTTP asks of a gateway around the mapping: bounds, CORS, caching, compression, deadlines, header rules.
//!
//! The order is fixed. In: bounds, preflight, method override, deadline, coding of the body, headers. Out: headers,
//! status, entity tag, compression, CORS. Each is off by a setting, and costs a look at one header where it is on.

mod bounds;
mod coding;
mod conditional;
mod cors;
mod deadline;
mod decode;
mod encode;
mod tag;

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use tonic::body::Body;

pub use coding::Coding;
pub use cors::{Cors, CorsError, Origins};
pub use deadline::Deadlines;
pub use encode::Compression;
pub use tag::EtagKey;

pub(crate) use decode::{CodingError, RequestBody, ZSTD_WINDOW_LOG, content_coding};

use crate::headers::{HeaderRules, Rules};
use crate::limits::Limits;
use crate::problem::Problem;
use crate::render::Render;
use tag::Tags;

/// Asks for another method than the one on the wire, where that is switched on.
const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// What may stand in [`METHOD_OVERRIDE`] of a POST.
const OVERRIDES: [Method; 3] = [Method::PUT, Method::PATCH, Method::DELETE];

/// What a gateway does around the mapping. The default does nothing that a client did not get before.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    /// Which web pages of other origins may call; none where it is absent.
    pub cors: Option<Cors>,
    /// Entity tags on answers to GET, and 304 for `If-None-Match` (RFC 9110, 13.1.2).
    pub etags: bool,
    /// By what tags are made; a key of the process where it is absent, so that no other process has the same tags.
    pub etag_key: Option<EtagKey>,
    /// Content codings of answers; none where it is absent.
    pub compression: Option<Compression>,
    /// Content codings of requests that are understood; any other is refused with 415.
    pub decode: Vec<Coding>,
    /// How long calls may take.
    pub deadlines: Deadlines,
    /// Headers that become metadata, and metadata that become headers.
    pub headers: HeaderRules,
    /// Take `X-HTTP-Method-Override` of a POST for its method. Policies in front that go by the method are passed by.
    pub method_override: bool,
}

/// Policies, and bounds, as requests meet them.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) limits: Limits,
    pub(crate) deadlines: Deadlines,
    pub(crate) decode: Vec<Coding>,
    pub(crate) rules: Rules,
    cors: Option<cors::Answers>,
    tags: Option<Tags>,
    compression: Option<Compression>,
    method_override: bool,
}

/// What is done with a request before it has a way.
#[derive(Debug)]
pub(crate) enum Early {
    /// It goes on.
    On,
    /// It is answered.
    Answer(Response<Body>),
    /// It is refused.
    Refuse(Problem),
}

impl Policy {
    pub(crate) fn new(policies: &Policies, limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            deadlines: policies.deadlines.clone(),
            decode: policies.decode.clone(),
            rules: Rules::new(&policies.headers),
            cors: policies.cors.as_ref().map(cors::Answers::new),
            tags: policies.etags.then(|| Tags::new(policies.etag_key.as_ref())).flatten(),
            compression: policies.compression.clone(),
            method_override: policies.method_override,
        }
    }

    /// Everything that is decided before the way of a request is known.
    pub(crate) fn early<B>(&self, request: &mut Request<B>) -> Early {
        if let Err(problem) = bounds::check(&self.limits, request.uri(), request.headers()) {
            return Early::Refuse(problem);
        }
        if request.method() == Method::OPTIONS
            && let Some(answer) = self.cors.as_ref().and_then(|cors| cors.preflight(request.headers()))
        {
            return Early::Answer(answer);
        }
        if self.method_override
            && request.method() == Method::POST
            && let Some(asked) = request.headers_mut().remove(METHOD_OVERRIDE)
        {
            let Some(method) =
                OVERRIDES.into_iter().find(|known| asked.as_bytes() == known.as_str().as_bytes())
            else {
                let text = "X-HTTP-Method-Override: expected PUT, PATCH or DELETE";
                return Early::Refuse(Problem::invalid(text));
            };
            *request.method_mut() = method;
        }
        Early::On
    }

    /// The answer that tells a problem, with what its backend said beside it.
    pub(crate) fn refusal(&self, render: &Render, problem: &Problem) -> Response<Body> {
        let mut response = render.response(problem);
        if let Some(metadata) = &problem.metadata {
            self.rules.response(metadata, response.headers_mut());
            if let Some(status) = self.rules.status(metadata, true) {
                *response.status_mut() = status;
            }
        }
        response
    }

    /// Whether a page of the origin that a WebSocket comes from may open it; browsers do not ask before they do
    /// (RFC 6455, 10.2). A request without an origin is of no browser, one of the own origin of no other site.
    pub(crate) fn admits_origin(&self, headers: &HeaderMap) -> bool {
        cors::is_own(headers) || self.cors.as_ref().is_some_and(|cors| cors.admits(headers))
    }
}

/// The answer to OPTIONS of a path that others methods have (RFC 9110, 9.3.7).
pub(crate) fn options(allow: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let allow = if allow.is_empty() { "OPTIONS".to_owned() } else { format!("{allow}, OPTIONS") };
    if let Ok(allow) = HeaderValue::try_from(allow) {
        response.headers_mut().insert(http::header::ALLOW, allow);
    }
    response
}

/// What the answer to a request depends on, taken from the request before it is used up.
#[derive(Debug)]
pub(crate) struct Asked {
    safe: bool,
    coding: Option<Coding>,
    known: Option<HeaderValue>,
    origin: Option<HeaderValue>,
}

impl Asked {
    pub(crate) fn of<B>(policy: &Policy, request: &Request<B>) -> Self {
        let headers = request.headers();
        let safe = request.method() == Method::GET || request.method() == Method::HEAD;
        let compression = policy.compression.as_ref();
        Self {
            safe,
            coding: compression.and_then(|compression| coding::choose(headers, &compression.codings)),
            known: conditional::known(headers).filter(|_| safe && policy.tags.is_some()),
            origin: policy.cors.as_ref().and_then(|_| headers.get(http::header::ORIGIN).cloned()),
        }
    }

    /// Completes an answer.
    pub(crate) fn finish(self, policy: &Policy, mut response: Response<Body>) -> Response<Body> {
        if !is_grpc(response.headers()) {
            // a 304 has nothing to encode, and depends on the same (RFC 9110, 15.4.5)
            let compression = policy.compression.as_ref().filter(|how| encode::fits(&response, how));
            if let Some(tags) =
                policy.tags.as_ref().filter(|_| self.safe && response.status() == StatusCode::OK)
            {
                response = conditional::apply(response, tags, self.known.as_ref());
            }
            if compression.is_some() {
                response = encode::apply(response, self.coding);
            }
        }
        if let Some(cors) = &policy.cors {
            cors.grant(self.origin.as_ref(), response.headers_mut());
        }
        response
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

/// Adds a field name to `Vary`, once.
fn vary(headers: &mut HeaderMap, name: &'static str) {
    use http::header::VARY;
    let has = |value: &HeaderValue| {
        value.to_str().is_ok_and(|text| text.split(',').any(|known| known.trim().eq_ignore_ascii_case(name)))
    };
    if !headers.get_all(VARY).iter().any(has) {
        headers.append(VARY, HeaderValue::from_static(name));
    }
}
