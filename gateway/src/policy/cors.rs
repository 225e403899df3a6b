//! Which web pages of other origins may call (the CORS protocol of the Fetch standard).

use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HOST, HeaderMap, HeaderName, HeaderValue,
    ORIGIN,
};
use http::{Method, Response, StatusCode};
use tonic::body::Body;

use super::vary;

/// What a page may send where it is not said: what calls over REST, gRPC-Web and streams need.
const HEADERS: [&str; 15] = [
    "accept",
    "accept-language",
    "authorization",
    "content-type",
    "grpc-timeout",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "last-event-id",
    "traceparent",
    "tracestate",
    "x-grpc-web",
    "x-request-id",
    "x-request-timeout",
    "x-user-agent",
];

/// What a page may read where it is not said.
const EXPOSED: [&str; 9] = [
    "etag",
    "grpc-message",
    "grpc-status",
    "grpc-status-details-bin",
    "link",
    "location",
    "retry-after",
    "x-request-id",
    "allow",
];

/// Which origins may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Every one.
    Any,
    /// These: `https://app.example`, or `https://*.example` for every host below one.
    Listed(Vec<String>),
}

/// What pages of other origins may do.
#[derive(Clone, Debug)]
pub struct Cors {
    /// Which may call.
    pub origins: Origins,
    /// Methods that they may use.
    pub methods: Vec<Method>,
    /// Headers that they may send; every one where it is absent.
    pub headers: Option<Vec<HeaderName>>,
    /// Headers that they may read.
    pub expose: Vec<HeaderName>,
    /// Whether cookies, client certificates and `Authorization` of the browser go along.
    pub credentials: bool,
    /// For how long a browser may keep the answer to a preflight.
    pub max_age: Duration,
}

/// Why settings of CORS cannot be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CorsError {
    /// An origin that no browser sends.
    #[error("expected an origin such as https://app.example or https://*.example, got {0:?}")]
    Origin(String),
    /// Every site could act as the user who is logged in.
    #[error("credentials cannot be given to every origin: list the origins")]
    Credentials,
}

impl Cors {
    /// What pages of these origins may usually do.
    pub fn new(origins: Origins) -> Self {
        use Method as M;
        Self {
            origins,
            methods: vec![M::GET, M::HEAD, M::POST, M::PUT, M::PATCH, M::DELETE],
            headers: Some(HEADERS.map(HeaderName::from_static).into()),
            expose: EXPOSED.map(HeaderName::from_static).into(),
            credentials: false,
            max_age: Duration::from_hours(1),
        }
    }

    /// Refuses what cannot be meant.
    pub fn check(&self) -> Result<(), CorsError> {
        match &self.origins {
            Origins::Any if self.credentials => Err(CorsError::Credentials),
            Origins::Any => Ok(()),
            Origins::Listed(origins) => match origins.iter().find(|origin| !is_origin(origin)) {
                Some(origin) => Err(CorsError::Origin(origin.clone())),
                None => Ok(()),
            },
        }
    }
}

/// Scheme, host and perhaps a port, in lower case and without a slash at the end.
fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else { return false };
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._:[]".contains(&byte);
    let authority = authority.strip_prefix("*.").unwrap_or(authority);
    let is_scheme =
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    is_scheme && !authority.is_empty() && authority.bytes().all(fits)
}

/// Settings as headers, made once.
#[derive(Debug)]
pub(super) struct Answers {
    cors: Cors,
    methods: HeaderValue,
    expose: HeaderValue,
    max_age: HeaderValue,
}

impl Answers {
    pub(super) fn new(cors: &Cors) -> Self {
        let value = |text: String| HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
        let methods: Vec<&str> = cors.methods.iter().map(Method::as_str).collect();
        let expose: Vec<&str> = cors.expose.iter().map(HeaderName::as_str).collect();
        Self {
            methods: value(methods.join(", ")),
            expose: value(expose.join(", ")),
            max_age: HeaderValue::from(cors.max_age.as_secs()),
            cors: cors.clone(),
        }
    }

    /// Whether a page of the request's origin may call.
    pub(super) fn admits(&self, headers: &HeaderMap) -> bool {
        headers.get(ORIGIN).is_some_and(|origin| self.admitted(origin).is_some())
    }

