//! JSON strings: found by blocks of bytes, copied in one piece when nothing is escaped.

use std::borrow::Cow;

use super::{Scan, Scanner};
use crate::block::{append, append_front, plain_prefix};
use crate::error::{RequestError, RequestErrorKind as K};
use crate::wire::put_varint;

impl<'i> Scanner<'i> {
    /// The content of a string without escapes, stepped over; nothing (and no step) for everything else.
    #[inline]
    pub(crate) fn plain_string(&mut self) -> Option<&'i str> {
        let (start, len) = self.plain_span()?;
        Some(self.slice(start, start + len))
    }

    /// As [`Self::plain_string`]: where the content stands and its length.
    #[inline]
    fn plain_span(&mut self) -> Option<(usize, usize)> {
        let content = self.rest().strip_prefix(b"\"")?;
        let len = plain_prefix(content);
        if content.get(len) != Some(&b'"') {
            return None;
        }
        let start = self.pos + 1;
        self.pos = start + len + 1;
        Some((start, len))
    }

    /// Appends the length and the content of a string without escapes, as [`Self::plain_string`] finds it.
    #[inline]
    pub(crate) fn plain_string_into(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let (start, len) = self.plain_span()?;
        put_varint(out, len as u64);
        append_front(out, self.text.as_bytes().get(start..).unwrap_or_default(), len);
        Some(())
    }

    /// How many bytes come before the first special one of the string that begins here.
    pub(crate) fn plain_ahead(&self) -> usize {
        self.rest().get(1..).map_or(0, plain_prefix)
    }

    /// A string's content; borrowed when it has no escapes.
    #[inline]
    pub(crate) fn string(&mut self) -> Scan<Cow<'i, str>> {
        if let Some(text) = self.plain_string() {
            return Ok(Cow::Borrowed(text));
        }
        self.escaped_string().map(Cow::Owned)
    }

    #[inline(never)]
    fn escaped_string(&mut self) -> Scan<String> {
        let mut out = Vec::new();
        self.string_into(&mut out)?;
        // the input is UTF-8 and escapes append whole characters, so nothing is replaced
        Ok(String::from_utf8(out).unwrap_or_default())
    }

    /// Appends a string's content to `out`.
    #[inline(never)]
    pub(crate) fn string_into(&mut self, out: &mut Vec<u8>) -> Scan<()> {
        self.open_quote()?;
        loop {
            let plain = plain_prefix(self.rest());
            append(out, self.rest().get(..plain).unwrap_or_default());
            self.pos += plain;
            match self.peek() {
                b'"' => {
                    self.pos += 1;
                    return Ok(());
                }
                b'\\' => self.escape(out)?,
                _ => return Err(self.unexpected("a character or the closing quote of the string")),
            }
        }
    }

    pub(crate) fn skip_string(&mut self) -> Scan<()> {
        self.string().map(drop)
    }

    fn open_quote(&mut self) -> Scan<()> {
        if self.peek() != b'"' {
            return Err(self.unexpected("a string in double quotes"));
        }
        self.pos += 1;
        Ok(())
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Scan<()> {
        self.pos += 1;
        let byte = match self.peek() {
            b'u' => return self.unicode_escape(out),
            byte @ (b'"' | b'\\' | b'/') => byte,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            _ => return Err(self.unexpected("an escape of JSON")),
        };
        out.push(byte);
        self.pos += 1;
        Ok(())
    }

    fn unicode_escape(&mut self, out: &mut Vec<u8>) -> Scan<()> {
        let start = self.pos - 1;
        let first = self.hex_unit()?;
        let code = match first {
            0xd800..=0xdbff if self.eat(b"\\") => match self.hex_unit()? {
                low @ 0xdc00..=0xdfff => 0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00),
                _ => return Err(lone_surrogate(start)),
            },
            other => other,
        };
        let c = char::from_u32(code).ok_or_else(|| lone_surrogate(start))?;
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    /// `uXXXX` as a number.
    fn hex_unit(&mut self) -> Scan<u32> {
        let digits = match self.rest() {
            [b'u', a, b, c, d, ..] => [*a, *b, *c, *d],
            _ => return Err(self.unexpected("an escape of the form \\uXXXX")),
        };
        let mut value = 0;
        for (i, digit) in (1..).zip(digits) {
            let Some(nibble) = char::from(digit).to_digit(16) else {
                self.pos += i;
                return Err(self.unexpected("a hexadecimal digit"));
            };
            value = value << 4 | nibble;
        }
        self.pos += 5;
        Ok(value)
    }
}

fn lone_surrogate(at: usize) -> RequestError {
    RequestError::new(K::Syntax, "a pair of surrogates").at(at).got("a lone one")
}
