//! Allow-lists: which headers of a request become metadata, and which metadata become headers of the answer.

use std::collections::HashMap;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use foldhash::fast::RandomState;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::of_connection;
use crate::problem::Problem;

/// Values of `-bin` metadata, padded or not (gRPC over HTTP/2, "Custom-Metadata").
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Fields of one connection or of one message on it (RFC 9110, 7.6.1), which nobody may pass on.
const NEVER: [&str; 22] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-http-method-override",
    "x-request-timeout",
    "x-request-id",
    "traceparent",
];

/// Prefixes of fields that have a meaning between this gateway and its backends, or between it and browsers.
const NEVER_PREFIXES: [&str; 5] = ["grpc-", "x-toolforge-", "ssl-client-", "access-control-", "sec-"];

/// One entry of an allow-list: `name`, `prefix-*`, or `name=other` for another name on the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderRule {
    name: String,
    is_prefix: bool,
    to: Option<HeaderName>,
}

/// A text that is no entry of an allow-list.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum HeaderRuleError {
    /// It does not have the form of one.
    #[error("expected a header such as name, prefix-* or name=other, got {0:?}")]
    Form(String),
    /// It belongs to a connection, or to the gateway.
    #[error("{0} cannot be passed on")]
    Never(String),
}

impl FromStr for HeaderRule {
    type Err = HeaderRuleError;

    fn from_str(text: &str) -> Result<Self, HeaderRuleError> {
        let form = || HeaderRuleError::Form(text.to_owned());
        let (name, to) = match text.split_once('=') {
            Some((name, to)) => (name, Some(HeaderName::from_str(to).map_err(|_| form())?)),
            None => (text, None),
        };
        let (name, is_prefix) = match name.strip_suffix('*') {
            Some(prefix) => (prefix, true),
            None => (name, false),
        };
        let name = HeaderName::from_str(name).map_err(|_| form())?.as_str().to_owned();
        if is_prefix && to.is_some() {
            return Err(form());
        }
        if let Some(bad) = [Some(name.as_str()), to.as_ref().map(HeaderName::as_str)]
            .into_iter()
            .flatten()
            .find(|name| is_never(name))
        {
            return Err(HeaderRuleError::Never(bad.to_owned()));
        }
        Ok(Self { name, is_prefix, to })
    }
}

/// What crosses the gateway beside messages. The default is nothing.
#[derive(Clone, Debug, Default)]
pub struct HeaderRules {
    /// Headers of requests that become metadata.
    pub request: Vec<HeaderRule>,
    /// Headers with this prefix become metadata without it: `grpc-metadata-`.
    pub request_prefix: Option<HeaderName>,
    /// Metadata, at the beginning and at the end of a unary call, that become headers of the answer.
    pub response: Vec<HeaderRule>,
    /// Metadata by which the backend chooses the HTTP status.
    pub status: Option<HeaderName>,
}

impl HeaderRules {
    /// What a service that was written for gRPC usually wants to see and to say.
    pub fn usual() -> Self {
        let rules = |texts: &[&str]| texts.iter().filter_map(|text| text.parse().ok()).collect();
        Self {
            request: rules(&[
                "authorization",
                "accept-language",
                "baggage",
                "idempotency-key",
                "if-match",
                "tracestate",
                "user-agent=x-forwarded-user-agent",
            ]),
            request_prefix: Some(HeaderName::from_static("grpc-metadata-")),
            response: rules(&[
                "cache-control",
                "content-language",
                "deprecation",
                "etag",
                "expires",
                "last-modified",
                "link",
                "location",
                "ratelimit",
                "ratelimit-policy",
                "retry-after",
                "sunset",
                "www-authenticate",
            ]),
            status: None,
        }
    }
}