    /// The answer to a preflight; none where the request is not one. What is not admitted is told nothing, which the
    /// browser takes for a refusal.
    pub(super) fn preflight(&self, headers: &HeaderMap) -> Option<Response<Body>> {
        let origin = headers.get(ORIGIN)?;
        headers.get(ACCESS_CONTROL_REQUEST_METHOD)?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let out = response.headers_mut();
        vary(out, "access-control-request-headers");
        let wanted = headers.get(ACCESS_CONTROL_REQUEST_HEADERS);
        if self.admitted(origin).is_some() {
            out.insert(ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
            out.insert(ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
            if let Some(allowed) = wanted.and_then(|wanted| self.headers(wanted)) {
                out.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
            }
        }
        Some(response)
    }

    /// Says in an answer who may read it.
    pub(super) fn grant(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        let same_for_all = self.cors.origins == Origins::Any && !self.cors.credentials;
        if !same_for_all {
            vary(headers, "origin");
        }
        let Some(admitted) = origin.and_then(|origin| self.admitted(origin)) else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, admitted);
        if self.cors.credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        if !self.expose.is_empty() && !headers.contains_key(ACCESS_CONTROL_ALLOW_METHODS) {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, self.expose.clone());
        }
    }

    /// What `Access-Control-Allow-Origin` says to an origin that may call.
    fn admitted(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        match &self.cors.origins {
            Origins::Any => Some(HeaderValue::from_static("*")),
            Origins::Listed(origins) => {
                let text = origin.to_str().ok()?;
                origins.iter().any(|known| fits(known, text)).then(|| origin.clone())
            }
        }
    }

    /// Those of the wanted headers that may be sent.
    fn headers(&self, wanted: &HeaderValue) -> Option<HeaderValue> {
        let Some(allowed) = &self.cors.headers else { return Some(wanted.clone()) };
        let names = wanted.to_str().ok()?.split(',').map(str::trim);
        let names: Vec<&str> = names
            .filter(|name| allowed.iter().any(|known| name.eq_ignore_ascii_case(known.as_str())))
            .collect();
        HeaderValue::try_from(names.join(", ")).ok().filter(|value| !value.is_empty())
    }
}

/// Whether an origin is the one of a rule, or below its `*`.
fn fits(known: &str, origin: &str) -> bool {
    let Some((scheme, parent)) = known.split_once("://*") else { return known == origin };
    let Some(host) = origin.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://")) else {
        return false;
    };
    let Some(label) = host.strip_suffix(parent) else { return false };
    !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
}

/// Whether a request comes from no page, or from one of the host that it goes to.
pub(super) fn is_own(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    origin.zip(host).is_some_and(|((_, origin), host)| origin.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    //! Origins that fit and those that only look so.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn an_origin_fits_whole_or_below_a_star() {
        let below = "https://*.example.org";
        for (rule, origin, expected) in [
            ("https://a.example", "https://a.example", true),
            ("https://a.example", "http://a.example", false),
            ("https://a.example", "https://a.example:8443", false),
            ("https://a.example", "https://a.example.evil", false),
            (below, "https://a.example.org", true),
            (below, "https://a.b.example.org", true),
            (below, "https://example.org", false),
            (below, "https://.example.org", false),
            (below, "https://evilexample.org", false),
            (below, "https://evil.org/.example.org", false),
            (below, "https://evil.org?.example.org", false),
            (below, "https://user@a.example.org", false),
            (below, "http://a.example.org", false),
            (below, "null", false),
        ] {
            assert_eq!(fits(rule, origin), expected, "{rule} {origin}");
        }
    }

    #[test]
    fn settings_that_cannot_be_meant_are_refused() {
        let listed = |origin: &str| Cors::new(Origins::Listed(vec![origin.to_owned()])).check();
        for good in
            ["https://a.example", "http://[::1]:8080", "https://*.a.example", "chrome-extension://abc"]
        {
            assert_eq!(listed(good), Ok(()), "{good}");
        }
        for bad in
            ["", "*", "null", "a.example", "https://", "https://a.example/", "https://A.example", "https://*"]
        {
            assert_eq!(listed(bad), Err(CorsError::Origin(bad.to_owned())), "{bad}");
        }
        let everyone = Cors { credentials: true, ..Cors::new(Origins::Any) };
        assert_eq!(everyone.check(), Err(CorsError::Credentials));
    }

    #[test]
    fn a_socket_is_opened_by_no_page_or_the_own_one() {
        let of = |origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("api.example:8080"));
            if let Some(origin) = origin {
                headers.insert(ORIGIN, HeaderValue::from_str(origin).unwrap());
            }
            is_own(&headers)
        };
        assert!(of(None) && of(Some("http://api.example:8080")) && of(Some("https://API.example:8080")));
        assert!(!of(Some("http://api.example")) && !of(Some("null")) && !of(Some("https://evil.example")));
    }
}
