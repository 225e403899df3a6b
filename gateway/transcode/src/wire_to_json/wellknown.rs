//! Well-known types that have a JSON form of their own.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "the wire format is made of bit patterns"
)]

use std::borrow::Cow;

use super::map_index::MapIndex;
use super::values::Raw;
use super::{Print, Printer, Stop, text};
use crate::json_to_wire::any::resolve;
use crate::pen::Pen;
use crate::schema::{Field, MessageId, WellKnown};
use crate::wellknown as forms;
use crate::wire::{Reader, Span, WireFault, WireType};

impl Printer<'_, '_> {
    /// A message whose JSON form is its own, which decides whether it takes a level.
    pub(super) fn well_known(&mut self, id: MessageId, wire: Span<'_>) -> Print<()> {
        match self.schema.message(id).well_known {
            WellKnown::Any => self.any(wire),
            WellKnown::Timestamp => self.moment(wire, forms::write_timestamp),
            WellKnown::Duration => self.moment(wire, forms::write_duration),
            WellKnown::FieldMask => self.mask(wire),
            WellKnown::Struct => self.structure(id, wire),
            WellKnown::ListValue => self.list(id, wire),
            WellKnown::Value => self.dynamic(id, wire),
            WellKnown::Wrapper => self.wrapper(id, wire),
            WellKnown::None | WellKnown::HttpBody => Ok(()),
        }
    }

