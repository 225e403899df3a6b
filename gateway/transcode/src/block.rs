//! Short pieces of bytes, moved and searched in blocks of sixteen: a call of memcpy costs more than such a piece.
//!
//! A block is appended whole and cut to its length at once, so every copy has a size that is known to the compiler.

#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "blocks are bit patterns")]
#![allow(clippy::inline_always, reason = "measured: a call costs more than a comparison")]

use crate::wire::Span;
pub(crate) use spare::{append_block, append_headed};

mod spare;
#[cfg(target_arch = "x86_64")]
mod sse2;
#[cfg(test)]
mod tests;

/// Bytes in a block.
pub(crate) const BLOCK: usize = 16;

/// Appends `bytes`: without a call when they are few.
#[inline]
pub(crate) fn append(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() <= BLOCK {
        append_block(out, &load(bytes).to_le_bytes(), bytes.len());
        return;
    }
    match (bytes.first_chunk::<BLOCK>(), bytes.last_chunk::<BLOCK>()) {
        (Some(first), Some(last)) if bytes.len() <= 2 * BLOCK => {
            append_block(out, first, bytes.len() - BLOCK);
            out.extend_from_slice(last);
        }
        _ => out.extend_from_slice(bytes),
    }
}

/// Up to sixteen bytes as a little-endian number, from loads that overlap.
#[inline]
pub(crate) fn load(bytes: &[u8]) -> u128 {
    let len = bytes.len();
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        let shift = (len - 8).min(8) * 8;
        return u128::from(u64::from_le_bytes(*first)) | u128::from(u64::from_le_bytes(*last)) << shift;
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let shift = (len - 4) * 8;
        let word = u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << shift;
        return word.into();
    }
    match bytes {
        [] => 0,
        [a] => u128::from(*a),
        [a, b] => u128::from(u16::from_le_bytes([*a, *b])),
        [a, b, c, ..] => u128::from(u32::from_le_bytes([*a, *b, *c, 0])),
    }
}

/// How many bytes come before the first quote, backslash or control character.
#[inline]
pub(crate) fn plain_prefix(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    let mut done = 0;
    while let Some((block, after)) = rest.split_first_chunk::<BLOCK>() {
        let at = first_special(block);
        if at < BLOCK {
            return done + at;
        }
        done += BLOCK;
        rest = after;
        if done == 4 * BLOCK {
            let skipped = plain_lines(rest);
            done += skipped;
            rest = rest.get(skipped..).unwrap_or_default();
        }
    }
    // the zeroes after a short rest count as control characters
    done + first_special(&load(rest).to_le_bytes()).min(rest.len())
}

/// How many bytes of whole lines of 64 come before the first one that is not plain.
fn plain_lines(bytes: &[u8]) -> usize {
    let special = |b: u8| u8::from(b < 0x20) | u8::from(b == b'"') | u8::from(b == b'\\');
    let (lines, _) = bytes.as_chunks::<64>();
    let plain = lines.iter().take_while(|line| line.iter().fold(0, |any, b| any | special(*b)) == 0);
    plain.count() * 64
}

/// The place of the first quote, backslash or control character in a block; 16 when there is none.
#[inline]
pub(crate) fn first_special(block: &[u8; BLOCK]) -> usize {
    (marks(block).0 | 0x1_0000).trailing_zeros() as usize
}

/// Bits of which the lowest one stands for the first quote, backslash or control character in a block, and bits that
/// are not all zero when a byte is not ASCII.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn marks(block: &[u8; BLOCK]) -> (u32, u32) {
    sse2::marks(block)
}

/// Bits of which the lowest one stands for the first quote, backslash or control character in a block, and bits that
/// are not all zero when a byte is not ASCII.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub(crate) fn marks(block: &[u8; BLOCK]) -> (u32, u32) {
    portable_marks(block)
}

/// Eight bytes at a time in a general register.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn portable_marks(block: &[u8; BLOCK]) -> (u32, u32) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let block = u128::from_le_bytes(*block);
    // the high bit of the first special byte (and maybe of later ones)
    let special = |word: u64| {
        let zero_in = |x: u64| x.wrapping_sub(ONES) & !x;
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        (control | zero_in(word ^ (ONES * 0x22)) | zero_in(word ^ (ONES * 0x5c))) & HIGH
    };
    let (low, high) = (special(block as u64), special((block >> 64) as u64));
    let first = if low == 0 { 64 + high.trailing_zeros() } else { low.trailing_zeros() } / 8;
    let beyond = ((block >> 64) as u64 | block as u64) & HIGH;
    ((1 << first) & 0xffff, u32::from(beyond != 0))
}

/// A text that is appended and looked for as one, without a call when it is short.
#[derive(Debug)]
pub(crate) struct Piece {
    block: [u8; 2 * BLOCK],
    /// A bit for each byte of the block that counts.
    counts: u32,
    /// How many bytes of the block count: two blocks at most.
    within: usize,
    whole: Box<[u8]>,
}

impl Piece {
    pub(crate) fn new(whole: &[u8]) -> Self {
        let mut block = [0; 2 * BLOCK];
        for (to, from) in block.iter_mut().zip(whole) {
            *to = *from;
        }
        if whole.len() > 2 * BLOCK {
            // no UTF-8, so that no text begins with the block of a piece that is longer
            block = [0xff; 2 * BLOCK];
        }
        let counts = u32::try_from((1_u64 << whole.len().min(2 * BLOCK)) - 1).unwrap_or(u32::MAX);
        Self { block, counts, within: whole.len().min(2 * BLOCK), whole: whole.into() }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.whole
    }

    /// The piece in a block of fixed size, and its length; nothing when it is longer.
    #[inline]
    pub(crate) fn short(&self) -> Option<(&[u8; 2 * BLOCK], usize)> {
        (self.whole.len() <= 2 * BLOCK).then_some((&self.block, self.whole.len()))
    }

    /// Whether the piece comes first in `text`; not told of one that is longer than that.
    #[inline(always)]
    pub(crate) fn leads(&self, text: &[u8; 2 * BLOCK]) -> bool {
        equal(text, &self.block) & self.counts == self.counts
    }

    /// How many bytes of a text the piece is that it leads: two blocks at most.
    #[inline(always)]
    pub(crate) fn leading(&self) -> usize {
        self.within
    }

    /// Whether `text` begins with the piece.
    #[inline(always)]
    pub(crate) fn begins(&self, text: Span<'_>) -> bool {
        let (Some(found), true) = (text.double_block(), self.whole.len() <= 2 * BLOCK) else {
            return text.bytes().starts_with(&self.whole);
        };
        self.leads(found)
    }
}

/// A bit for each byte in which two double blocks are the same.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn equal(one: &[u8; 2 * BLOCK], other: &[u8; 2 * BLOCK]) -> u32 {
    sse2::equal(one, other)
}

/// A bit for each byte in which two double blocks are the same.
#[cfg(not(target_arch = "x86_64"))]
fn equal(one: &[u8; 2 * BLOCK], other: &[u8; 2 * BLOCK]) -> u32 {
    portable_equal(one, other)
}

/// Byte by byte.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn portable_equal(one: &[u8; 2 * BLOCK], other: &[u8; 2 * BLOCK]) -> u32 {
    let bits = one.iter().zip(other).map(|(a, b)| u32::from(a == b));
    bits.rev().fold(0, |all, bit| all << 1 | bit)
}