fn is_never(name: &str) -> bool {
    NEVER.contains(&name) || NEVER_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// One direction, made for looking up.
#[derive(Debug, Default)]
struct Allowed {
    names: HashMap<HeaderName, HeaderName, RandomState>,
    prefixes: Vec<String>,
}

impl Allowed {
    fn new(rules: &[HeaderRule]) -> Self {
        let mut allowed = Self::default();
        for rule in rules {
            if rule.is_prefix {
                allowed.prefixes.push(rule.name.clone());
            } else if let Ok(name) = HeaderName::from_str(&rule.name) {
                allowed.names.insert(name.clone(), rule.to.clone().unwrap_or(name));
            }
        }
        allowed
    }

    fn is_empty(&self) -> bool {
        self.names.is_empty() && self.prefixes.is_empty()
    }

    /// The name on the other side.
    fn name(&self, name: &HeaderName) -> Option<HeaderName> {
        if let Some(to) = self.names.get(name) {
            return Some(to.clone());
        }
        let text = name.as_str();
        let fits = self.prefixes.iter().any(|prefix| text.starts_with(prefix.as_str()));
        (fits && !is_never(text)).then(|| name.clone())
    }
}

/// Allow-lists, made for looking up.
#[derive(Debug)]
pub(crate) struct Rules {
    request: Allowed,
    prefix: Option<HeaderName>,
    response: Allowed,
    status: Option<HeaderName>,
}

impl Rules {
    pub(crate) fn new(rules: &HeaderRules) -> Self {
        Self {
            request: Allowed::new(&rules.request),
            prefix: rules.request_prefix.clone(),
            response: Allowed::new(&rules.response),
            status: rules.status.clone(),
        }
    }

    /// Whether a credential in a header goes on to the backend.
    pub(crate) fn pass_authorization(&self) -> bool {
        self.request.names.contains_key(&http::header::AUTHORIZATION)
    }

    /// Writes the metadata that a request's headers become. A value that metadata cannot have is refused.
    pub(crate) fn request(&self, from: &HeaderMap, to: &mut HeaderMap) -> Result<(), Problem> {
        if self.request.is_empty() && self.prefix.is_none() {
            return Ok(());
        }
        // mostly empty, and then of no memory
        let hop = of_connection(from);
        for (name, value) in from.iter().filter(|(name, _)| !hop.contains(name)) {
            let Some(name) = self.request.name(name).or_else(|| self.stripped(name)) else { continue };
            check(&name, value)?;
            to.append(name, value.clone());
        }
        Ok(())
    }

    /// The name behind the prefix, where it is one that may be set.
    fn stripped(&self, name: &HeaderName) -> Option<HeaderName> {
        let rest = name.as_str().strip_prefix(self.prefix.as_ref()?.as_str())?;
        let is_credential = rest == "authorization" || rest == "cookie";
        let name = HeaderName::from_str(rest).ok().filter(|name| !is_never(name.as_str()))?;
        (!is_credential || self.request.names.contains_key(&name)).then_some(name)
    }

    /// Writes the headers that a backend's metadata become.
    pub(crate) fn response(&self, from: &HeaderMap, to: &mut HeaderMap) {
        if self.response.is_empty() || from.is_empty() {
            return;
        }
        for (name, value) in from {
            if let Some(name) = self.response.name(name) {
                to.append(name, value.clone());
            }
        }
    }

    /// The HTTP status that a backend chose, of the same kind as its outcome.
    pub(crate) fn status(&self, from: &HeaderMap, failed: bool) -> Option<StatusCode> {
        let value = from.get(self.status.as_ref()?)?.to_str().ok()?;
        let status = StatusCode::from_bytes(value.as_bytes()).ok()?;
        let fits = if failed { status.as_u16() >= 400 } else { (200..400).contains(&status.as_u16()) };
        (fits && status.as_u16() < 600 && status != StatusCode::NOT_MODIFIED).then_some(status)
    }
}

/// Whether metadata of this name can have this value (gRPC over HTTP/2, "Custom-Metadata").
fn check(name: &HeaderName, value: &HeaderValue) -> Result<(), Problem> {
    if name.as_str().ends_with("-bin") {
        let is_base64 = |piece: &[u8]| BASE64.decode(piece.trim_ascii()).is_ok();
        if !value.as_bytes().split(|byte| *byte == b',').all(is_base64) {
            return Err(Problem::invalid(format!("the header for {name}: expected base64")));
        }
    } else if !value.as_bytes().iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(Problem::invalid(format!("the header for {name}: expected printable ASCII")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
