//! The protobuf wire format: varints, tags, length frames; a reader that never panics and a writer over `Vec<u8>`.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "the wire format is made of bit patterns"
)]

pub(crate) mod message_set;
mod reader;

pub(crate) use reader::{Reader, Span};

use crate::block::append_block;

/// What can be wrong with wire bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireFault {
    /// The bytes end inside a value.
    #[error("the message is truncated")]
    Truncated,
    /// A varint of more than ten bytes, or beyond 64 bits.
    #[error("a varint is longer than 64 bits")]
    Varint,
    /// Field number 0, or one above 2^29-1.
    #[error("a field number is out of range")]
    FieldNumber,
    /// Wire type 6 or 7, or one that the field's type does not allow.
    #[error("a field has the wrong wire type")]
    WireType,
    /// A group that ends without having begun, or never ends.
    #[error("a group is not closed properly")]
    Group,
    /// Nesting beyond the limit.
    #[error("nesting is deeper than the limit")]
    Depth,
    /// A string that is not UTF-8.
    #[error("a string is not valid UTF-8")]
    Utf8,
    /// A value that its JSON form cannot express.
    #[error("the value is out of the range of its JSON form")]
    Range,
    /// An `Any` whose type the schema does not know.
    #[error("the type of an Any is not known")]
    UnknownAny,
}

/// The wire type of a field occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WireType {
    Varint,
    Fixed64,
    Len,
    StartGroup,
    EndGroup,
    Fixed32,
}

impl WireType {
    #[inline]
    fn of(bits: u64) -> Result<Self, WireFault> {
        Ok(match bits & 7 {
            0 => Self::Varint,
            1 => Self::Fixed64,
            2 => Self::Len,
            3 => Self::StartGroup,
            4 => Self::EndGroup,
            5 => Self::Fixed32,
            _ => return Err(WireFault::WireType),
        })
    }
}

/// Appends a varint.
#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        out.push(value as u8);
    } else {
        put_long_varint(out, value);
    }
}

/// A varint of several bytes: two of them mostly.
fn put_long_varint(out: &mut Vec<u8>, value: u64) {
    if value < 0x4000 {
        append_block(out, &[(value as u8) | 0x80, (value >> 7) as u8], 2);
        return;
    }
    if value >> 56 == 0 {
        // seven bits into each byte: the halves part, then the quarters, then the eighths
        let halves = (value & 0x0fff_ffff) | (value & 0x00ff_ffff_f000_0000) << 4;
        let quarters = (halves & 0x0000_3fff_0000_3fff) | (halves & 0x0fff_c000_0fff_c000) << 2;
        let eighths = (quarters & 0x007f_007f_007f_007f) | (quarters & 0x3f80_3f80_3f80_3f80) << 1;
        let len = varint_len(value);
        let more = 0x8080_8080_8080_8080 & ((1 << (8 * (len - 1))) - 1);
        append_block(out, &(eighths | more).to_le_bytes(), len);
        return;
    }
    put_longest_varint(out, value);
}

/// A varint of nine or ten bytes.
fn put_longest_varint(out: &mut Vec<u8>, mut value: u64) {
    let mut bytes = [0_u8; 10];
    let mut len = 0;
    for byte in &mut bytes {
        len += 1;
        *byte = (value as u8) | 0x80;
        value >>= 7;
        if value == 0 {
            *byte &= 0x7f;
            break;
        }
    }
    append_block(out, &bytes, len);
}

/// Appends a tag.
#[inline]
pub(crate) fn put_tag(out: &mut Vec<u8>, number: u32, wire: WireType) {
    put_varint(out, (u64::from(number) << 3) | wire as u64);
}

/// Appends a length-delimited field.
pub(crate) fn put_len_field(out: &mut Vec<u8>, number: u32, value: &[u8]) {
    put_tag(out, number, WireType::Len);
    put_varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// Reserves one byte for the length of what follows; answers where the content begins.
#[inline]
pub(crate) fn begin_len(out: &mut Vec<u8>) -> usize {
    out.push(0);
    out.len()
}

/// Writes the length of the content that began at `start`; answers by how many bytes the content moved.
#[inline]
pub(crate) fn end_len(out: &mut Vec<u8>, start: usize) -> usize {
    let len = out.len() - start;
    if len < 0x80 {
        if let Some(slot) = out.get_mut(start - 1) {
            *slot = len as u8;
        }
        return 0;
    }
    end_wide_len(out, start, 1)
}

/// As [`begin_len`], for content that promises a length of `width` bytes.
pub(crate) fn begin_wide_len(out: &mut Vec<u8>, width: usize) -> usize {
    out.resize(out.len() + width, 0);
    out.len()
}

/// As [`end_len`], where `width` bytes are reserved: the content moves when its length takes another number of bytes.
#[inline(never)]
pub(crate) fn end_wide_len(out: &mut Vec<u8>, start: usize, width: usize) -> usize {
    let len = out.len() - start;
    let needed = varint_len(len as u64);
    let content = start - width + needed;
    if needed > width {
        out.extend(std::iter::repeat_n(0, needed - width));
    }
    if needed != width {
        out.copy_within(start..start + len, content);
        out.truncate(content + len);
    }
    let mut value = len as u64;
    for (i, slot) in out.iter_mut().skip(start - width).take(needed).enumerate() {
        *slot = (value as u8 & 0x7f) | if i + 1 < needed { 0x80 } else { 0 };
        value >>= 7;
    }
    content.wrapping_sub(start)
}

/// As [`end_wide_len`]; `width` becomes the number of bytes that the length took, to be reserved for the next one.
#[inline]
pub(crate) fn end_guessed_len(out: &mut Vec<u8>, start: usize, width: &mut usize) {
    let len = out.len() - start;
    match (out.get_mut(start - *width..start), len) {
        (Some([slot]), 0..0x80) => *slot = len as u8,
        (Some([low, high]), 0x80..0x4000) => (*low, *high) = (len as u8 | 0x80, (len >> 7) as u8),
        _ => {
            end_wide_len(out, start, *width);
            *width = varint_len(len as u64);
        }
    }
}

fn varint_len(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

pub(crate) fn unzigzag(value: u64) -> i64 {
    ((value >> 1) as i64) ^ -((value & 1) as i64)
}

/// The last length-delimited occurrence of `number` at the top level of `bytes`; nothing when the bytes are malformed.
///
/// Options travel as raw bytes, so that extensions that nobody here knows survive; this reads one of them.
pub fn last_len_field(bytes: &[u8], number: u32) -> Option<&[u8]> {
    let mut reader = Reader::new(bytes);
    let mut found = None;
    while !reader.is_empty() {
        match reader.tag().ok()? {
            (n, WireType::Len) if n == number => found = Some(reader.len_slice().ok()?),
            (n, wire) => reader.skip(n, wire, 100).ok()?,
        }
    }
    found
}

/// The last varint occurrence of `number` at the top level of `bytes`; nothing when the bytes are malformed.
pub fn last_varint_field(bytes: &[u8], number: u32) -> Option<u64> {
    let mut reader = Reader::new(bytes);
    let mut found = None;
    while !reader.is_empty() {
        match reader.tag().ok()? {
            (n, WireType::Varint) if n == number => found = Some(reader.varint().ok()?),
            (n, wire) => reader.skip(n, wire, 100).ok()?,
        }
    }
    found
}
