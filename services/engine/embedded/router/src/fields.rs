//! Header fields that end at a proxy, and those that a proxy writes (RFC 9110 7.6.1; RFC 9113 8.2).

use std::net::IpAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Uri, Version};
use http_body::Body;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// What only this hop means.
const HOP_BY_HOP: [HeaderName; 6] = [
    header::CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Removes what ends here, the fields that `Connection` names included.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<HeaderName> = list(headers, &header::CONNECTION)
            .filter_map(|name| name.parse().ok())
            .filter(|name| *name != header::HOST && *name != header::CONTENT_LENGTH)
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Makes a client's request the router's own: to the origin form, with the host kept, with nothing of this hop and
/// nothing that a client says about proxies before it.
pub(crate) fn outgoing(parts: &mut Parts, authority: &HeaderValue, client: IpAddr, body: &impl Body) {
    let trailers = list(&parts.headers, &header::TE).any(|coding| coding.eq_ignore_ascii_case("trailers"));
    let chunked = parts.headers.contains_key(header::TRANSFER_ENCODING);
    let headers = &mut parts.headers;
    strip_hop_by_hop(headers);
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("te"));
    }
    if chunked {
        // the framing that was believed is the one that is passed on
        headers.remove(header::CONTENT_LENGTH);
    }
    if !body.is_end_stream() && !headers.contains_key(header::CONTENT_LENGTH) {
        headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    forwarded(headers, authority, client);
    join_cookies(headers);
    headers.insert(header::HOST, authority.clone());
    parts.version = Version::HTTP_11;
    parts.uri = origin_form(&parts.uri);
}

/// The protocol a client wants to change to, where a proxy may pass that on. HTTP/2 it may not: requests inside
/// would go past it unseen.
pub(crate) fn wanted_upgrade(version: Version, headers: &HeaderMap) -> Option<HeaderValue> {
    let asked = version == Version::HTTP_11
        && list(headers, &header::CONNECTION).any(|option| option.eq_ignore_ascii_case("upgrade"));
    let protocol = headers.get(header::UPGRADE).filter(|_| asked)?;
    let name = protocol.to_str().ok()?;
    (!name.is_empty() && !name.to_ascii_lowercase().contains("h2c")).then(|| protocol.clone())
}

/// Asks for that change on the next hop.
pub(crate) fn ask_upgrade(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, protocol);
}

/// Who asked, by which scheme and for which host: as seen here, whatever the client said.
fn forwarded(headers: &mut HeaderMap, authority: &HeaderValue, client: IpAddr) {
    let said = |name: &&HeaderName| {
        let name = name.as_str();
        name.starts_with("x-forwarded-") || name == "forwarded" || name == "x-real-ip"
    };
    let names: Vec<HeaderName> = headers.keys().filter(said).cloned().collect();
    for name in names {
        headers.remove(name);
    }
    // an address has only characters that a field may have
    if let Ok(client) = HeaderValue::try_from(client.to_canonical().to_string()) {
        headers.insert(FORWARDED_FOR, client);
    }
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
    headers.insert(FORWARDED_HOST, authority.clone());
}

/// HTTP/2 may split the cookie field; HTTP/1 may not (RFC 9113 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut cookies = headers.get_all(header::COOKIE).iter();
    if cookies.next().is_none() || cookies.next().is_none() {
        return;
    }
    let parts: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(joined) = HeaderValue::from_bytes(&parts.join(&b"; "[..])) {
        headers.insert(header::COOKIE, joined);
    }
}

/// Path and query only.
fn origin_form(uri: &Uri) -> Uri {
    match uri.path_and_query() {
        Some(path) if uri.scheme().is_some() || uri.authority().is_some() => Uri::from(path.clone()),
        _ => uri.clone(),
    }
}

/// The members of a field that is a list.
fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|member| !member.is_empty())
}
