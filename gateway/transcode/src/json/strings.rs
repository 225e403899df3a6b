//! JSON strings: found by blocks of bytes, copied in one piece when nothing is escaped.

use std::borrow::Cow;

use super::{Scan, Scanner};
use crate::block::{BLOCK, append, append_block, first_special, plain_prefix};
use crate::error::{RequestError, RequestErrorKind as K};
use crate::wire::{Span, put_varint};

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
    fn plain_span(&mut self) -> Option<Span<'i>> {
        let content = self.ahead.rest().after(b'"')?;
        let len = match content.block().map(first_special) {
            Some(len) if len < BLOCK => len.min(content.len()),
            _ => plain_prefix(content.bytes()),
        };
        content.skip(len).after(b'"')?;
        self.step(len + 2);
        Some(content.first(len))
    }

    /// Appends the length and the content of a string without escapes, as [`Self::plain_string`] finds it.
    #[inline(always)]
    pub(crate) fn plain_string_into(&mut self, out: &mut Vec<u8>) -> Option<()> {
        // most strings end within a block
        if let Some(content) = self.ahead.rest().after(b'"')
            && let Some(block) = content.block()
        {
            let len = first_special(block);
            if len < content.len().min(BLOCK) && block[len] == b'"' {
                self.step(len + 2);
                out.reserve(BLOCK + 1);
                out.push(u8::try_from(len).unwrap_or_default());
                append_block(out, block, len);
                return Some(());
            }
        }
        self.long_string_into(out)
    }

    /// As [`Self::plain_string_into`], of any length.
    #[inline(never)]
    fn long_string_into(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let content = self.plain_span()?;
        put_varint(out, content.len() as u64);
        match content.double_block() {
            Some(block) if content.len() <= 2 * BLOCK => append_block(out, block, content.len()),
            _ => append(out, content.bytes()),
        }
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
            let rest = self.ahead.rest();
            let (block, end) = (rest.last_block(), rest.len().min(BLOCK));
            let plain = first_special(&block).min(end);
            append_block(out, &block, plain);
            self.step(plain);
            if plain == BLOCK {
                continue;
            }
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

    fn escape(&mut self, out: &mut Vec<u8>) -> Scan<()> {
        self.step(1);
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
        self.step(1);
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
        let nibbles = digits.map(|digit| NIBBLES.get(usize::from(digit)).copied().unwrap_or(NO_NIBBLE));
        if let Some(wrong) = nibbles.iter().position(|nibble| *nibble == NO_NIBBLE) {
            self.step(1 + wrong);
            return Err(self.unexpected("a hexadecimal digit"));
        }
        self.step(5);
        Ok(nibbles.iter().fold(0, |value, nibble| value << 4 | u32::from(*nibble)))
    }
}

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

fn lone_surrogate(at: usize) -> RequestError {
    RequestError::new(K::Syntax, "a pair of surrogates").at(at).got("a lone one")
}
