//! The choice among several streams of one path: browsers open every WebSocket by GET and send no headers of their own,
//! but names of sub-protocols (RFC 6455, 1.9). `method.POST` is the rule for POST.

use http::header::{HeaderMap, SEC_WEBSOCKET_PROTOCOL};

/// What stands before the HTTP method of a rule.
const PREFIX: &str = "method.";

/// The HTTP method of the rule that a client chooses: that of the first sub-protocol that names one. Others mean nothing
/// here.
pub(super) fn chosen(headers: &HeaderMap) -> Option<&str> {
    offered(headers)?.strip_prefix(PREFIX)
}

/// The sub-protocol of the choice, which the answer repeats.
pub(super) fn offered(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(SEC_WEBSOCKET_PROTOCOL).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).find(|name| name.starts_with(PREFIX))
}

/// What a client can choose among.
pub(super) fn expected(methods: &[String]) -> String {
    let names: Vec<String> = methods.iter().map(|method| format!("{PREFIX}{method}")).collect();
    let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    format!("Sec-WebSocket-Protocol: expected one of {names}")
}
