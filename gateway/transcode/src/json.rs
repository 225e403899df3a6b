//! A strict JSON scanner (RFC 8259) over text that is known to be UTF-8: one position, no tree.

#![allow(clippy::inline_always, reason = "measured: a token costs a few instructions, a call as many")]

pub(crate) mod number;
mod strings;

use crate::block::Piece;
use crate::error::{RequestError, RequestErrorKind as K};
use crate::wire::Reader;

pub(crate) type Scan<T> = Result<T, RequestError>;

/// Reads JSON front to back. Errors carry the byte position, not the path.
#[derive(Debug)]
pub(crate) struct Scanner<'i> {
    text: &'i str,
    /// What is still to be read of it.
    ahead: Reader<'i>,
}

impl<'i> Scanner<'i> {
    /// Takes the bytes of a document after checking that they are UTF-8.
    pub(crate) fn new(bytes: &'i [u8]) -> Scan<Self> {
        match simdutf8::basic::from_utf8(bytes) {
            Ok(text) => Ok(Self::of_text(text)),
            Err(_) => Err(invalid_utf8(bytes)),
        }
    }

    pub(crate) fn of_text(text: &'i str) -> Self {
        Self { text, ahead: Reader::new(text.as_bytes()) }
    }

    #[inline(always)]
    pub(crate) fn position(&self) -> usize {
        self.text.len() - self.ahead.left()
    }

    /// Goes back to a position that was taken before.
    pub(crate) fn rewind(&mut self, position: usize) {
        self.ahead = Reader::new(self.text.as_bytes().get(position..).unwrap_or_default());
    }

