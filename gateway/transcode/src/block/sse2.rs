//! Searching a block with the vector instructions that every x86-64 processor has.
#![allow(
    unsafe_code,
    clippy::cast_possible_truncation,
    clippy::cast_ptr_alignment,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::inline_always,
    reason = "two calls, proven below; both codecs take a tenth longer with general registers"
)]

use super::BLOCK;
use std::arch::x86_64::{
    __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
};

/// One bit for each byte of the block that is a quote, a backslash or a control character; one for each that is not
/// ASCII.
#[inline]
pub(super) fn marks(block: &[u8; BLOCK]) -> (u32, u32) {
    // SAFETY: SSE2 is part of the architecture: no x86-64 processor is without it.
    unsafe { search(block) }
}

/// A bit for each byte in which two double blocks are the same.
#[inline(always)]
pub(super) fn equal(one: &[u8; 2 * BLOCK], other: &[u8; 2 * BLOCK]) -> u32 {
    // SAFETY: as above.
    unsafe { compare(one, other) }
}

#[inline]
#[target_feature(enable = "sse2")]
fn compare(one: &[u8; 2 * BLOCK], other: &[u8; 2 * BLOCK]) -> u32 {
    let (one, other): (*const __m128i, *const __m128i) = (one.as_ptr().cast(), other.as_ptr().cast());
    // SAFETY: each has two blocks, and they need not be aligned.
    let [a, b, c, d] = unsafe {
        [
            _mm_loadu_si128(one),
            _mm_loadu_si128(other),
            _mm_loadu_si128(one.add(1)),
            _mm_loadu_si128(other.add(1)),
        ]
    };
    let (low, high) = (_mm_movemask_epi8(_mm_cmpeq_epi8(a, b)), _mm_movemask_epi8(_mm_cmpeq_epi8(c, d)));
    low as u32 | (high as u32) << 16
}

#[inline]
#[target_feature(enable = "sse2")]
fn search(block: &[u8; BLOCK]) -> (u32, u32) {
    // SAFETY: a block has the sixteen bytes that are loaded, and they need not be aligned.
    let bytes = unsafe { _mm_loadu_si128(block.as_ptr().cast()) };
    let quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x22));
    let backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x5c));
    let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    let special = _mm_or_si128(_mm_or_si128(quote, backslash), control);
    (_mm_movemask_epi8(special) as u32, _mm_movemask_epi8(bytes) as u32)
}
