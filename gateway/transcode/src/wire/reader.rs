//! Reading wire bytes front to back.
#![allow(
    unsafe_code,
    clippy::inline_always,
    reason = "measured: a field of an answer costs a fifth less than with slices, whose ends are checked again and again"
)]

#[cfg(test)]
mod tests;

use std::marker::PhantomData;

use super::{WireFault, WireType};
use crate::block::{BLOCK, Piece, first_special, load};
use crate::schema::Tag;

/// Bytes within a document. They can be loaded in whole blocks where the document goes on behind them.
///
/// Invariant: `at..at + len` and `at..stop` lie in one slice that is borrowed for `'a`, and the first of them is not
/// the longer one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span<'a> {
    at: *const u8,
    len: usize,
    stop: *const u8,
    document: PhantomData<&'a [u8]>,
}

impl<'a> From<&'a [u8]> for Span<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        let ends = bytes.as_ptr_range();
        Self { at: ends.start, len: bytes.len(), stop: ends.end, document: PhantomData }
    }
}

impl<'a> Span<'a> {
    pub(crate) const EMPTY: Span<'static> =
        Span { at: std::ptr::dangling(), len: 0, stop: std::ptr::dangling(), document: PhantomData };

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &'a [u8] {
        // SAFETY: the invariant.
        unsafe { std::slice::from_raw_parts(self.at, self.len) }
    }

    /// Sixteen bytes from the start on, where the document has so many; what stands behind the end of the span is not
    /// told.
    #[inline(always)]
    pub(crate) fn block(&self) -> Option<&'a [u8; BLOCK]> {
        // SAFETY: the slice goes on for a block at least.
        (self.stop as usize - self.at as usize >= BLOCK).then(|| unsafe { &*self.at.cast() })
    }

    /// The block of a span of at most sixteen bytes, wherever it stands.
    #[inline(always)]
    pub(crate) fn last_block(&self) -> [u8; BLOCK] {
        self.block().copied().unwrap_or_else(|| load(self.bytes()).to_le_bytes())
    }

    /// The first eight bytes as a little-endian number, zeroes behind the end of the span.
    #[inline(always)]
    pub(crate) fn first_word(&self) -> u64 {
        let word = u128::from_le_bytes(self.last_block()) as u64;
        // shifting by a whole word would not be defined
        word & (1_u64.unbounded_shl(self.len as u32 * 8).wrapping_sub(1))
    }

    /// What follows `byte`, if that comes first.
    #[inline(always)]
    pub(crate) fn after(&self, byte: u8) -> Option<Self> {
        // SAFETY: a span that is not empty has a first byte.
        (!self.is_empty() && unsafe { self.at.read() } == byte).then(|| self.skip(1))
    }

    /// As [`Self::block`], thirty-two bytes.
    #[inline(always)]
    pub(crate) fn double_block(&self) -> Option<&'a [u8; 2 * BLOCK]> {
        // SAFETY: the slice goes on for two blocks at least.
        (self.stop as usize - self.at as usize >= 2 * BLOCK).then(|| unsafe { &*self.at.cast() })
    }

    /// Its first `count` bytes (all of them when it has fewer).
    #[inline(always)]
    pub(crate) fn first(&self, count: usize) -> Self {
        Self { len: count.min(self.len), ..*self }
    }

    /// Without its first `count` bytes (all of them when it has fewer).
    #[inline(always)]
    pub(crate) fn skip(&self, count: usize) -> Self {
        let count = count.min(self.len);
        // SAFETY: not more than `len`.
        Self { at: unsafe { self.at.add(count) }, len: self.len - count, ..*self }
    }
}

