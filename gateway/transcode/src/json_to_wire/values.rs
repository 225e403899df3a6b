//! Scalars: the quick spelling first, every other spelling that denotes the same value after it.

use super::Encoder;
use crate::json::{Scan, number};
use crate::rules::UnknownFields;
use crate::scalar::{self, TextStyle};
use crate::schema::{EnumId, Kind};
use crate::wire::{begin_len, end_len, put_varint};

impl Encoder<'_, '_> {
    /// One scalar or enum; false when an unknown enum word was dropped.
    pub(super) fn scalar(&mut self, kind: Kind) -> Scan<bool> {
        let token = self.scan.next_token();
        match kind {
            Kind::String => self.text(token)?,
            Kind::Bool => self.boolean(token)?,
            Kind::Double | Kind::Float => self.floating(kind, token)?,
            Kind::Enum(id) => return self.enumeration(id, token),
            Kind::Bytes => self.quoted(kind, token)?,
            _ => self.integer(kind, token)?,
        }
        Ok(true)
    }

    fn text(&mut self, token: u8) -> Scan<()> {
        if token != b'"' {
            return Err(self.refuse(Kind::String));
        }
        let content = begin_len(&mut self.out);
        self.scan.string_into(&mut self.out)?;
        end_len(&mut self.out, content);
        Ok(())
    }

    fn boolean(&mut self, token: u8) -> Scan<()> {
        let word = match token {
            b't' => "true",
            b'f' => "false",
            _ => return Err(self.refuse(Kind::Bool)),
        };
        self.scan.literal(word)?;
        self.out.push(u8::from(token == b't'));
        Ok(())
    }

    fn integer(&mut self, kind: Kind, token: u8) -> Scan<()> {
        if token == b'"' {
            return self.quoted(kind, token);
        }
        let start = self.scan.position();
        let value = match self.scan.plain_integer() {
            Some(value) => Some(i128::from(value)),
            None if matches!(token, b'-' | b'0'..=b'9') => number::integer(self.scan.number()?),
            None => return Err(self.refuse(kind)),
        };
        match value.and_then(|v| scalar::put_integer(kind, v, &mut self.out)) {
            Some(()) => Ok(()),
            None => Err(self.scan.mismatch(start, scalar::expected(self.schema, kind))),
        }
    }

    fn floating(&mut self, kind: Kind, token: u8) -> Scan<()> {
        if token == b'"' {
            return self.quoted(kind, token);
        }
        if !matches!(token, b'-' | b'0'..=b'9') {
            return Err(self.refuse(kind));
        }
        let start = self.scan.position();
        let text = self.scan.number()?;
        let written = if kind == Kind::Float {
            number::float(text).map(|v| self.out.extend_from_slice(&v.to_le_bytes()))
        } else {
            number::double(text).map(|v| self.out.extend_from_slice(&v.to_le_bytes()))
        };
        written.ok_or_else(|| self.scan.mismatch(start, scalar::expected(self.schema, kind)))
    }

    /// A value whose text stands in quotes.
    fn quoted(&mut self, kind: Kind, token: u8) -> Scan<()> {
        if token != b'"' {
            return Err(self.refuse(kind));
        }
        let start = self.scan.position();
        let text = self.scan.string()?;
        scalar::put_text(self.schema, kind, &text, TextStyle::default(), &mut self.out)
            .map_err(|expected| self.scan.mismatch(start, expected))
    }

    fn enumeration(&mut self, id: EnumId, token: u8) -> Scan<bool> {
        let start = self.scan.position();
        match token {
            b'"' => {
                let word = self.scan.string()?;
                match self.schema.enumeration(id).by_name(&word) {
                    Some(value) => scalar::put_int32(&mut self.out, value.number),
                    None if self.options.unknown == UnknownFields::Ignore => return Ok(false),
                    None => return Err(self.unknown_word(id, start)),
                }
            }
            b'n' if self.is_null_enum(id) => {
                self.scan.literal("null")?;
                put_varint(&mut self.out, 0);
            }
            b'-' | b'0'..=b'9' => {
                let text = self.scan.number()?;
                let number = number::integer(text).and_then(|v| i32::try_from(v).ok());
                let entry = self.schema.enumeration(id);
                match number {
                    Some(n) if entry.open || entry.by_number(n).is_some() => {
                        scalar::put_int32(&mut self.out, n);
                    }
                    _ => return Err(self.unknown_word(id, start)),
                }
            }
            _ => return Err(self.refuse(Kind::Enum(id))),
        }
        Ok(true)
    }

    fn unknown_word(&self, id: EnumId, start: usize) -> crate::error::RequestError {
        self.scan.mismatch(start, scalar::expected(self.schema, Kind::Enum(id)))
    }

    /// The value at the position is not one of `kind`.
    fn refuse(&self, kind: Kind) -> crate::error::RequestError {
        self.scan.mismatch(self.scan.position(), scalar::expected(self.schema, kind))
    }
}
