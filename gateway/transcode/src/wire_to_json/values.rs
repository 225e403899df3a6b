//! Values as they come off the wire, and their JSON text.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "the wire format is made of bit patterns"
)]
#![allow(
    clippy::inline_always,
    reason = "measured: a tenth less time where a field costs one call, not five"
)]

use super::{Print, Printer, mended, text};
use crate::program::InvalidUtf8;
use crate::schema::{Field, Kind, Shape, WellKnown};
use crate::wire::{Reader, Span, WireFault, WireType, unzigzag};

/// A value before its type is applied.
#[derive(Debug, Clone, Copy)]
pub(super) enum Raw<'a> {
    Bits(u64),
    Bytes(Span<'a>),
}

impl<'s> Printer<'s, '_> {
    /// Reads one occurrence; nothing when it counts as an unknown field: another wire type, or a number that a closed
    /// enum does not have.
    #[inline]
    pub(super) fn raw<'a>(
        &mut self,
        field: &Field,
        wire: WireType,
        reader: &mut Reader<'a>,
    ) -> Print<Option<Raw<'a>>> {
        if wire != field.wire {
            reader.skip(field.number, wire, self.depth)?;
            return Ok(None);
        }
        let raw = match wire {
            WireType::StartGroup => Raw::Bytes(self.whole_group(field, reader)?),
            _ => bare(wire, reader)?,
        };
        Ok(Some(raw).filter(|raw| self.known(field.kind, *raw)))
    }

    /// Whether a value counts: one of a closed enum must be among its numbers.
    #[inline]
    pub(super) fn known(&self, kind: Kind, raw: Raw<'_>) -> bool {
        match raw {
            Raw::Bits(bits) => self.has_number(kind, bits),
            Raw::Bytes(_) => true,
        }
    }

    #[inline]
    pub(super) fn has_number(&self, kind: Kind, bits: u64) -> bool {
        let Kind::Enum(id) = kind else { return true };
        let entry = self.schema.enumeration(id);
        entry.open || entry.by_number(bits as i32).is_some()
    }

    /// A singular field; a default without presence is not printed unless it must be.
    pub(super) fn single(&mut self, field: &'s Field, raw: Raw<'_>) -> Print<()> {
        let default = match raw {
            Raw::Bytes(bytes) => bytes.is_empty(),
            Raw::Bits(bits) => bits & field.significant == 0,
        };
        if default && !field.presence && !self.always(field) {
            return Ok(());
        }
        self.out.piece(&field.member);
        self.value(field.kind, raw)
    }

    /// Elements of a repeated field whose first tag is read: all that follow each other, each with a comma before it.
    #[inline(always)]
    pub(super) fn elements(
        &mut self,
        field: &'s Field,
        mut wire: WireType,
        reader: &mut Reader<'_>,
    ) -> Print<()> {
        loop {
            if field.wire == WireType::Len && wire == WireType::Len {
                let bytes = reader.span()?;
                self.out.byte(b',');
                self.bytes(field.kind, bytes)?;
            } else {
                self.element(field, wire, reader)?;
            }
            if !reader.eat(field.tag) {
                return Ok(());
            }
            wire = if field.packed { WireType::Len } else { field.wire };
        }
    }

    /// One occurrence of a repeated field: an element, or a packed record of many.
    pub(super) fn element(&mut self, field: &'s Field, wire: WireType, reader: &mut Reader<'_>) -> Print<()> {
        if wire == WireType::Len && field.kind.packable() {
            let mut packed = Reader::of(reader.span()?);
            while !packed.is_empty() {
                let bits = bits(field.wire, &mut packed)?;
                if self.has_number(field.kind, bits) {
                    self.out.byte(b',');
                    self.number(field.kind, bits);
                }
            }
            return Ok(());
        }
        if field.wire == WireType::StartGroup && wire == field.wire {
            self.out.byte(b',');
            return self.group(field, reader);
        }
        match self.raw(field, wire, reader)? {
            Some(raw) => {
                self.out.byte(b',');
                self.value(field.kind, raw)
            }
            None => Ok(()),
        }
    }

    /// A string. One that is not ASCII is checked when everything is printed, with all others at once.
    #[inline]
    pub(super) fn string(&mut self, bytes: Span<'_>) -> Print<()> {
        if self.each_string {
            return self.checked_string(bytes.bytes());
        }
        text::quote_bytes(&mut self.out, bytes, &mut self.beyond_ascii);
        Ok(())
    }

    /// A string of an answer that is not UTF-8 somewhere.
    #[cold]
    fn checked_string(&mut self, bytes: &[u8]) -> Print<()> {
        match self.options.invalid_utf8 {
            InvalidUtf8::Replace => text::quote(&mut self.out, &mended(bytes.into())),
            InvalidUtf8::Refuse => {
                text::quote(&mut self.out, std::str::from_utf8(bytes).map_err(|_| WireFault::Utf8)?);
            }
        }
        Ok(())
    }

    /// One value's text.
    #[inline]
    pub(super) fn value(&mut self, kind: Kind, raw: Raw<'_>) -> Print<()> {
        match raw {
            Raw::Bits(bits) => self.number(kind, bits),
            Raw::Bytes(bytes) => self.bytes(kind, bytes)?,
        }
        Ok(())
    }

    #[inline(always)]
    pub(super) fn bytes(&mut self, kind: Kind, bytes: Span<'_>) -> Print<()> {
        match kind {
            Kind::String => self.string(bytes),
            Kind::Message(id) | Kind::Group(id) => self.message(id, bytes),
            _ => {
                text::base64(&mut self.out, bytes.bytes());
                Ok(())
            }
        }
    }

    #[inline]
    pub(super) fn number(&mut self, kind: Kind, bits: u64) {
        let out = &mut self.out;
        match kind {
            Kind::Int32 | Kind::Sfixed32 => text::integer(out, (bits as i32).into()),
            Kind::Uint32 | Kind::Fixed32 => text::unsigned(out, (bits as u32).into()),
            Kind::Sint32 => text::integer(out, (unzigzag((bits as u32).into()) as i32).into()),
            Kind::Int64 | Kind::Sfixed64 => text::quoted_integer(out, bits as i64),
            Kind::Sint64 => text::quoted_integer(out, unzigzag(bits)),
            Kind::Bool if bits == 0 => out.array(b"false"),
            Kind::Bool => out.array(b"true"),
            Kind::Double => text::float(out, f64::from_bits(bits)),
            Kind::Float => text::float(out, f32::from_bits(bits as u32)),
            Kind::Enum(id) => {
                let entry = self.schema.enumeration(id);
                match entry.by_number(bits as i32) {
                    _ if entry.is_null => out.array(b"null"),
                    Some(value) => out.piece(&value.quoted),
                    None => text::integer(out, (bits as i32).into()),
                }
            }
            _ => text::quoted_unsigned(out, bits),
        }
    }

    /// The text of a field that is not set and printed all the same: null for what tells unset from empty.
    pub(super) fn empty(&mut self, field: &'s Field) -> Print<()> {
        match (field.shape, field.kind.message()) {
            (Shape::Repeated, _) => self.out.array(b"[]"),
            (Shape::Map, _) => self.out.array(b"{}"),
            (Shape::Single, Some(id)) => return self.empty_message(id),
            (Shape::Single, None) if field.presence => self.out.array(b"null"),
            (Shape::Single, None) => {
                let bytes = matches!(field.kind, Kind::String | Kind::Bytes);
                return self.value(field.kind, if bytes { Raw::Bytes(Span::EMPTY) } else { Raw::Bits(0) });
            }
        }
        Ok(())
    }

    /// A type is filled once on each way down, and all ways together have an end: types that contain each other would
    /// fill for ever.
    fn empty_message(&mut self, id: crate::schema::MessageId) -> Print<()> {
        const MOST: u32 = 1_000;
        let message = self.schema.message(id);
        let form: &[u8] = match message.well_known {
            WellKnown::None | WellKnown::HttpBody
                if self.filled < MOST && !self.filling.iter().any(|above| std::ptr::eq(*above, message)) =>
            {
                self.filled += 1;
                // what was read at the limit is printed, with all that must be in it
                self.depth += 1;
                self.message(id, Span::EMPTY)?;
                self.depth -= 1;
                return Ok(());
            }
            WellKnown::None | WellKnown::HttpBody | WellKnown::Any | WellKnown::Struct => b"{}",
            WellKnown::ListValue => b"[]",
            WellKnown::FieldMask => b"\"\"",
            _ => b"null",
        };
        self.out.bytes(form);
        Ok(())
    }
}

/// One value that is no group.
#[inline(always)]
pub(super) fn bare<'a>(wire: WireType, reader: &mut Reader<'a>) -> Result<Raw<'a>, WireFault> {
    match wire {
        WireType::Len => reader.span().map(Raw::Bytes),
        _ => bits(wire, reader).map(Raw::Bits),
    }
}

/// One value that is a number.
#[inline(always)]
pub(super) fn bits(wire: WireType, reader: &mut Reader<'_>) -> Result<u64, WireFault> {
    match wire {
        WireType::Varint => reader.varint(),
        WireType::Fixed64 => reader.fixed64(),
        WireType::Fixed32 => reader.fixed32().map(u64::from),
        _ => Err(WireFault::WireType),
    }
}