/// Reads wire bytes front to back.
///
/// Invariant: `at <= end <= stop`, all three in one slice that is borrowed for `'a`.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    at: *const u8,
    end: *const u8,
    stop: *const u8,
    document: PhantomData<&'a [u8]>,
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self::of(bytes.into())
    }

    #[inline(always)]
    pub(crate) fn of(span: Span<'a>) -> Self {
        // SAFETY: the span's invariant.
        let end = unsafe { span.at.add(span.len) };
        Self { at: span.at, end, stop: span.stop, document: PhantomData }
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.at == self.end
    }

    /// How many bytes are still to be read.
    #[inline(always)]
    pub(crate) fn left(&self) -> usize {
        self.end as usize - self.at as usize
    }

    /// The next byte.
    #[inline(always)]
    pub(crate) fn peek(&self) -> Option<u8> {
        // SAFETY: before `end` there is a byte.
        (!self.is_empty()).then(|| unsafe { self.at.read() })
    }

    /// Steps over `count` bytes.
    ///
    /// # Safety
    ///
    /// So many must be left.
    #[inline(always)]
    unsafe fn advance(&mut self, count: usize) {
        // SAFETY: as the caller promises.
        self.at = unsafe { self.at.add(count) };
    }

    /// Steps over `count` bytes, as far as there are so many.
    #[inline(always)]
    pub(crate) fn step(&mut self, count: usize) {
        // SAFETY: not more than are left.
        unsafe { self.advance(count.min(self.left())) };
    }

    /// Steps over a byte, if there is one.
    #[inline(always)]
    pub(crate) fn bump(&mut self) {
        if !self.is_empty() {
            // SAFETY: one byte is left.
            unsafe { self.advance(1) };
        }
    }

    #[inline(always)]
    pub(crate) fn varint(&mut self) -> Result<u64, WireFault> {
        match self.peek() {
            Some(byte) if byte < 0x80 => {
                self.bump();
                Ok(byte.into())
            }
            _ => self.long_varint(),
        }
    }

    /// A varint of several bytes: up to eight of them are taken from one word.
    #[inline(never)]
    fn long_varint(&mut self) -> Result<u64, WireFault> {
        const LAST: u64 = 0x8080_8080_8080_8080;
        let rest = self.rest();
        if let [low, high, ..] = rest.bytes()
            && *high < 0x80
        {
            // SAFETY: two bytes are there.
            unsafe { self.advance(2) };
            return Ok(u64::from(low & 0x7f) | u64::from(*high) << 7);
        }
        let word = u128::from_le_bytes(rest.last_block()) as u64;
        let last = !word & LAST;
        if last == 0 && rest.len() >= 8 {
            return self.longest_varint();
        }
        let len = (last.trailing_zeros() as usize / 8 + 1).min(8);
        if last == 0 || len > rest.len() {
            return Err(WireFault::Truncated);
        }
        // SAFETY: just checked.
        unsafe { self.advance(len) };
        // seven bits of each byte: joined in pairs, then in fours, then all eight
        let bits = word & (u64::MAX >> (64 - 8 * len)) & !LAST;
        let pairs = bits & 0x007f_007f_007f_007f | (bits & 0x7f00_7f00_7f00_7f00) >> 1;
        let fours = pairs & 0x0000_3fff_0000_3fff | (pairs & 0x3fff_0000_3fff_0000) >> 2;
        Ok(fours & 0x0fff_ffff | (fours & 0x0fff_ffff_0000_0000) >> 4)
    }

    /// One of nine or ten bytes, or one that is broken.
    fn longest_varint(&mut self) -> Result<u64, WireFault> {
        let mut value = 0_u64;
        let rest = self.rest().bytes();
        for (i, &byte) in rest.iter().take(10).enumerate() {
            if i == 9 && byte > 1 {
                return Err(WireFault::Varint);
            }
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                // SAFETY: the byte at `i` is there.
                unsafe { self.advance(i + 1) };
                return Ok(value);
            }
        }
        Err(if rest.len() < 10 { WireFault::Truncated } else { WireFault::Varint })
    }

    /// What is still to be read.
    #[inline(always)]
    pub(crate) fn rest(&self) -> Span<'a> {
        Span { at: self.at, len: self.left(), stop: self.stop, document: PhantomData }
    }

    /// The next tag: field number and wire type.
    #[inline]
    pub(crate) fn tag(&mut self) -> Result<(u32, WireType), WireFault> {
        let raw = self.varint()?;
        let number = (raw >> 3) as u32;
        if raw >> 32 != 0 || number == 0 {
            return Err(WireFault::FieldNumber);
        }
        Ok((number, WireType::of(raw)?))
    }

    /// Steps over `byte` if it comes next.
    #[inline(always)]
    pub(crate) fn eat_byte(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.bump();
        }
        found
    }

    /// Steps over a JSON string of less than a block without escapes, if one comes next and the document goes on for a
    /// block: the block that begins with its content, and the length of that.
    #[inline(always)]
    pub(crate) fn short_string(&mut self) -> Option<(&'a [u8; BLOCK], usize)> {
        if self.left() < 1 + BLOCK {
            return None;
        }
        // SAFETY: a byte and a block are left.
        unsafe { self.short_string_at(0) }
    }

    /// As [`Self::short_string`], behind `mark` and a space that may follow it.
    #[inline(always)]
    pub(crate) fn short_string_behind(&mut self, mark: u8) -> Option<(&'a [u8; BLOCK], usize)> {
        if self.left() < 3 + BLOCK || self.peek() != Some(mark) {
            return None;
        }
        // SAFETY: two bytes are left.
        let space = unsafe { self.at.add(1).read() } == b' ';
        // SAFETY: three bytes and a block are left.
        unsafe { self.short_string_at(1 + usize::from(space)) }
    }

    /// A short string that is to begin `before` bytes from here.
    ///
    /// # Safety
    ///
    /// A byte and a block must be left behind `before` bytes.
    #[inline(always)]
    unsafe fn short_string_at(&mut self, before: usize) -> Option<(&'a [u8; BLOCK], usize)> {
        // SAFETY: as the caller promises.
        let (quote, block) = unsafe {
            let start = self.at.add(before);
            (start.read(), &*start.add(1).cast::<[u8; BLOCK]>())
        };
        let len = first_special(block);
        if quote != b'"' || block.get(len) != Some(&b'"') {
            return None;
        }
        // SAFETY: a quote, and less than a block with the other quote.
        unsafe { self.advance(before + len + 2) };
        Some((block, len))
    }

    /// Steps over a comma, a space that may follow it, and `piece`, if they come next and the document goes on for two
    /// blocks.
    #[inline(always)]
    pub(crate) fn eat_next(&mut self, piece: &Piece) -> bool {
        if self.left() < 2 + 2 * BLOCK {
            return false;
        }
        // SAFETY: two bytes are left.
        let (comma, space) = unsafe { (self.at.read(), self.at.add(1).read()) };
        let before = 1 + usize::from(space == b' ');
        // SAFETY: two bytes and two blocks are left.
        let text: &[u8; 2 * BLOCK] = unsafe { &*self.at.add(before).cast() };
        let found = comma == b',' && piece.leads(text);
        if found {
            // SAFETY: two bytes at most, and two blocks at most.
            unsafe { self.advance(before + piece.leading()) };
        }
        found
    }

    /// Steps over `tag` if it comes next.
    #[inline(always)]
    pub(crate) fn eat(&mut self, tag: Tag) -> bool {
        match tag.single() {
            Some(byte) => self.eat_byte(byte),
            None => self.eat_long(tag),
        }
    }

    #[inline(never)]
    fn eat_long(&mut self, tag: Tag) -> bool {
        let found = self.rest().bytes().starts_with(tag.bytes());
        if found {
            // SAFETY: the bytes of the tag are there.
            unsafe { self.advance(tag.bytes().len()) };
        }
        found
    }

    #[inline(always)]
    fn take(&mut self, len: usize) -> Result<Span<'a>, WireFault> {
        if len > self.left() {
            return Err(WireFault::Truncated);
        }
        let taken = Span { at: self.at, len, stop: self.stop, document: PhantomData };
        // SAFETY: just checked.
        unsafe { self.advance(len) };
        Ok(taken)
    }

    /// The content of a length-delimited value.
    #[inline(always)]
    pub(crate) fn span(&mut self) -> Result<Span<'a>, WireFault> {
        let len = usize::try_from(self.varint()?).map_err(|_| WireFault::Truncated)?;
        self.take(len)
    }

    /// As [`Self::span`], as a slice.
    #[inline]
    pub(crate) fn len_slice(&mut self) -> Result<&'a [u8], WireFault> {
        self.span().map(|span| span.bytes())
    }

    #[inline(always)]
    pub(crate) fn fixed32(&mut self) -> Result<u32, WireFault> {
        Ok(self.take(4)?.bytes().first_chunk().map_or(0, |c| u32::from_le_bytes(*c)))
    }

    #[inline(always)]
    pub(crate) fn fixed64(&mut self) -> Result<u64, WireFault> {
        Ok(self.take(8)?.bytes().first_chunk().map_or(0, |c| u64::from_le_bytes(*c)))
    }

    /// Steps over one value whose tag has been read; `depth` levels of groups may nest.
    pub(crate) fn skip(&mut self, number: u32, wire: WireType, depth: u32) -> Result<(), WireFault> {
        match wire {
            WireType::Varint => self.varint().map(drop),
            WireType::Fixed64 => self.take(8).map(drop),
            WireType::Fixed32 => self.take(4).map(drop),
            WireType::Len => self.span().map(drop),
            WireType::StartGroup => self.group(number, depth).map(drop),
            WireType::EndGroup => Err(WireFault::Group),
        }
    }

    /// The content of a group whose start tag has been read, up to and without its end tag.
    pub(crate) fn group(&mut self, number: u32, depth: u32) -> Result<Span<'a>, WireFault> {
        let depth = depth.checked_sub(1).ok_or(WireFault::Depth)?;
        let content = self.rest();
        loop {
            let len = content.len - self.left();
            if self.is_empty() {
                return Err(WireFault::Truncated);
            }
            match self.tag()? {
                (inner, WireType::EndGroup) if inner == number => return Ok(Span { len, ..content }),
                (_, WireType::EndGroup) => return Err(WireFault::Group),
                (inner, wire) => self.skip(inner, wire, depth)?,
            }
        }
    }
}
