//! JSON strings: found by words of eight bytes, copied in one piece when nothing is escaped.

use std::borrow::Cow;

use super::{Scan, Scanner};
use crate::error::{RequestError, RequestErrorKind as K};

impl<'i> Scanner<'i> {
    /// A string's content; borrowed when it has no escapes.
    pub(crate) fn string(&mut self) -> Scan<Cow<'i, str>> {
        self.open_quote()?;
        let start = self.pos;
        self.pos += plain_prefix(self.rest());
        if self.peek() == b'"' {
            let text = self.slice(start, self.pos);
            self.pos += 1;
            return Ok(Cow::Borrowed(text));
        }
        let mut out = self.slice(start, self.pos).as_bytes().to_vec();
        self.escaped(&mut out)?;
        // the input is UTF-8 and escapes append whole characters, so nothing is replaced
        Ok(Cow::Owned(String::from_utf8(out).unwrap_or_default()))
    }

    /// Appends a string's content to `out`.
    pub(crate) fn string_into(&mut self, out: &mut Vec<u8>) -> Scan<()> {
        self.open_quote()?;
        let plain = plain_prefix(self.rest());
        out.extend_from_slice(self.rest().get(..plain).unwrap_or_default());
        self.pos += plain;
        if self.peek() == b'"' {
            self.pos += 1;
            return Ok(());
        }
        self.escaped(out)
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

    /// The rest of a string from its first byte that is not plain.
    fn escaped(&mut self, out: &mut Vec<u8>) -> Scan<()> {
        loop {
            match self.peek() {
                b'"' => {
                    self.pos += 1;
                    return Ok(());
                }
                b'\\' => self.escape(out)?,
                _ => return Err(self.unexpected("a character or the closing quote of the string")),
            }
            let plain = plain_prefix(self.rest());
            out.extend_from_slice(self.rest().get(..plain).unwrap_or_default());
            self.pos += plain;
        }
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

/// How many bytes come before the first quote, backslash or control character.
#[inline]
pub(crate) fn plain_prefix(bytes: &[u8]) -> usize {
    let mut done = 0;
    while let Some(word) = bytes.get(done..).and_then(<[u8]>::first_chunk::<8>) {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return done + (special.trailing_zeros() / 8) as usize;
        }
        done += 8;
    }
    let tail = bytes.get(done..).unwrap_or_default();
    done + tail.iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f)).unwrap_or(tail.len())
}

/// The high bit of the first byte (and maybe of later ones) that is a quote, a backslash or a control character.
#[inline]
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zero_in = |x: u64| x.wrapping_sub(ONES) & !x;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (control | zero_in(word ^ (ONES * 0x22)) | zero_in(word ^ (ONES * 0x5c))) & HIGH
}
