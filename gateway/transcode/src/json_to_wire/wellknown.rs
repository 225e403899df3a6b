//! Well-known types that have a JSON form of their own.

use std::borrow::Cow;

use super::Encoder;
use super::trail::{Step, Trail};
use crate::json::{Scan, number};
use crate::scalar;
use crate::schema::{Kind, MessageId, WellKnown};
use crate::wellknown as forms;
use crate::wire::{WireType, begin_len, end_len, put_len_field, put_tag, put_varint};

impl<'i> Encoder<'_, 'i> {
    pub(super) fn well_known(&mut self, id: MessageId, place: &Trail<'_>) -> Scan<()> {
        match self.schema.message(id).well_known {
            WellKnown::Any => self.any(place),
            WellKnown::Timestamp => self.moment(place, forms::TIMESTAMP, forms::parse_timestamp),
            WellKnown::Duration => self.moment(place, forms::DURATION, forms::parse_duration),
            WellKnown::FieldMask => self.mask(place),
            WellKnown::Struct => self.structure(id, place),
            WellKnown::Value => self.dynamic(id, place),
            WellKnown::ListValue => self.list(id, place),
            WellKnown::Wrapper => self.wrapper(id, place),
            WellKnown::None | WellKnown::HttpBody => self.object(self.schema.message(id), place, None, None),
        }
    }

    /// A string that must be there, with its position.
    fn form(&mut self, place: &Trail<'_>, expected: &'static str) -> Scan<(usize, Cow<'i, str>)> {
        let token = self.scan.next_token();
        let start = self.scan.position();
        if token != b'"' {
            return Err(place.name(self.scan.mismatch(start, expected)));
        }
        let text = self.scan.string().map_err(|e| place.name(e))?;
        Ok((start, text))
    }

    fn moment(
        &mut self,
        place: &Trail<'_>,
        expected: &'static str,
        parse: fn(&str) -> Option<(i64, i32)>,
    ) -> Scan<()> {
        let (start, text) = self.form(place, expected)?;
        let Some((seconds, nanos)) = parse(&text) else {
            return Err(place.name(self.scan.mismatch(start, expected)));
        };
        put_moment(&mut self.out, seconds, nanos);
        Ok(())
    }

    fn mask(&mut self, place: &Trail<'_>) -> Scan<()> {
        let (start, text) = self.form(place, forms::FIELD_MASK)?;
        put_mask(&mut self.out, &text).ok_or_else(|| place.name(self.scan.mismatch(start, forms::FIELD_MASK)))
    }

    fn wrapper(&mut self, id: MessageId, place: &Trail<'_>) -> Scan<()> {
        let Some((_, field)) = self.schema.message(id).by_number(1) else { return Ok(()) };
        let token = self.scan.next_token();
        self.single(field, token, place, None)
    }

    /// `Struct`: an object whose entries are `Value`s.
    fn structure(&mut self, id: MessageId, place: &Trail<'_>) -> Scan<()> {
        match self.schema.message(id).by_number(1) {
            Some((_, fields)) => self.map(fields, place),
            None => Ok(()),
        }
    }

    fn list(&mut self, id: MessageId, place: &Trail<'_>) -> Scan<()> {
        match self.schema.message(id).by_number(1) {
            Some((_, values)) => self.repeated(values, place),
            None => Ok(()),
        }
    }

    /// `Value`: any JSON.
    fn dynamic(&mut self, id: MessageId, place: &Trail<'_>) -> Scan<()> {
        let token = self.scan.next_token();
        match token {
            b'n' => {
                self.scan.literal("null").map_err(|e| place.name(e))?;
                put_tag(&mut self.out, 1, WireType::Varint);
                put_varint(&mut self.out, 0);
            }
            b't' | b'f' => {
                put_tag(&mut self.out, 4, WireType::Varint);
                self.scalar(Kind::Bool, token).map_err(|e| place.name(e))?;
            }
            b'"' => {
                put_tag(&mut self.out, 3, WireType::Len);
                self.scalar(Kind::String, token).map_err(|e| place.name(e))?;
            }
            b'{' | b'[' => {
                let inner = self.schema.message(id).by_number(if token == b'{' { 5 } else { 6 });
                let Some((_, field)) = inner else { return Ok(()) };
                let Some(inner) = field.kind.message() else { return Ok(()) };
                field.tag.append(&mut self.out);
                let content = begin_len(&mut self.out);
                self.well_known(inner, place)?;
                end_len(&mut self.out, content);
            }
            _ => self.number_value(place)?,
        }
        Ok(())
    }

    fn number_value(&mut self, place: &Trail<'_>) -> Scan<()> {
        let start = self.scan.position();
        let text = self.scan.number().map_err(|e| place.name(e))?;
        let Some(value) = number::double(text) else {
            return Err(place.name(self.scan.mismatch(start, "a number within the range of a double")));
        };
        put_tag(&mut self.out, 2, WireType::Fixed64);
        self.out.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    /// `Any`: its `@type` is looked for first, for it may come last; then the object is read by that type's program.
    fn any(&mut self, place: &Trail<'_>) -> Scan<()> {
        let token = self.scan.next_token();
        let start = self.scan.position();
        if token != b'{' {
            return Err(place.name(self.scan.mismatch(start, "an object with \"@type\"")));
        }
        let Some((url, at)) = self.type_url(place)? else {
            return self.empty_any(place, start);
        };
        let Some(id) = super::any::resolve(self.schema, &url) else {
            if self.options.opaque_any {
                return self.opaque_any(&url, at, place);
            }
            let place = place.child(Step::Field("@type"));
            let error = self.scan.mismatch(start, "the URL of a type that is known here");
            return Err(place.name(error.got_text(&url)));
        };
        put_len_field(&mut self.out, 1, url.as_bytes());
        put_tag(&mut self.out, 2, WireType::Len);
        let content = begin_len(&mut self.out);
        if self.schema.message(id).well_known.is_special() || self.is_empty_type(id) {
            self.any_value(id, at, place)?;
        } else {
            self.object(self.schema.message(id), place, None, Some(at))?;
        }
        if self.out.len() == content {
            // an empty value is not written at all
            self.out.truncate(content - 2);
        } else {
            end_len(&mut self.out, content);
        }
        Ok(())
    }

    /// `google.protobuf.Empty` inside `Any` may be written with a `value` or without.
    fn is_empty_type(&self, id: MessageId) -> bool {
        &*self.schema.message(id).full_name == "google.protobuf.Empty"
    }

    /// `{"@type": …, "value": …}`: the form of an `Any` whose type has a JSON form of its own.
    fn any_value(&mut self, id: MessageId, at: usize, place: &Trail<'_>) -> Scan<()> {
        let read = |this: &mut Self, value: &Trail<'_>| this.message(id, value, None);
        let other = |this: &mut Self, name: &str, start: usize| {
            this.unknown_field(this.schema.message(id), name, start, place)
        };
        let found = self.type_and_value(at, place, read, other)?;
        if !found && !self.is_empty_type(id) {
            let position = self.scan.position();
            let error = self.scan.mismatch(position, "a member \"value\" beside \"@type\"");
            return Err(place.name(error.got("none")));
        }
        Ok(())
    }
}

/// The fields of a Timestamp or a Duration.
pub(crate) fn put_moment(out: &mut Vec<u8>, seconds: i64, nanos: i32) {
    if seconds != 0 {
        put_tag(out, 1, WireType::Varint);
        put_varint(out, seconds.cast_unsigned());
    }
    if nanos != 0 {
        put_tag(out, 2, WireType::Varint);
        scalar::put_int32(out, nanos);
    }
}

/// The paths of a `FieldMask` from their JSON form; nothing when one is not of that form.
pub(crate) fn put_mask(out: &mut Vec<u8>, text: &str) -> Option<()> {
    if text.is_empty() {
        return Some(());
    }
    for path in text.split(',') {
        put_len_field(out, 1, forms::mask_to_snake(path)?.as_bytes());
    }
    Some(())
}
