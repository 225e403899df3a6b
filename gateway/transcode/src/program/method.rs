//! A method as a gateway sees it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::Inner;
use crate::bind::FRAME_HEADER;
use crate::json::Scanner;
use crate::json_to_wire::trail::Trail;
use crate::json_to_wire::{DecodeOptions, Encoder};
use crate::rules::MethodRules;
use crate::schema::{MessageId, Schema};
use crate::wire_to_json::{self, ResponseError};
use crate::{RequestError, RequestErrorKind};

/// A method's part of a program.
#[derive(Debug)]
pub(crate) struct MethodData {
    pub(crate) full_name: Box<str>,
    pub(crate) path: Box<str>,
    pub(crate) service: Box<str>,
    /// The place of the schema that its messages are in.
    pub(crate) pool: u16,
    pub(crate) input: MessageId,
    pub(crate) output: MessageId,
    pub(crate) client_streaming: bool,
    pub(crate) server_streaming: bool,
    pub(crate) options: Bytes,
    pub(crate) rules: MethodRules,
}

impl MethodData {
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn rules(&self) -> &MethodRules {
        &self.rules
    }
}

/// A method. Cloning shares the program it belongs to.
#[derive(Clone)]
pub struct Method {
    inner: Arc<Inner>,
    index: u32,
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Method").field(&self.full_name()).finish()
    }
}

impl Method {
    pub(crate) fn new(inner: Arc<Inner>, index: u32) -> Self {
        Self { inner, index }
    }

    #[allow(clippy::indexing_slicing, reason = "the index was made together with the program")]
    fn data(&self) -> &MethodData {
        &self.inner.methods[self.index as usize]
    }

    fn schema(&self) -> &Schema {
        self.inner.schema(self.data().pool)
    }

    /// `pkg.Service.Method`.
    pub fn full_name(&self) -> &str {
        &self.data().full_name
    }

    /// The path of its gRPC calls, `/pkg.Service/Method`.
    pub fn path(&self) -> &str {
        &self.data().path
    }

    /// The full name of its service.
    pub fn service(&self) -> &str {
        &self.data().service
    }

    /// Whether the client sends a stream.
    pub fn client_streaming(&self) -> bool {
        self.data().client_streaming
    }

    /// Whether the server sends a stream.
    pub fn server_streaming(&self) -> bool {
        self.data().server_streaming
    }

    /// The encoded `MethodOptions`, extensions included.
    pub fn options(&self) -> &Bytes {
        &self.data().options
    }

    /// The rules its options gave.
    pub fn rules(&self) -> &MethodRules {
        &self.data().rules
    }

    /// The full name of the request message.
    pub fn input_type(&self) -> &str {
        &self.schema().message(self.data().input).full_name
    }

    /// The full name of the response message.
    pub fn output_type(&self) -> &str {
        &self.schema().message(self.data().output).full_name
    }

    /// The number of the request's field `name` (proto name or JSON name).
    pub fn input_field_number(&self, name: &str) -> Option<u32> {
        self.schema().message(self.data().input).by_name(name).map(|(_, field)| field.number)
    }

    /// Appends the JSON form of a whole response message, without the `response_body` of any rule.
    pub fn response(&self, wire: &[u8], out: &mut Vec<u8>) -> Result<(), ResponseError> {
        let options = self.inner.print_options_of(self.rules());
        wire_to_json::print(self.schema(), self.data().output, wire, out, options)
    }

    /// Appends the JSON form of a `google.protobuf.Any` given by its parts, of a type that the method's source knows
    /// (details of its status, for one).
    pub fn any_to_json(&self, type_url: &str, value: &[u8], out: &mut Vec<u8>) -> Result<(), ResponseError> {
        let options = self.inner.print_options_of(self.rules());
        wire_to_json::print_any(self.schema(), type_url, value, out, options)
    }

    /// A whole request message from JSON as a gRPC frame: five bytes of header, then the message.
    pub fn request(&self, json: &[u8]) -> Result<Vec<u8>, RequestError> {
        let options = DecodeOptions::of(self.rules(), &self.inner.options);
        let out = vec![0; FRAME_HEADER];
        let mut encoder = Encoder::new(self.schema(), Scanner::new(json)?, out, options);
        encoder.message(self.data().input, &Trail::ROOT, None)?;
        encoder.scan.end()?;
        let mut out = encoder.out;
        crate::bind::finish_frame(&mut out)
            .ok_or_else(|| RequestError::new(RequestErrorKind::Size, "a message of less than 4 GiB"))?;
        Ok(out)
    }
}
