//! The head of a request.

use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, Method};

/// The head of a request.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Whether its scheme is `https`, not `http`.
    pub is_https: bool,
    /// Whom it is for.
    pub authority: &'a Authority,
    /// What it is for.
    pub path: &'a PathAndQuery,
    /// Its fields. Those of a connection are left out (RFC 9113, 8.2.2).
    pub headers: &'a HeaderMap,
}