    #[inline(always)]
    fn rest(&self) -> &'i [u8] {
        self.ahead.rest().bytes()
    }

    /// Steps over `count` bytes, as far as there are so many.
    #[inline(always)]
    fn step(&mut self, count: usize) {
        self.ahead.step(count);
    }

    fn slice(&self, start: usize, end: usize) -> &'i str {
        self.text.get(start..end).unwrap_or_default()
    }

    /// The byte at the position; 0 at the end (a NUL in the text is refused by whoever looks closer).
    #[inline(always)]
    pub(crate) fn peek(&self) -> u8 {
        self.ahead.peek().unwrap_or(0)
    }

    #[inline(always)]
    pub(crate) fn bump(&mut self) {
        self.ahead.bump();
    }

    /// Steps over white space.
    #[inline(always)]
    pub(crate) fn space(&mut self) {
        self.next_token();
    }

    /// White space, then the byte that follows. One space is what most printers put between tokens, if anything.
    #[inline(always)]
    pub(crate) fn next_token(&mut self) -> u8 {
        match self.peek() {
            b' ' => self.bump(),
            byte if byte > b' ' => return byte,
            _ => {}
        }
        match self.peek() {
            byte if byte > b' ' => byte,
            _ => self.far_token(),
        }
    }

    #[inline(never)]
    fn far_token(&mut self) -> u8 {
        let space = |b: &&u8| matches!(**b, b' ' | b'\n' | b'\r' | b'\t');
        self.step(self.rest().iter().take_while(space).count());
        self.peek()
    }

    /// Steps over `prefix` if it comes next.
    #[inline(always)]
    pub(crate) fn eat(&mut self, prefix: &[u8]) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.step(prefix.len());
        }
        found
    }

    /// Steps over `piece` if it comes next.
    #[inline(always)]
    pub(crate) fn eat_piece(&mut self, piece: &Piece) -> bool {
        let found = piece.begins(self.ahead.rest());
        if found {
            self.step(piece.bytes().len());
        }
        found
    }

    /// As [`Reader::eat_next`].
    #[inline(always)]
    pub(crate) fn eat_next(&mut self, piece: &Piece) -> bool {
        self.ahead.eat_next(piece)
    }

    /// White space, then exactly `byte`.
    #[inline]
    pub(crate) fn expect(&mut self, byte: u8, what: &'static str) -> Scan<()> {
        if self.next_token() == byte {
            self.step(1);
            return Ok(());
        }
        Err(self.unexpected(what))
    }

    /// After a value in an array or object: true when a comma follows, which is stepped over; false at `close`.
    #[inline(always)]
    pub(crate) fn comma(&mut self, close: u8, what: &'static str) -> Scan<bool> {
        let byte = self.next_token();
        if byte != b',' && byte != close {
            return Err(self.unexpected(what));
        }
        self.step(1);
        Ok(byte == b',')
    }

    /// After a value in an array or object: true when a comma follows (and another value must), false at `close`.
    #[inline(always)]
    pub(crate) fn more(&mut self, close: u8, what: &'static str) -> Scan<bool> {
        let more = self.comma(close, what)?;
        if more {
            self.after_comma(close)?;
        }
        Ok(more)
    }

    /// After the opening bracket: true when it closes at once.
    #[inline]
    pub(crate) fn closes(&mut self, close: u8) -> bool {
        let closed = self.next_token() == close;
        if closed {
            self.step(1);
        }
        closed
    }

    /// Nothing but white space may follow.
    pub(crate) fn end(&mut self) -> Scan<()> {
        self.space();
        if self.ahead.is_empty() { Ok(()) } else { Err(self.unexpected("the end of the body")) }
    }

    #[inline(always)]
    pub(crate) fn literal(&mut self, word: &'static str) -> Scan<()> {
        if self.eat(word.as_bytes()) { Ok(()) } else { Err(self.unexpected("a JSON value")) }
    }

    /// Between a comma and a value: a bracket that closes here is one comma too late.
    #[inline(always)]
    pub(crate) fn after_comma(&mut self, close: u8) -> Scan<()> {
        if self.next_token() == close {
            return Err(self.unexpected("a value after the comma"));
        }
        Ok(())
    }

    /// A syntax error at the position, showing what stands there.
    #[cold]
    pub(crate) fn unexpected(&self, what: &'static str) -> RequestError {
        RequestError::new(K::Syntax, what).at(self.position()).got(&self.here())
    }

    /// A value error at `start`, showing the value that begins there.
    #[cold]
    pub(crate) fn mismatch(
        &self,
        start: usize,
        expected: impl Into<std::borrow::Cow<'static, str>>,
    ) -> RequestError {
        let mut probe = Self::of_text(self.text);
        probe.rewind(start);
        RequestError::new(K::Value, expected).at(start).got(&probe.value_text())
    }

    /// The character at the position, quoted, or the end.
    fn here(&self) -> String {
        match self.text.get(self.position()..).and_then(|rest| rest.chars().next()) {
            Some(c) => format!("{c:?}"),
            None => "the end of the input".to_owned(),
        }
    }

    /// The value at the position as it stands, for a message: scalars in full, `an object` and `an array` by name.
    fn value_text(mut self) -> String {
        let start = self.position();
        match self.peek() {
            b'{' => return "an object".to_owned(),
            b'[' => return "an array".to_owned(),
            _ => {}
        }
        if self.skip(1).is_ok() {
            return self.slice(start, self.position()).to_owned();
        }
        self.rewind(start);
        self.here()
    }

    /// Steps over one value of any kind, strictly; at most `depth` levels deep.
    pub(crate) fn skip(&mut self, depth: u32) -> Scan<()> {
        match self.next_token() {
            b'"' => self.skip_string(),
            b'{' => self.skip_nested(b'}', depth, |s, depth| {
                s.skip_string()?;
                s.expect(b':', "a colon after the key")?;
                s.skip(depth)
            }),
            b'[' => self.skip_nested(b']', depth, Self::skip),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            b'-' | b'0'..=b'9' => self.number().map(drop),
            _ => Err(self.unexpected("a JSON value")),
        }
    }

    fn skip_nested(
        &mut self,
        close: u8,
        depth: u32,
        mut member: impl FnMut(&mut Self, u32) -> Scan<()>,
    ) -> Scan<()> {
        let depth = depth.checked_sub(1).ok_or_else(|| self.too_deep())?;
        self.step(1);
        if self.closes(close) {
            return Ok(());
        }
        loop {
            self.space();
            member(self, depth)?;
            if !self.more(close, "a comma or the closing bracket")? {
                return Ok(());
            }
        }
    }

    #[cold]
    pub(crate) fn too_deep(&self) -> RequestError {
        RequestError::new(K::Depth, "fewer levels of nesting").at(self.position())
    }
}

fn invalid_utf8(bytes: &[u8]) -> RequestError {
    let at = std::str::from_utf8(bytes).err().map_or(0, |e| e.valid_up_to());
    RequestError::new(K::Utf8, "UTF-8 text").at(at)
}
