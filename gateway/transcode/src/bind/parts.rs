//! One request message from its parts: what path and query have bound, and a body.

use super::tree::{Refusal, Tree};
use super::{Binding, BodyRule, FRAME_HEADER, finish_frame};
use crate::error::{RequestError, RequestErrorKind as K};
use crate::json::Scanner;
use crate::json_to_wire::mask::Mask;
use crate::json_to_wire::trail::Trail;
use crate::json_to_wire::{DecodeOptions, Encoder};
use crate::program::Route;
use crate::rules::UnknownFields;
use crate::schema::{Field, MessageId, Schema, WellKnown};
use crate::wire::put_len_field;

/// What every message of a request has in common.
#[derive(Clone, Copy)]
pub(super) struct Parts<'p> {
    pub(super) route: &'p Route,
    pub(super) tree: &'p Tree,
}

type Frame = Result<Vec<u8>, RequestError>;

impl<'p> Parts<'p> {
    fn schema(self) -> &'p Schema {
        self.route.schema()
    }

    fn binding(self) -> &'p Binding {
        self.route.binding()
    }

    /// The field that the body fills, when it is one.
    fn body_field(self) -> Option<(u16, &'p Field)> {
        let BodyRule::Field(index) = self.binding().body else { return None };
        Some((index, self.schema().message(self.binding().input).field(index)?))
    }

    /// Whether the body is taken as it is, into a `google.api.HttpBody`.
    pub(super) fn is_raw(self) -> bool {
        match self.binding().body {
            BodyRule::None => false,
            BodyRule::Whole => self.schema().message(self.binding().input).well_known == WellKnown::HttpBody,
            BodyRule::Field(_) => self.body_field().is_some_and(|(_, f)| http_body_field(self.schema(), f)),
        }
    }

    /// A frame of what is bound and nothing else.
    pub(super) fn without_body(self) -> Frame {
        self.check_required(None)?;
        let mut out = vec![0; FRAME_HEADER];
        self.tree.write(self.schema(), &mut out);
        framed(out)
    }

    /// A frame with bytes that are not looked at. Only a stream's first message has a content type.
    pub(super) fn raw(self, content_type: Option<&str>, data: &[u8]) -> Frame {
        self.check_required(self.body_field().map(|(index, _)| index))?;
        let mut out = with_capacity(data.len());
        let field = self.body_field().map(|(_, field)| field);
        let content = field.map_or(0, |field| field.begin(&mut out));
        if !self.tree.is_sent() {
            put_len_field(&mut out, 1, content_type.unwrap_or("application/octet-stream").as_bytes());
        }
        if !data.is_empty() {
            put_len_field(&mut out, 2, data);
        }
        if let Some(field) = field {
            field.end(&mut out, content);
        }
        self.tree.write(self.schema(), &mut out);
        framed(out)
    }

    /// A frame with a JSON body: the whole message, or one field of it.
    pub(super) fn json(self, data: &[u8]) -> Frame {
        if self.binding().body == BodyRule::None {
            if is_empty_object(data) {
                return self.without_body();
            }
            return Err(RequestError::new(K::UnexpectedBody, "no body").got("one"));
        }
        let rules = self.route.method_data().rules();
        let options = DecodeOptions::of(rules, self.route.options());
        let scanner = Scanner::new(data)?;
        let mut encoder = Encoder::new(self.schema(), scanner, with_capacity(data.len()), options);
        match self.body_field() {
            None => encoder.message(self.binding().input, &Trail::ROOT, Some(self.tree))?,
            Some((index, field)) => self.json_field(index, field, &mut encoder)?,
        }
        encoder.scan.end()?;
        let Encoder { mut out, unknown, .. } = encoder;
        if rules.unknown_fields == UnknownFields::Report {
            self.report(&unknown, &mut out);
        }
        framed(out)
    }

    fn json_field(
        self,
        index: u16,
        field: &Field,
        encoder: &mut Encoder<'_, '_>,
    ) -> Result<(), RequestError> {
        let schema = self.schema();
        if let Err(Refusal::Oneof(other)) = self.tree.check_oneof(schema, index, field) {
            let both = format!("no body beside {other}, of one oneof with {}", field.output_name());
            return Err(RequestError::new(K::Oneof, both));
        }
        self.tree.write_others(schema, index, &mut encoder.out);
        let mask = self.binding().update_mask.filter(|mask| self.tree.get(*mask).is_none());
        encoder.mask = mask.map(|_| Mask::default());
        let given = encoder.body_field(field, self.tree.below(index))?;
        if !given {
            // null is no value: what the path binds inside the field stays
            self.tree.write_only(schema, index, &mut encoder.out);
        }
        self.check_required(Some(index).filter(|_| given))?;
        let mask = mask.and_then(|mask| schema.message(self.binding().input).field(mask));
        if let (Some(field), Some(paths)) = (mask, encoder.mask.take())
            && !paths.wire.is_empty()
        {
            let content = field.begin(&mut encoder.out);
            encoder.out.extend_from_slice(&paths.wire);
            field.end(&mut encoder.out, content);
        }
        Ok(())
    }

    /// Refuses a message without a required field (proto2), where the body fills the field `given` or none.
    fn check_required(self, given: Option<u16>) -> Result<(), RequestError> {
        let message = self.schema().message(self.binding().input);
        match self.tree.missing(self.schema(), message, &|index| given == Some(index)) {
            Some(path) => Err(RequestError::new(K::MissingField, "").on(path)),
            None => Ok(()),
        }
    }

    /// Writes the paths of unknown fields into the field that is marked for them: of the request message, else of the
    /// message in the body's field (a second occurrence of a message field adds to the first).
    fn report(self, unknown: &[String], out: &mut Vec<u8>) {
        let schema = self.schema();
        let marked = |id: MessageId| {
            let message = schema.message(id);
            message.unknown_paths.and_then(|index| message.field(index))
        };
        if unknown.is_empty() {
            return;
        }
        let put_all = |out: &mut Vec<u8>, number| {
            for path in unknown {
                put_len_field(out, number, path.as_bytes());
            }
        };
        if let Some(field) = marked(self.binding().input) {
            put_all(out, field.number);
            return;
        }
        let Some((_, body)) = self.body_field() else { return };
        if let Some(field) = body.single_message().and_then(marked) {
            let content = body.begin(out);
            put_all(out, field.number);
            body.end(out, content);
        }
    }
}

/// Room for a frame's header and a message of about `size` bytes.
fn with_capacity(size: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(size.saturating_add(64));
    out.resize(FRAME_HEADER, 0);
    out
}

fn framed(mut out: Vec<u8>) -> Frame {
    finish_frame(&mut out).ok_or_else(|| RequestError::new(K::Size, "a message of less than 4 GiB"))?;
    Ok(out)
}

fn is_empty_object(data: &[u8]) -> bool {
    let Ok(mut scanner) = Scanner::new(data) else { return false };
    scanner.expect(b'{', "").is_ok() && scanner.closes(b'}') && scanner.end().is_ok()
}

/// Whether a field takes a body as it is.
pub(crate) fn http_body_field(schema: &Schema, field: &Field) -> bool {
    field.single_message().is_some_and(|id| schema.message(id).well_known == WellKnown::HttpBody)
}
