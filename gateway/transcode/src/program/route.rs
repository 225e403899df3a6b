//! A matched route: the way from a request to wire bytes and from wire bytes to a response.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::{CompileOptions, Inner, Method, MethodData};
use crate::RequestError;
use crate::bind::{Binding, Bound, http_body_field};
use crate::schema::{Field, MessageId, Schema, WellKnown};
use crate::wire::{Reader, WireFault, WireType};
use crate::wire_to_json::{self, ResponseError};

/// A binding that matched a path. Cloning shares the program it belongs to.
#[derive(Clone)]
pub struct Route {
    inner: Arc<Inner>,
    binding: u32,
    /// Where each template segment begins in the path after its first slash; one more mark at the end.
    marks: Vec<usize>,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Route").field(&self.http_method()).field(&self.template()).finish()
    }
}

/// What a response body is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResponseBody {
    /// JSON text.
    Json,
    /// Bytes of the backend's choice (`google.api.HttpBody`) with their content type.
    Raw {
        /// The content type; empty when the backend named none.
        content_type: String,
    },
}

impl ResponseBody {
    /// The `Content-Type` of the response.
    pub fn content_type(&self) -> Cow<'_, str> {
        match self {
            Self::Json => Cow::Borrowed("application/json"),
            Self::Raw { content_type } if content_type.is_empty() => {
                Cow::Borrowed("application/octet-stream")
            }
            Self::Raw { content_type } => Cow::Borrowed(content_type),
        }
    }
}

impl Route {
    pub(crate) fn new(inner: Arc<Inner>, binding: u32, marks: Vec<usize>) -> Self {
        Self { inner, binding, marks }
    }

    #[allow(clippy::indexing_slicing, reason = "the index was made together with the program")]
    pub(crate) fn binding(&self) -> &Binding {
        &self.inner.bindings[self.binding as usize]
    }

    #[allow(clippy::indexing_slicing, reason = "the index was made together with the program")]
    pub(crate) fn method_data(&self) -> &MethodData {
        &self.inner.methods[self.binding().method as usize]
    }

    pub(crate) fn schema(&self) -> &Schema {
        self.inner.schema(self.method_data().pool)
    }

    pub(crate) fn options(&self) -> &CompileOptions {
        &self.inner.options
    }

    /// What template segments `from` to `to` cover of `path`, still percent-encoded.
    pub(crate) fn capture<'p>(&self, path: &'p str, from: usize, to: usize) -> &'p str {
        let path = path.strip_prefix('/').unwrap_or(path);
        let (Some(start), Some(end)) = (self.marks.get(from), self.marks.get(to)) else { return "" };
        let covered = path.get(*start..*end).unwrap_or_default();
        covered.strip_suffix('/').unwrap_or(covered)
    }

    /// The method that is called.
    pub fn method(&self) -> Method {
        Method::new(Arc::clone(&self.inner), self.binding().method)
    }

    /// The rule's HTTP method (`GET` also when a `HEAD` came).
    pub fn http_method(&self) -> &str {
        &self.binding().http_method
    }

    /// The rule's path template, for metrics and logs.
    pub fn template(&self) -> &str {
        &self.binding().source
    }

    /// The HTTP status of a success.
    pub fn success_status(&self) -> u16 {
        self.method_data().rules.success_status.unwrap_or(200)
    }

    /// Binds path and query, before the body is read. `path` is the one that was matched, `query` has no question mark.
    pub fn bind(&self, path: &str, query: Option<&str>) -> Result<Bound, RequestError> {
        Bound::new(self.clone(), path, query)
    }

    /// Whether responses are bytes of the backend's choice (`google.api.HttpBody`), not JSON.
    pub fn responds_raw(&self) -> bool {
        let (schema, output) = (self.schema(), self.method_data().output);
        match self.binding().response_body {
            None => schema.message(output).well_known == WellKnown::HttpBody,
            Some(index) => schema.message(output).field(index).is_some_and(|f| http_body_field(schema, f)),
        }
    }

    /// Appends the response for one message from the backend.
    pub fn response(&self, wire: &[u8], out: &mut Vec<u8>) -> Result<ResponseBody, ResponseError> {
        let (schema, output) = (self.schema(), self.method_data().output);
        if self.responds_raw() {
            return self.raw(output, wire, out);
        }
        let options = self.inner.print_options_of(self.method_data().rules());
        match self.binding().response_body {
            None => wire_to_json::print(schema, output, wire, out, options)?,
            Some(index) => wire_to_json::print_field(schema, (output, index), wire, out, options)?,
        }
        Ok(ResponseBody::Json)
    }

    fn raw(&self, output: MessageId, wire: &[u8], out: &mut Vec<u8>) -> Result<ResponseBody, ResponseError> {
        let message = self.schema().message(output);
        let fault = |fault| ResponseError { field: message.full_name.to_string(), fault };
        let field = self.binding().response_body.and_then(|index| message.field(index));
        let body = match field {
            None => Cow::Borrowed(wire),
            Some(field) => message_in(field, wire, self.options().depth).map_err(fault)?,
        };
        let (content_type, data) = http_body(&body).map_err(fault)?;
        // what goes into a header must not be able to end it
        let valid = content_type.bytes().all(|b| (0x20..0x7f).contains(&b));
        if !valid {
            return Err(fault(WireFault::Range));
        }
        out.extend_from_slice(data);
        Ok(ResponseBody::Raw { content_type: content_type.to_owned() })
    }
}

/// The message in a field, its parts put together where it comes in several.
fn message_in<'w>(field: &Field, wire: &'w [u8], depth: u32) -> Result<Cow<'w, [u8]>, WireFault> {
    let mut found: Option<Cow<'w, [u8]>> = None;
    let mut reader = Reader::new(wire);
    while !reader.is_empty() {
        let part = match reader.tag()? {
            (number, kind) if (number, kind) != (field.number, field.wire) => {
                reader.skip(number, kind, depth)?;
                continue;
            }
            (number, WireType::StartGroup) => reader.group(number, depth)?,
            _ => reader.span()?,
        };
        match &mut found {
            None => found = Some(Cow::Borrowed(part.bytes())),
            Some(before) => before.to_mut().extend_from_slice(part.bytes()),
        }
    }
    Ok(found.unwrap_or_default())
}

/// Content type and data of an encoded `google.api.HttpBody`.
fn http_body(bytes: &[u8]) -> Result<(&str, &[u8]), WireFault> {
    let (mut content_type, mut data): (&[u8], &[u8]) = (&[], &[]);
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        match reader.tag()? {
            (1, WireType::Len) => content_type = reader.len_slice()?,
            (2, WireType::Len) => data = reader.len_slice()?,
            (number, wire) => reader.skip(number, wire, 100)?,
        }
    }
    Ok((std::str::from_utf8(content_type).map_err(|_| WireFault::Utf8)?, data))
}