    fn moment(&mut self, wire: Span<'_>, write: fn(&mut Pen<'_>, i64, i32) -> Option<()>) -> Print<()> {
        let (mut seconds, mut nanos) = (0_i64, 0_i32);
        let mut reader = Reader::of(wire);
        while !reader.is_empty() {
            match reader.tag()? {
                (1, WireType::Varint) => seconds = reader.varint()? as i64,
                (2, WireType::Varint) => nanos = reader.varint()? as i32,
                (number, other) => reader.skip(number, other, self.depth)?,
            }
        }
        self.out.byte(b'"');
        write(&mut self.out, seconds, nanos).ok_or(WireFault::Range)?;
        self.out.byte(b'"');
        Ok(())
    }

    /// Each occurrence of a length-delimited field, in wire order.
    fn each<'w>(
        &mut self,
        wire: Span<'w>,
        wanted: u32,
        mut take: impl FnMut(&mut Self, Span<'w>) -> Print<()>,
    ) -> Print<()> {
        let mut reader = Reader::of(wire);
        while !reader.is_empty() {
            match reader.tag()? {
                (number, WireType::Len) if number == wanted => {
                    let slice = reader.span()?;
                    take(self, slice)?;
                }
                (number, other) => reader.skip(number, other, self.depth)?,
            }
        }
        Ok(())
    }

    fn mask(&mut self, wire: Span<'_>) -> Print<()> {
        self.out.byte(b'"');
        let mut first = true;
        self.each(wire, 1, |printer, path| {
            let path = std::str::from_utf8(path.bytes()).map_err(|_| WireFault::Utf8)?;
            if !std::mem::take(&mut first) {
                printer.out.byte(b',');
            }
            Ok(forms::mask_to_camel(&mut printer.out, path).ok_or(WireFault::Range)?)
        })?;
        self.out.byte(b'"');
        Ok(())
    }

    fn structure(&mut self, id: MessageId, wire: Span<'_>) -> Print<()> {
        let schema = self.schema;
        let Some((_, fields)) = schema.message(id).by_number(1) else { return Ok(()) };
        let start = self.open()?;
        if self.indexed {
            self.structure_indexed(fields, wire)?;
        } else {
            let mut reader = Reader::of(wire);
            let mut runs = 0;
            while !reader.is_empty() {
                match reader.tag()? {
                    (1, kind) => {
                        runs += 1;
                        self.entries(fields, kind, &mut reader)?;
                    }
                    (number, other) => reader.skip(number, other, self.depth)?,
                }
            }
            // each run has looked for keys that repeat within it only
            if runs > 1 {
                return Err(Stop::OutOfOrder);
            }
        }
        self.close(start, *b"{}");
        Ok(())
    }

    fn structure_indexed(&mut self, fields: &Field, wire: Span<'_>) -> Print<()> {
        let Some(types) = self.map_types(fields) else { return Ok(()) };
        let mut index = MapIndex::new(types, wire.bytes());
        let mut reader = Reader::of(wire);
        while !reader.is_empty() {
            let (number, kind) = reader.tag()?;
            if (number, kind) == (1, WireType::Len) {
                self.index_entry(&mut index, wire.len() - reader.left())?;
            }
            reader.skip(number, kind, self.depth)?;
        }
        self.indexed_entries(index)
    }

    fn list(&mut self, id: MessageId, wire: Span<'_>) -> Print<()> {
        let schema = self.schema;
        let Some((_, values)) = schema.message(id).by_number(1) else { return Ok(()) };
        let start = self.open()?;
        self.each(wire, 1, |printer, element| {
            printer.out.byte(b',');
            printer.value(values.kind, Raw::Bytes(element))
        })?;
        self.close(start, *b"[]");
        Ok(())
    }

    /// `Value`: the member that was set last; null when there is none.
    fn dynamic(&mut self, id: MessageId, wire: Span<'_>) -> Print<()> {
        let schema = self.schema;
        let mut found: Option<(&Field, Raw<'_>)> = None;
        let mut merged: Cow<'_, [u8]> = Cow::Borrowed(&[]);
        let mut reader = Reader::of(wire);
        while !reader.is_empty() {
            let (number, kind) = reader.tag()?;
            let Some((_, field)) = schema.message(id).by_number(number) else {
                reader.skip(number, kind, self.depth)?;
                continue;
            };
            let Some(raw) = self.raw(field, kind, &mut reader)? else { continue };
            if let Raw::Bytes(bytes) = raw {
                let again = found.is_some_and(|(before, _)| before.number == number);
                if again {
                    let before = if matches!(merged, Cow::Borrowed(_)) { merged.len() } else { 0 };
                    self.again(before + bytes.len())?;
                    merged.to_mut().extend_from_slice(bytes.bytes());
                } else {
                    merged = Cow::Borrowed(bytes.bytes());
                }
            }
            found = Some((field, raw));
        }
        match found {
            None => self.out.array(b"null"),
            Some((field, _)) if field.kind.message().is_some() => {
                return self.value(field.kind, Raw::Bytes(merged[..].into()));
            }
            Some((field, raw)) => {
                if let (2, Raw::Bits(bits)) = (field.number, raw)
                    && !f64::from_bits(bits).is_finite()
                {
                    return Err(WireFault::Range.into());
                }
                return self.value(field.kind, raw);
            }
        }
        Ok(())
    }

    fn wrapper(&mut self, id: MessageId, wire: Span<'_>) -> Print<()> {
        let schema = self.schema;
        let Some((_, field)) = schema.message(id).by_number(1) else { return Ok(()) };
        let mut last = None;
        let mut reader = Reader::of(wire);
        while !reader.is_empty() {
            match reader.tag()? {
                (1, kind) => last = self.raw(field, kind, &mut reader)?.or(last),
                (number, other) => reader.skip(number, other, self.depth)?,
            }
        }
        match last {
            Some(raw) => self.value(field.kind, raw),
            None => self.empty(field),
        }
    }

    fn any(&mut self, wire: Span<'_>) -> Print<()> {
        let (mut url, mut value): (&[u8], &[u8]) = (&[], &[]);
        let mut reader = Reader::of(wire);
        while !reader.is_empty() {
            match reader.tag()? {
                (1, WireType::Len) => url = reader.len_slice()?,
                (2, WireType::Len) => value = reader.len_slice()?,
                (number, other) => reader.skip(number, other, self.depth)?,
            }
        }
        if url.is_empty() && value.is_empty() {
            let start = self.open()?;
            self.close(start, *b"{}");
            return Ok(());
        }
        let url = std::str::from_utf8(url).map_err(|_| WireFault::Utf8)?;
        self.typed(url, value)
    }

    /// The JSON form of an `Any` from its parts.
    pub(crate) fn typed(&mut self, url: &str, value: &[u8]) -> Print<()> {
        let Some(id) = resolve(self.schema, url) else { return self.opaque(url, value) };
        let start = self.open()?;
        self.out.array(b",\"@type\":");
        text::quote(&mut self.out, url);
        let message = self.schema.message(id);
        if message.well_known.is_special() || &*message.full_name == "google.protobuf.Empty" {
            self.out.array(b",\"value\":");
            self.message(id, value.into())?;
        } else {
            self.members(message, value.into())?;
        }
        self.close(start, *b"{}");
        Ok(())
    }

    /// An `Any` of a type that is not known.
    fn opaque(&mut self, url: &str, value: &[u8]) -> Print<()> {
        if !self.options.opaque_any || url.is_empty() {
            return Err(WireFault::UnknownAny.into());
        }
        let start = self.open()?;
        self.out.array(b",\"@type\":");
        text::quote(&mut self.out, url);
        self.out.array(b",\"value\":");
        text::base64(&mut self.out, value);
        self.close(start, *b"{}");
        Ok(())
    }
}
