//! Scalars: the quick spelling first, every other spelling that denotes the same value after it.

#![allow(
    clippy::inline_always,
    reason = "measured: what tells the kinds apart costs less where the kind is told apart already"
)]

use super::Encoder;
use crate::json::{Scan, number};
use crate::rules::UnknownFields;
use crate::scalar::{self, TextStyle};
use crate::schema::{EnumId, Kind};
use crate::wire::put_varint;

impl Encoder<'_, '_> {
    /// One scalar or enum that begins with `token`; false when an unknown enum word was dropped.
    #[inline(always)]
    pub(super) fn scalar(&mut self, kind: Kind, token: u8) -> Scan<bool> {
        match kind {
            Kind::String if token == b'"' => self.scan.text_into(&mut self.out)?,
            Kind::String => return Err(self.refuse(Kind::String)),
            Kind::Bool => self.boolean(token)?,
            Kind::Double | Kind::Float => self.floating(kind, token)?,
            Kind::Enum(id) => return self.enumeration(id, token),
            Kind::Bytes => self.bytes(token)?,
            _ => self.integer(kind, token)?,
        }
        Ok(true)
    }

    #[inline(never)]
    fn boolean(&mut self, token: u8) -> Scan<()> {
        match token {
            b't' => self.scan.literal("true")?,
            b'f' => self.scan.literal("false")?,
            _ => return Err(self.refuse(Kind::Bool)),
        }
        self.out.push(u8::from(token == b't'));
        Ok(())
    }

    #[inline(never)]
    fn integer(&mut self, kind: Kind, token: u8) -> Scan<()> {
        let start = self.scan.position();
        let plain = if token == b'"' { self.scan.quoted_integer() } else { self.scan.plain_integer() };
        if plain.and_then(|value| scalar::put_int64(kind, value, &mut self.out)).is_some() {
            return Ok(());
        }
        self.scan.rewind(start);
        self.other_integer(kind)
    }

    /// An integer in a spelling that is rare, or a value that is none.
    #[inline(never)]
    fn other_integer(&mut self, kind: Kind) -> Scan<()> {
        let start = self.scan.position();
        let value = match self.scan.peek() {
            b'"' => return self.quoted(kind),
            b'-' | b'0'..=b'9' => number::integer(self.scan.number()?),
            _ => return Err(self.refuse(kind)),
        };
        match value.and_then(|v| scalar::put_integer(kind, v, &mut self.out)) {
            Some(()) => Ok(()),
            None => Err(self.scan.mismatch(start, scalar::expected(self.schema, kind))),
        }
    }

    #[inline(never)]
    fn floating(&mut self, kind: Kind, token: u8) -> Scan<()> {
        let start = self.scan.position();
        if let Some(plain) = self.scan.plain_decimal() {
            let exact = if kind == Kind::Float {
                plain.single().map(|v| self.out.extend_from_slice(&v.to_le_bytes()))
            } else {
                plain.double().map(|v| self.out.extend_from_slice(&v.to_le_bytes()))
            };
            if exact.is_some() {
                return Ok(());
            }
            self.scan.rewind(start);
        }
        match token {
            b'"' => self.quoted(kind),
            b'-' | b'0'..=b'9' => self.other_floating(kind),
            _ => Err(self.refuse(kind)),
        }
    }

    /// A number of many digits or with an exponent.
    #[inline(never)]
    fn other_floating(&mut self, kind: Kind) -> Scan<()> {
        let start = self.scan.position();
        let text = self.scan.number()?;
        let written = if kind == Kind::Float {
            number::float(text).map(|v| self.out.extend_from_slice(&v.to_le_bytes()))
        } else {
            number::double(text).map(|v| self.out.extend_from_slice(&v.to_le_bytes()))
        };
        written.ok_or_else(|| self.scan.mismatch(start, scalar::expected(self.schema, kind)))
    }

    #[inline(never)]
    fn bytes(&mut self, token: u8) -> Scan<()> {
        if token == b'"' {
            let (start, before) = (self.scan.position(), self.out.len());
            if let Some(text) = self.scan.plain_span()
                && scalar::put_base64(text.bytes(), &mut self.out).is_some()
            {
                return Ok(());
            }
            self.scan.rewind(start);
            self.out.truncate(before);
        }
        self.quoted(Kind::Bytes)
    }

    /// A value whose text stands in quotes.
    fn quoted(&mut self, kind: Kind) -> Scan<()> {
        if self.scan.next_token() != b'"' {
            return Err(self.refuse(kind));
        }
        let start = self.scan.position();
        let text = self.scan.string()?;
        scalar::put_text(self.schema, kind, &text, TextStyle::default(), &mut self.out)
            .map_err(|expected| self.scan.mismatch(start, expected))
    }

    #[inline(never)]
    fn enumeration(&mut self, id: EnumId, token: u8) -> Scan<bool> {
        if let Some(number) = self.common_word(id) {
            scalar::put_int32(&mut self.out, number);
            return Ok(true);
        }
        let start = self.scan.position();
        match token {
            b'"' => {
                let word = self.scan.string()?;
                match self.schema.enumeration(id).by_word(&word, self.options.any_case_enums) {
                    Some(value) => scalar::put_int32(&mut self.out, value.number),
                    None if self.options.unknown == UnknownFields::Ignore => {
                        self.dropped = true;
                        return Ok(false);
                    }
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

    /// A word of an enum that has few of them, stepped over: comparing with each costs less than looking one up.
    #[inline]
    fn common_word(&mut self, id: EnumId) -> Option<i32> {
        const FEW: usize = 8;
        let values = &self.schema.enumeration(id).values;
        let scan = &mut self.scan;
        values.iter().take(FEW).find(|value| scan.eat_piece(&value.quoted)).map(|value| value.number)
    }

    fn unknown_word(&self, id: EnumId, start: usize) -> crate::error::RequestError {
        self.scan.mismatch(start, scalar::expected(self.schema, Kind::Enum(id)))
    }

    /// The value at the position is not one of `kind`.
    #[cold]
    fn refuse(&self, kind: Kind) -> crate::error::RequestError {
        self.scan.mismatch(self.scan.position(), scalar::expected(self.schema, kind))
    }
}
