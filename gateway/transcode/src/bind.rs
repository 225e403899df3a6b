//! Binding: path and query values become wire bytes, the body joins them, and each bound field is written once.
//!
//! The law (`google/api/http.proto`, made strict): path over body over query; a query name that the path or the body has
//! bound is an error, a body may repeat what the path says but not contradict it.

pub(crate) mod binding;
pub(crate) mod place;
mod query;
mod text;
pub(crate) mod tree;

use crate::error::{RequestError, RequestErrorKind as K};
use crate::json::Scanner;
use crate::json_to_wire::trail::Trail;
use crate::json_to_wire::{DecodeOptions, Encoder};
use crate::percent::{Mode, decode};
use crate::program::Route;
use crate::rules::UnknownFields;
use crate::scalar::TextStyle;
use crate::schema::{Field, MessageId, Schema, WellKnown};
use crate::wire::{WireType, begin_len, end_len, put_len_field, put_tag};
pub(crate) use binding::{Binding, BodyRule};
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
    /// The bytes; empty is the same as no body.
    pub data: &'b [u8],
}

impl Bound {
    /// Binds the values that `route` captured from `path`, and the query (without its question mark).
    pub(crate) fn new(route: Route, path: &str, query: Option<&str>) -> Result<Self, RequestError> {
        let (schema, binding) = (route.schema(), route.binding());
        let mut tree = Tree::default();
        let mut values = Vec::with_capacity(binding.variables.len());
        for variable in &binding.variables {
            let raw = route.capture(path, variable.from, variable.to);
            let mode = if variable.multi { Mode::Segments } else { Mode::Segment };
            let error = |kind, expected| RequestError::new(kind, expected).on(variable.name.as_str());
            let value =
                decode(raw, mode).map_err(|e| error(K::MalformedPath, e.expected().into()).got(raw))?;
            let wrong = |expected| error(K::PathValue, expected).got(&format!("{value:?}"));
            let style = TextStyle {
                lenient_bool: variable.place.rules(schema).is_some_and(|r| r.lenient_bool),
                outside_json: true,
            };
            tree.put(schema, &variable.place, &value, style).map_err(|e| match e {
                tree::Refusal::Value(expected) => wrong(expected),
                _ => wrong("one value for each field and oneof".into()),
            })?;
            values.push(value.into_owned());
        }
        if let Some(query) = query {
            query::bind(schema, binding, route.options().depth, query, &mut tree)?;
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
        let size = body.map_or(0, |b| b.data.len());
        let mut out = Vec::with_capacity(size + 64);
        out.resize(FRAME_HEADER, 0);
        let mut out = self.message(body, out)?;
        finish_frame(&mut out).ok_or_else(|| RequestError::new(K::Size, "a message of less than 4 GiB"))?;
        Ok(out)
    }

    fn message(&self, body: Option<Body<'_>>, mut out: Vec<u8>) -> Result<Vec<u8>, RequestError> {
        let (schema, binding) = (self.route.schema(), self.route.binding());
        let Some(body) = body.filter(|b| !b.data.is_empty()) else {
            self.tree.write(schema, &mut out);
            return Ok(out);
        };
        match binding.body {
            BodyRule::None if is_empty_object(body.data) => self.tree.write(schema, &mut out),
            BodyRule::None => {
                return Err(RequestError::new(K::UnexpectedBody, "no body").got("one"));
            }
            BodyRule::Whole if schema.message(binding.input).well_known == WellKnown::HttpBody => {
                put_http_body(&mut out, body);
                self.tree.write(schema, &mut out);
            }
            BodyRule::Whole => return self.json(body, out, None),
            BodyRule::Field(index) => {
                let Some(field) = schema.message(binding.input).field(index) else { return Ok(out) };
                if http_body_field(schema, field) {
                    out.extend_from_slice(&field.tag);
                    let content = begin_len(&mut out);
                    put_http_body(&mut out, body);
                    end_len(&mut out, content);
                    self.tree.write(schema, &mut out);
                } else {
                    return self.json(body, out, Some((index, field)));
                }
            }
        }
        Ok(out)
    }

    /// A JSON body: the whole message, or one field of it.
    fn json(
        &self,
        body: Body<'_>,
        out: Vec<u8>,
        field: Option<(u16, &Field)>,
    ) -> Result<Vec<u8>, RequestError> {
        check_media_type(body.content_type)?;
        let (schema, binding) = (self.route.schema(), self.route.binding());
        let rules = self.route.method_data().rules();
        let depth = self.route.options().depth;
        let options = DecodeOptions { depth, unknown: rules.unknown_fields, path_wins: rules.path_wins };
        let mut encoder = Encoder::new(schema, Scanner::new(body.data)?, out, options);
        match field {
            None => encoder.message(binding.input, &Trail::ROOT, Some(&self.tree))?,
            Some((index, field)) => {
                if let Err(tree::Refusal::Oneof(other)) = self.tree.check_oneof(schema, index, field) {
                    let both = format!("no body beside {other}, of one oneof with {}", field.output_name());
                    return Err(RequestError::new(K::Oneof, both));
                }
                self.tree.write_others(schema, index, &mut encoder.out);
                if !encoder.body_field(field, self.tree.below(index))? {
                    // null is no value: what the path binds inside the field stays
                    self.tree.write_only(schema, index, &mut encoder.out);
                }
            }
        }
        encoder.scan.end()?;
        let Encoder { mut out, unknown, .. } = encoder;
        if rules.unknown_fields == UnknownFields::Report {
            report(schema, binding, &unknown, &mut out);
        }
        Ok(out)
    }
}

/// Writes the header of a frame whose message follows the spare bytes (gRPC over HTTP/2: flags, then the length).
pub(crate) fn finish_frame(frame: &mut [u8]) -> Option<()> {
    let len = u32::try_from(frame.len().checked_sub(FRAME_HEADER)?).ok()?;
    frame.get_mut(1..FRAME_HEADER)?.copy_from_slice(&len.to_be_bytes());
    Some(())
}

/// Writes the paths of unknown fields into the field that is marked for them: of the request message, else of the
/// message in the body's field (a second occurrence of a message field adds to the first).
fn report(schema: &Schema, binding: &Binding, unknown: &[String], out: &mut Vec<u8>) {
    let marked = |id: MessageId| {
        let message = schema.message(id);
        message.unknown_paths.and_then(|index| message.field(index))
    };
    if unknown.is_empty() {
        return;
    }
    let put_all = |out: &mut Vec<u8>, number: u32| {
        for path in unknown {
            put_len_field(out, number, path.as_bytes());
        }
    };
    if let Some(field) = marked(binding.input) {
        put_all(out, field.number);
        return;
    }
    let BodyRule::Field(index) = binding.body else { return };
    let Some(body) = schema.message(binding.input).field(index) else { return };
    if let Some(field) = body.kind.message().filter(|_| body.wire_is_len()).and_then(marked) {
        put_tag(out, body.number, WireType::Len);
        let content = begin_len(out);
        put_all(out, field.number);
        end_len(out, content);
    }
}

fn is_empty_object(data: &[u8]) -> bool {
    let Ok(mut scanner) = Scanner::new(data) else { return false };
    scanner.expect(b'{', "").is_ok() && scanner.closes(b'}') && scanner.end().is_ok()
}

/// Whether a field takes a body as it is.
pub(crate) fn http_body_field(schema: &Schema, field: &Field) -> bool {
    let id = field.kind.message().filter(|_| field.shape == crate::schema::Shape::Single);
    id.is_some_and(|id| schema.message(id).well_known == WellKnown::HttpBody)
}

fn put_http_body(out: &mut Vec<u8>, body: Body<'_>) {
    put_len_field(out, 1, body.content_type.unwrap_or("application/octet-stream").as_bytes());
    put_len_field(out, 2, body.data);
}

/// Only JSON is read as JSON; a body without a type is taken for it.
fn check_media_type(content_type: Option<&str>) -> Result<(), RequestError> {
    let Some(given) = content_type else { return Ok(()) };
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let json = matches!(essence.as_str(), "" | "application/json" | "text/json")
        || (essence.starts_with("application/") && essence.ends_with("+json"));
    if json {
        return Ok(());
    }
    Err(RequestError::new(K::MediaType, "the content type application/json").got(&format!("{given:?}")))
}
