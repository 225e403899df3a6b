//! Binding: path and query values become wire bytes, the body joins them, and each bound field is written once.
//!
//! The law (`google/api/http.proto`, made strict): path over body over query; a query name that the path or the body has
//! bound is an error, a body may repeat what the path says but not contradict it.

pub(crate) mod binding;
mod parts;
pub(crate) mod place;
pub(crate) mod query;
mod stream;
mod text;
pub(crate) mod tree;

use std::borrow::Cow;

use crate::error::{RequestError, RequestErrorKind as K};
use crate::percent::{Mode, PercentFault, decode};
use crate::program::Route;
use crate::scalar::TextStyle;
use crate::stream::check_json;
use crate::template::Segment;
use binding::BoundVariable;
pub(crate) use binding::{Binding, BodyRule};
use parts::Parts;
pub(crate) use parts::http_body_field;
pub use stream::RequestStream;
use tree::Tree;

/// The bytes that a gRPC message frame puts before its message.
pub const FRAME_HEADER: usize = 5;

/// A request whose path and query are bound; its body may still be on its way.
#[derive(Debug, Clone)]
pub struct Bound {
    route: Route,
    tree: Tree,
    values: Vec<String>,
}

/// A request body with its content type.
#[derive(Debug, Clone, Copy)]
pub struct Body<'b> {
    /// The `Content-Type` header, when there is one.
    pub content_type: Option<&'b str>,
    /// The bytes. Empty is the same as no body, but for a `google.api.HttpBody` that has a content type all the same.
    pub data: &'b [u8],
}

impl Bound {
    /// Binds the values that `route` captured from `path`, and the query (without its question mark).
    pub(crate) fn new(route: Route, path: &str, query: Option<&str>) -> Result<Self, RequestError> {
        let (schema, binding) = (route.schema(), route.binding());
        let rules = route.method_data().rules();
        let mut tree = Tree::default();
        let mut values = Vec::with_capacity(binding.variables.len());
        for variable in &binding.variables {
            let raw = route.capture(path, variable.from, variable.to);
            let error = |kind, expected| RequestError::new(kind, expected).on(variable.name.as_str());
            let value = decoded(&route, variable, path, raw)
                .map_err(|expected| error(K::MalformedPath, expected.into()).got(raw))?;
            let wrong = |expected| error(K::PathValue, expected).got_text(&value);
            let style = TextStyle {
                lenient_bool: variable.place.rules(schema).is_some_and(|r| r.lenient_bool),
                outside_json: true,
                any_case_enums: rules.any_case_enums,
                depth: route.options().depth,
            };
            tree.put(schema, &variable.place, &value, style).map_err(|e| match e {
                tree::Refusal::Value(expected) => wrong(expected),
                _ => wrong("one value for each field and oneof".into()),
            })?;
            values.push(value.into_owned());
        }
        if let Some(query) = query {
            let options = query::QueryOptions { rules, limits: route.options() };
            query::bind(schema, binding, options, query, &mut tree)?;
        }
        Ok(Self { route, tree, values })
    }

    /// The route that was matched.
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// The decoded value that the path gives to the field `field_path` (`tool`, `book.name`).
    pub fn path_value(&self, field_path: &str) -> Option<&str> {
        let at = self.route.binding().variables.iter().position(|v| v.name == field_path)?;
        self.values.get(at).map(String::as_str)
    }

    /// All values that the path gives, by field path.
    pub fn path_values(&self) -> impl Iterator<Item = (&str, &str)> {
        let names = self.route.binding().variables.iter().map(|v| v.name.as_str());
        names.zip(self.values.iter().map(String::as_str))
    }

    /// Whether the method takes a body.
    pub fn takes_body(&self) -> bool {
        self.route.binding().body != BodyRule::None
    }

    /// The request message as a whole gRPC frame: five bytes of header, then the message.
    pub fn request(&self, body: Option<Body<'_>>) -> Result<Vec<u8>, RequestError> {
        let parts = Parts { route: &self.route, tree: &self.tree };
        match body {
            Some(Body { content_type: content_type @ Some(_), data }) if parts.is_raw() => {
                parts.raw(content_type, data)
            }
            None | Some(Body { data: [], .. }) => parts.without_body(),
            Some(body) if parts.is_raw() => parts.raw(None, body.data),
            Some(body) => {
                if self.takes_body() {
                    check_json(body.content_type)?;
                }
                parts.json(body.data)
            }
        }
    }
}

/// The value of a variable that covers `raw`; what would be accepted, where it is not well formed.
fn decoded<'p>(
    route: &Route,
    variable: &BoundVariable,
    path: &'p str,
    raw: &'p str,
) -> Result<Cow<'p, str>, &'static str> {
    let text = |raw, mode| decode(raw, mode).map_err(PercentFault::expected);
    if !variable.multi {
        return text(raw, Mode::Segment);
    }
    if !route.options().fully_decode_reserved_expansion {
        return text(raw, Mode::Segments);
    }
    let mut parts = Vec::with_capacity(variable.to - variable.from);
    for at in variable.from..variable.to {
        let many = route.binding().template.segments.get(at) == Some(&Segment::Many);
        let part = text(route.capture(path, at, at + 1), if many { Mode::Segment } else { Mode::Segments })?;
        // slashes that were encoded may have hidden them
        if part.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err("a path without dot segments");
        }
        parts.push(part);
    }
    // a `**` may cover nothing
    parts.retain(|part| !part.is_empty());
    Ok(Cow::Owned(parts.join("/")))
}

/// Writes the header of a frame whose message follows the spare bytes (gRPC over HTTP/2: flags, then the length).
pub(crate) fn finish_frame(frame: &mut [u8]) -> Option<()> {
    let len = u32::try_from(frame.len().checked_sub(FRAME_HEADER)?).ok()?;
    frame.get_mut(1..FRAME_HEADER)?.copy_from_slice(&len.to_be_bytes());
    Some(())
}
