//! JSON strings: found by blocks of bytes, copied in one piece when nothing is escaped.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use super::{Scan, Scanner};
use crate::block::{BLOCK, append, append_block, first_special, plain_prefix};
use crate::error::{RequestError, RequestErrorKind as K};
use crate::wire::{Span, begin_len, begin_wide_len, end_guessed_len, end_len, put_varint};

impl<'i> Scanner<'i> {
    /// The content of a string without escapes, stepped over; nothing (and no step) for everything else.
    #[inline]
    pub(crate) fn plain_string(&mut self) -> Option<&'i str> {
        let start = self.position() + 1;
        let content = self.plain_span()?;
        Some(self.slice(start, start + content.len()))
    }

    /// As [`Self::plain_string`], as bytes.
    #[inline]
    pub(crate) fn plain_span(&mut self) -> Option<Span<'i>> {
        let content = self.ahead.rest().after(b'"')?;
        let len = plain_prefix(content.bytes());
        content.skip(len).after(b'"')?;
        self.step(len + 2);
        Some(content.first(len))
    }

    /// As [`Reader::short_string`](crate::wire::Reader::short_string).
    #[inline(always)]
    pub(crate) fn short_string(&mut self) -> Option<(&'i [u8; BLOCK], usize)> {
        self.ahead.short_string()
    }

    /// As [`Reader::short_string_behind`](crate::wire::Reader::short_string_behind).
    #[inline(always)]
    pub(crate) fn short_string_behind(&mut self, mark: u8) -> Option<(&'i [u8; BLOCK], usize)> {
        self.ahead.short_string_behind(mark)
    }

    /// Appends the length and the content of a string.
    #[inline(never)]
    pub(crate) fn text_into(&mut self, out: &mut Vec<u8>) -> Scan<()> {
        let Some(content) = self.ahead.rest().after(b'"') else { return self.open_quote() };
        if content.block().is_some_and(|block| block.get(first_special(block)) == Some(&b'\\')) {
            // most strings with an escape so early are short
            let start = begin_len(out);
            self.bump();
            self.rest_into(out)?;
            end_len(out, start);
            return Ok(());
        }
        let len = plain_prefix(content.bytes());
        let plain = content.first(len);
        if content.skip(len).after(b'"').is_some() {
            put_varint(out, len as u64);
            append_span(out, plain);
            self.step(len + 2);
            return Ok(());
        }
        // a first piece of several hundred bytes promises a length of two bytes
        let width = if len < 64 { 1 } else { 2 };
        let start = begin_wide_len(out, width);
        append_span(out, plain);
        self.step(len + 1);
        self.rest_into(out)?;
        end_guessed_len(out, start, &mut { width });
        Ok(())
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
        self.rest_into(out)
    }

    /// Appends what is left of a string's content.
    #[inline(never)]
    fn rest_into(&mut self, out: &mut Vec<u8>) -> Scan<()> {
        while let Some(block) = self.ahead.rest().block() {
            let plain = first_special(block);
            append_block(out, block, plain);
            self.step(plain);
            match block.get(plain) {
                None => {}
                Some(b'"') => {
                    self.step(1);
                    return Ok(());
                }
                Some(b'\\') => self.escape(out)?,
                Some(_) => return Err(self.unexpected("a character or the closing quote of the string")),
            }
        }
        self.end_into(out)
    }

    /// As [`Self::rest_into`], where less than a block is left of the document.
    #[cold]
    fn end_into(&mut self, out: &mut Vec<u8>) -> Scan<()> {
        loop {
            let rest = self.rest();
            let plain = plain_prefix(rest);
            out.extend_from_slice(rest.get(..plain).unwrap_or_default());
            self.step(plain);
            match self.peek() {
                b'"' => {
                    self.step(1);
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
        self.step(1);
        Ok(())
    }

    /// The escape at the position.
    #[inline(always)]
    fn escape(&mut self, out: &mut Vec<u8>) -> Scan<()> {
        if let Some([_, kind, a, b, c, d, ..]) = self.ahead.rest().block() {
            let byte = escaped(*kind);
            if byte != 0 {
                append_block(out, &[byte], 1);
                self.step(2);
                return Ok(());
            }
            if *kind == b'u'
                && let Some((bytes, len)) = utf8([*a, *b, *c, *d])
            {
                append_block(out, &bytes, len);
                self.step(6);
                return Ok(());
            }
        }
        self.other_escape(out)
    }

    /// An escape of two units, one near the end of the document, or none.
    #[inline(never)]
    fn other_escape(&mut self, out: &mut Vec<u8>) -> Scan<()> {
        self.bump();
        let byte = escaped(self.peek());
        if byte == 0 {
            return if self.peek() == b'u' {
                self.unicode_escape(out)
            } else {
                Err(self.unexpected("an escape of JSON"))
            };
        }
        out.push(byte);
        self.bump();
        Ok(())
    }

    fn unicode_escape(&mut self, out: &mut Vec<u8>) -> Scan<()> {
        let start = self.position() - 1;
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
        let Some(unit) = hex(digits) else {
            self.step(1 + digits.iter().take_while(|digit| digit.is_ascii_hexdigit()).count());
            return Err(self.unexpected("a hexadecimal digit"));
        };
        self.step(5);
        Ok(unit)
    }
}

/// The number that four hexadecimal digits make.
#[inline]
fn hex(digits: [u8; 4]) -> Option<u32> {
    let nibble = |digit: u8| u32::from(NIBBLES.get(usize::from(digit)).copied().unwrap_or(NO_NIBBLE));
    let [a, b, c, d] = digits.map(nibble);
    ((a | b | c | d) < u32::from(NO_NIBBLE)).then_some(a << 12 | b << 8 | c << 4 | d)
}

/// The UTF-8 bytes of a character that is one unit of UTF-16, from its hexadecimal digits, and how many they are.
#[inline]
fn utf8(digits: [u8; 4]) -> Option<([u8; 4], usize)> {
    let unit = hex(digits)?;
    let low = 0x80 | unit & 0x3f;
    let (bytes, len) = match unit {
        0..0x80 => (unit, 1),
        0x80..0x800 => (0xc0 | unit >> 6 | low << 8, 2),
        0xd800..0xe000 => return None,
        _ => (0xe0 | unit >> 12 | (0x80 | unit >> 6 & 0x3f) << 8 | low << 16, 3),
    };
    Some((bytes.to_le_bytes(), len))
}

#[inline]
fn escaped(kind: u8) -> u8 {
    ESCAPES.get(usize::from(kind)).copied().unwrap_or_default()
}

/// What stands for a character behind a backslash; zero for what does not.
const ESCAPES: [u8; 256] = {
    let mut escapes = [0; 256];
    let pairs = *b"\"\"\\\\//b\x08f\x0cn\nr\rt\t";
    let mut at = 0;
    while at < pairs.len() {
        escapes[pairs[at] as usize] = pairs[at + 1];
        at += 2;
    }
    escapes
};

/// What is no hexadecimal digit.
const NO_NIBBLE: u8 = 16;

/// The values of hexadecimal digits.
const NIBBLES: [u8; 256] = {
    let mut nibbles = [NO_NIBBLE; 256];
    let mut value = 0_u8;
    while value < 16 {
        nibbles[b"0123456789abcdef"[value as usize] as usize] = value;
        nibbles[b"0123456789ABCDEF"[value as usize] as usize] = value;
        value += 1;
    }
    nibbles
};

/// Appends a piece of the document, which mostly is short.
#[inline]
fn append_span(out: &mut Vec<u8>, text: Span<'_>) {
    match text.double_block() {
        Some(block) if text.len() <= 2 * BLOCK => append_block(out, block, text.len()),
        _ => append(out, text.bytes()),
    }
}

fn lone_surrogate(at: usize) -> RequestError {
    RequestError::new(K::Syntax, "a pair of surrogates").at(at).got("a lone one")
}
