//! JSON text of strings, numbers and bytes.

use crate::pen::Pen;
use crate::wire::Span;

/// Appends `text` in quotes, escaped as RFC 8259 demands and no further.
pub(crate) fn quote(out: &mut Pen<'_>, text: &str) {
    quote_bytes(out, text.as_bytes().into(), &mut 0);
}

/// As [`quote`], for bytes that are still to be checked when they are not ASCII: those leave a mark in `beyond`.
#[inline]
pub(crate) fn quote_bytes(out: &mut Pen<'_>, text: Span<'_>, beyond: &mut u32) {
    if !out.quoted(text, beyond) {
        quote_long(out, text, beyond);
    }
}

#[inline(never)]
fn quote_long(out: &mut Pen<'_>, text: Span<'_>, beyond: &mut u32) {
    out.byte(b'"');
    let mut rest = text;
    loop {
        rest = rest.skip(out.plain(rest, beyond));
        let Some(byte) = rest.bytes().first() else { break };
        escape(out, *byte);
        rest = rest.skip(1);
    }
    out.byte(b'"');
}

fn escape(out: &mut Pen<'_>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        8 => b'b',
        12 => b'f',
        _ => {
            let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
            out.array(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
            return;
        }
    };
    out.array(&[b'\\', short]);
}

/// Appends an integer.
#[inline]
pub(crate) fn integer(out: &mut Pen<'_>, value: i64) {
    if value < 0 {
        out.byte(b'-');
    }
    unsigned(out, value.unsigned_abs());
}

/// Appends an integer in quotes, as JSON has 64-bit ones.
#[inline]
pub(crate) fn quoted_integer(out: &mut Pen<'_>, value: i64) {
    out.byte(b'"');
    integer(out, value);
    out.byte(b'"');
}

/// As [`quoted_integer`], without a sign.
#[inline]
pub(crate) fn quoted_unsigned(out: &mut Pen<'_>, value: u64) {
    out.byte(b'"');
    unsigned(out, value);
    out.byte(b'"');
}

/// Appends an integer without a sign.
#[inline]
pub(crate) fn unsigned(out: &mut Pen<'_>, value: u64) {
    const EIGHT_DIGITS: u64 = 100_000_000;
    if value < EIGHT_DIGITS {
        leading_digits(out, value);
    } else if value < EIGHT_DIGITS * EIGHT_DIGITS {
        leading_digits(out, value / EIGHT_DIGITS);
        out.array(&(digits(value % EIGHT_DIGITS) | ZEROES).to_le_bytes());
    } else {
        out.bytes(itoa::Buffer::new().format(value).as_bytes());
    }
}

/// Eight digits `0`.
const ZEROES: u64 = u64::from_ne_bytes([b'0'; 8]);

/// Appends a number below 10^8.
#[inline]
fn leading_digits(out: &mut Pen<'_>, value: u64) {
    let digits = digits(value);
    // the first digit is the lowest byte; the last one stays even when it is zero
    let zeroes = (digits | 1 << 56).trailing_zeros() / 8;
    out.block(&((digits | ZEROES) >> (zeroes * 8)).to_le_bytes(), 8 - zeroes as usize);
}

/// The eight digits of a number below 10^8 as the bytes 0 to 9, the first one lowest.
///
/// All parts are divided at once: by 10^4, then both halves by 100, then all four quarters by 10. A division by 100 of a
/// number below 10^4 is a product with 5243 / 2^19, one by 10 of a number below 100 is a product with 103 / 2^10.
#[inline]
fn digits(value: u64) -> u64 {
    let halves = (value / 10_000) | ((value % 10_000) << 32);
    let hundreds = ((halves * 5243) >> 19) & 0x0000_007f_0000_007f;
    let quarters = hundreds | ((halves - hundreds * 100) << 16);
    let tens = ((quarters * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((quarters - tens * 10) << 8)
}

/// Appends the shortest text that reads back as the same number; quoted words for what JSON has no number for.
pub(crate) fn float<F: zmij::Float + Into<f64> + Copy>(out: &mut Pen<'_>, value: F) {
    let wide: f64 = value.into();
    if wide.is_finite() {
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(value);
        out.bytes(text.strip_suffix(".0").unwrap_or(text).as_bytes());
        return;
    }
    let word: &[u8] = match (wide.is_nan(), wide > 0.0) {
        (true, _) => b"\"NaN\"",
        (_, true) => b"\"Infinity\"",
        _ => b"\"-Infinity\"",
    };
    out.bytes(word);
}

/// Appends standard base64 in quotes.
pub(crate) fn base64(out: &mut Pen<'_>, bytes: &[u8]) {
    out.byte(b'"');
    out.with(|out| base64_simd::STANDARD.encode_append(bytes, out));
    out.byte(b'"');
}
