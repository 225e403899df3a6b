//! Headers that may cross the gateway, and those that must not.

use http::header::{self, HeaderMap, HeaderName};

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
    let claims: Vec<HeaderName> = headers
        .keys()
        .filter(|name| IDENTITY.iter().any(|prefix| name.as_str().starts_with(prefix)))
        .cloned()
        .collect();
    for name in claims {
        headers.remove(name);
    }
}

/// The metadata of a gRPC call that is passed through: everything but what belongs to the connection.
pub(crate) fn pass_through(headers: &mut HeaderMap) {
    drop_identity(headers);
    for name in DROPPED {
        headers.remove(*name);
    }
    // A credential ends here: services are told who calls, not by what it was proven.
    headers.remove(header::AUTHORIZATION);
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
}
