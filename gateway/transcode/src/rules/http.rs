//! HTTP rules from outside the descriptors, as a service configuration has them under `http.rules`.

use super::Selector;

/// One `google.api.HttpRule`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HttpRule {
    /// The HTTP method: `GET`, `PUT`, `POST`, `DELETE`, `PATCH`, or the kind of a custom pattern (`*` is any method).
    pub method: String,
    /// The path template.
    pub path: String,
    /// `*` for the whole message, the name of a field, or empty for no body.
    pub body: String,
    /// The field of the response that is the response body; empty for all of it.
    pub response_body: String,
    /// More rules for the same method. They have none of their own.
    pub additional_bindings: Vec<HttpRule>,
}

/// A rule with the methods that it is about. For a method the last rule wins, over its annotation too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectedHttpRule {
    /// Which methods.
    pub selector: Selector,
    /// Their rule.
    pub rule: HttpRule,
}
