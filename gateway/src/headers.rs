//! Headers that may cross the gateway, and those that must not.

mod rules;

use http::header::{self, HeaderMap, HeaderName};

pub use rules::{HeaderRule, HeaderRuleError, HeaderRules};

pub(crate) use rules::Rules;

/// Prefixes of identity headers: only this side of the gateway may set them (contract 1.3).
const IDENTITY: &[&str] = &["x-toolforge-", "ssl-client-"];

/// Hop-by-hop headers (RFC 9110, 7.6.1), and those that the gateway sets itself.
const DROPPED: &[&str] = &[
    "connection",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Takes out every header by which a client could claim to be somebody.
pub(crate) fn drop_identity(headers: &mut HeaderMap) {
    let is_claim = |name: &&HeaderName| IDENTITY.iter().any(|prefix| name.as_str().starts_with(prefix));
    // an empty list takes no memory
    let claims: Vec<HeaderName> = headers.keys().filter(is_claim).cloned().collect();
    for claim in claims {
        headers.remove(claim);
    }
}

/// The fields that `Connection` names: they belong to the connection as well (RFC 9110, 7.6.1).
fn of_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(header::CONNECTION).into_iter();
    let names = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    names.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok()).collect()
}

/// The metadata of a gRPC call that is passed through: everything but what belongs to the connection. A credential goes
/// on only where services are meant to see it; else they are told who calls, not by what it was proven.
pub(crate) fn pass_through(headers: &mut HeaderMap, authorization: bool) {
    drop_identity(headers);
    for name in of_connection(headers) {
        // what says that it is gRPC is of this side
        if name != header::CONTENT_TYPE && name != header::TE {
            headers.remove(name);
        }
    }
    for name in DROPPED {
        headers.remove(*name);
    }
    if !authorization {
        headers.remove(header::AUTHORIZATION);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn claims_of_identity_never_come_in() {
        let mut headers = HeaderMap::new();
        for name in ["x-toolforge-principal", "x-toolforge-tool", "ssl-client-subject-dn", "user-agent"] {
            headers.insert(HeaderName::from_static(name), "admin:root".parse().unwrap());
        }
        drop_identity(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), [&header::USER_AGENT]);
    }

    #[test]
    fn what_belongs_to_the_connection_is_not_passed_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Hop ,te"),
            ("connection", "x-other,, a b"),
            ("x-hop", "1"),
            ("x-other", "1"),
            ("keep-alive", "5"),
            ("te", "trailers"),
            ("x-kept", "1"),
        ] {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        pass_through(&mut headers, true);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["te", "x-kept"]);
    }
}
