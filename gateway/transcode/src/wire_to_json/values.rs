//! Values as they come off the wire, and their JSON text.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "the wire format is made of bit patterns"
)]

use super::{Print, Printer, text};
use crate::schema::{Field, Kind, Shape, WellKnown};
use crate::wire::{Reader, WireFault, WireType, unzigzag};

/// A value before its type is applied.
#[derive(Debug, Clone, Copy)]
pub(super) enum Raw<'a> {
    Bits(u64),
    Bytes(&'a [u8]),
}

impl<'s> Printer<'s, '_> {
    /// Reads one occurrence; nothing when it counts as an unknown field: another wire type, or a number that a closed
    /// enum does not have.
    pub(super) fn raw<'a>(
        &self,
        field: &Field,
        wire: WireType,
        reader: &mut Reader<'a>,
    ) -> Print<Option<Raw<'a>>> {
        if wire != field.kind.wire_type() {
            reader.skip(field.number, wire, self.depth)?;
            return Ok(None);
        }
        let raw = match wire {
            WireType::StartGroup => Raw::Bytes(reader.group(field.number, self.depth)?),
            _ => bare(wire, reader)?,
        };
        Ok(Some(raw).filter(|raw| self.known(field.kind, *raw)))
    }

    /// Whether a closed enum has the number.
    pub(super) fn known(&self, kind: Kind, raw: Raw<'_>) -> bool {
        match (kind, raw) {
            (Kind::Enum(id), Raw::Bits(bits)) => {
                let entry = self.schema.enumeration(id);
                entry.open || entry.by_number(bits as i32).is_some()
            }
            _ => true,
        }
    }

    /// A singular field; a default without presence is not printed unless it must be.
    pub(super) fn single(&mut self, field: &'s Field, raw: Raw<'_>) -> Print<()> {
        if !field.presence && !self.always(field) && is_default(field.kind, raw) {
            return Ok(());
        }
        self.key(field);
        self.value(field.kind, raw)
    }

    /// Elements of a repeated or map field: one, or a packed record of many.
    pub(super) fn elements(
        &mut self,
        field: &'s Field,
        wire: WireType,
        reader: &mut Reader<'_>,
        open: &mut bool,
    ) -> Print<()> {
        if field.shape == Shape::Map {
            return self.map_occurrence(field, wire, reader, open);
        }
        if wire == WireType::Len && field.kind.packable() {
            let mut packed = Reader::new(reader.len_slice()?);
            while !packed.is_empty() {
                let raw = bare(field.kind.wire_type(), &mut packed)?;
                self.element(field, raw, open)?;
            }
            return Ok(());
        }
        match self.raw(field, wire, reader)? {
            Some(raw) => self.element(field, raw, open),
            None => Ok(()),
        }
    }

    fn element(&mut self, field: &'s Field, raw: Raw<'_>, open: &mut bool) -> Print<()> {
        if !self.known(field.kind, raw) {
            return Ok(());
        }
        if *open {
            self.out.push(b',');
        } else {
            self.key(field);
            self.out.push(b'[');
            *open = true;
        }
        self.value(field.kind, raw)
    }

    /// One value's text.
    pub(super) fn value(&mut self, kind: Kind, raw: Raw<'_>) -> Print<()> {
        match raw {
            Raw::Bits(bits) => self.number(kind, bits),
            Raw::Bytes(bytes) => match kind {
                Kind::String => text::quote_bytes(self.out, bytes).ok_or(WireFault::Utf8)?,
                Kind::Message(id) | Kind::Group(id) => return self.message(id, bytes),
                _ => text::base64(self.out, bytes),
            },
        }
        Ok(())
    }

    fn number(&mut self, kind: Kind, bits: u64) {
        let out = &mut *self.out;
        match kind {
            Kind::Int32 | Kind::Sfixed32 => text::integer(out, bits as i32),
            Kind::Uint32 | Kind::Fixed32 => text::integer(out, bits as u32),
            Kind::Sint32 => text::integer(out, unzigzag(u64::from(bits as u32)) as i32),
            Kind::Int64 | Kind::Sfixed64 => text::quoted_integer(out, bits as i64),
            Kind::Sint64 => text::quoted_integer(out, unzigzag(bits)),
            Kind::Bool => out.extend_from_slice(if bits == 0 { b"false" } else { b"true" }),
            Kind::Double => text::float(out, f64::from_bits(bits)),
            Kind::Float => text::float(out, f32::from_bits(bits as u32)),
            Kind::Enum(id) => {
                let entry = self.schema.enumeration(id);
                match entry.by_number(bits as i32) {
                    _ if entry.is_null => out.extend_from_slice(b"null"),
                    Some(value) => value.quoted.append(out),
                    None => text::integer(out, bits as i32),
                }
            }
            _ => text::quoted_integer(out, bits),
        }
    }

    /// The text of a field that is not set and printed all the same: null for what tells unset from empty.
    pub(super) fn empty(&mut self, field: &'s Field) -> Print<()> {
        match (field.shape, field.kind.message()) {
            (Shape::Repeated, _) => self.out.extend_from_slice(b"[]"),
            (Shape::Map, _) => self.out.extend_from_slice(b"{}"),
            (Shape::Single, Some(id)) => return self.empty_message(id),
            (Shape::Single, None) if field.presence => self.out.extend_from_slice(b"null"),
            (Shape::Single, None) => {
                let bytes = matches!(field.kind, Kind::String | Kind::Bytes);
                return self.value(field.kind, if bytes { Raw::Bytes(&[]) } else { Raw::Bits(0) });
            }
        }
        Ok(())
    }

    fn empty_message(&mut self, id: crate::schema::MessageId) -> Print<()> {
        /// Types that contain themselves would fill for ever.
        const MOST_LEVELS: u32 = 8;
        let form: &[u8] = match self.schema.message(id).well_known {
            WellKnown::None | WellKnown::HttpBody if self.filling < MOST_LEVELS => {
                self.filling += 1;
                self.message(id, &[])?;
                self.filling -= 1;
                return Ok(());
            }
            WellKnown::None | WellKnown::HttpBody | WellKnown::Any | WellKnown::Struct => b"{}",
            WellKnown::ListValue => b"[]",
            WellKnown::FieldMask => b"\"\"",
            _ => b"null",
        };
        self.out.extend_from_slice(form);
        Ok(())
    }
}

/// One value that is no group.
pub(super) fn bare<'a>(wire: WireType, reader: &mut Reader<'a>) -> Result<Raw<'a>, WireFault> {
    Ok(match wire {
        WireType::Varint => Raw::Bits(reader.varint()?),
        WireType::Fixed64 => Raw::Bits(reader.fixed64()?),
        WireType::Fixed32 => Raw::Bits(reader.fixed32()?.into()),
        WireType::Len => Raw::Bytes(reader.len_slice()?),
        WireType::StartGroup | WireType::EndGroup => return Err(WireFault::WireType),
    })
}

/// Whether a value is its kind's default, once it is cut to the kind's width.
fn is_default(kind: Kind, raw: Raw<'_>) -> bool {
    match raw {
        Raw::Bytes(bytes) => bytes.is_empty(),
        Raw::Bits(bits) => match kind {
            Kind::Int32 | Kind::Uint32 | Kind::Sint32 | Kind::Enum(_) => bits as u32 == 0,
            _ => bits == 0,
        },
    }
}
