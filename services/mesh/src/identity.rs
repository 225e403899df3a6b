//! Who calls: principals, the peer of a connection, and the metadata that the gateway speaks for others with.

#[cfg(feature = "tls")]
mod certificate;
#[cfg(feature = "tls")]
pub mod tls;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use tonic::Status;

#[cfg(feature = "tls")]
pub use certificate::{Authorities, CertificateError, SPIFFE_PREFIX};

/// The metadata in which the gateway names the caller it has authenticated.
pub const PRINCIPAL_HEADER: HeaderName = HeaderName::from_static("x-toolforge-principal");

/// The one service that may name another caller in metadata.
pub const GATEWAY: &str = "gateway";

/// Names are certificate subjects at most, so they end where those end (RFC 5280, ub-common-name, is 64; a DNS name has 253).
const MAX_NAME: usize = 253;

/// An authenticated caller, or nobody.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    /// A tool, for itself.
    Tool(Arc<str>),
    /// An administrator.
    Admin(Arc<str>),
    /// One of the platform's services.
    Service(Arc<str>),
    /// The bearer of a deploy token of this tool.
    Deploy(Arc<str>),
    /// Nobody in particular: no credential was shown.
    Anonymous,
}

/// A text that names no principal.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a principal: expected tool:, admin:, service: or deploy: and a name, or anonymous")]
pub struct ParseError(String);

impl Principal {
    /// The tool this caller acts as: a tool, or the bearer of its deploy token.
    pub fn tool(&self) -> Option<&str> {
        match self {
            Self::Tool(name) | Self::Deploy(name) => Some(name),
            Self::Admin(_) | Self::Service(_) | Self::Anonymous => None,
        }
    }

    /// The kind, as the prefix in its text form says it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Tool(_) => "tool",
            Self::Admin(_) => "admin",
            Self::Service(_) => "service",
            Self::Deploy(_) => "deploy",
            Self::Anonymous => "anonymous",
        }
    }

    /// The caller of a request that came through [`crate::serve`]; nobody, where no layer has said who it is.
    pub fn of<T>(request: &tonic::Request<T>) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or(Self::Anonymous)
    }

    /// Writes this caller into the metadata of a call, as only the gateway may; whatever was there is replaced.
    pub fn assert(&self, headers: &mut HeaderMap) {
        let value = match self {
            Self::Anonymous => Ok(HeaderValue::from_static(self.kind())),
            somebody => HeaderValue::try_from(somebody.to_string()),
        };
        match value {
            Ok(value) => headers.insert(PRINCIPAL_HEADER, value),
            Err(_) => headers.remove(PRINCIPAL_HEADER),
        };
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => out.write_str(self.kind()),
            Self::Tool(name) | Self::Admin(name) | Self::Service(name) | Self::Deploy(name) => {
                write!(out, "{}:{name}", self.kind())
            }
        }
    }
}

impl FromStr for Principal {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text == "anonymous" {
            return Ok(Self::Anonymous);
        }
        let error = || ParseError(text.chars().take(MAX_NAME).collect());
        let (kind, name) = text.split_once(':').ok_or_else(error)?;
        if !is_name(name) {
            return Err(error());
        }
        match kind {
            "tool" => Ok(Self::Tool(name.into())),
            "admin" => Ok(Self::Admin(name.into())),
            "service" => Ok(Self::Service(name.into())),
            "deploy" => Ok(Self::Deploy(name.into())),
            _ => Err(error()),
        }
    }
}

/// Whether a text can name a caller: visible, without the characters that separate kinds, paths and lists.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'@' | b'+');
    !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(fits)
}

/// The other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Whom the connection itself proves; being on loopback proves nothing.
    pub principal: Principal,
    /// Where it comes from, for logs: an address, `unix` or `memory`.
    pub from: Arc<str>,
}

impl Peer {
    /// A peer that has proven nothing.
    pub fn anonymous(from: impl Into<Arc<str>>) -> Self {
        Self { principal: Principal::Anonymous, from: from.into() }
    }

    /// Takes the principal metadata out of a request and says who calls: the one the gateway names, if the peer is the
    /// gateway, and otherwise the peer itself, whatever the metadata says.
    pub fn caller(&self, headers: &mut HeaderMap) -> Result<Principal, Status> {
        let is_gateway = matches!(&self.principal, Principal::Service(name) if &**name == GATEWAY);
        let asserted = if is_gateway { asserted(headers) } else { Ok(None) };
        headers.remove(PRINCIPAL_HEADER);
        Ok(asserted?.unwrap_or_else(|| self.principal.clone()))
    }
}

fn asserted(headers: &HeaderMap) -> Result<Option<Principal>, Status> {
    let mut values = headers.get_all(PRINCIPAL_HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let refused = || Status::unauthenticated("the principal metadata is not one principal");
    if values.next().is_some() {
        return Err(refused());
    }
    let text = value.to_str().map_err(|_| refused())?;
    text.parse().map(Some).map_err(|_| refused())
}

#[cfg(test)]
mod tests;
