//! JSON text of strings, numbers and bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::block::plain_prefix;

/// Appends `text` in quotes, escaped as RFC 8259 demands and no further.
pub(crate) fn quote(out: &mut Vec<u8>, text: &str) {
    quote_checked(out, text.as_bytes());
}

/// As [`quote`], for text that is still to be checked; nothing when it is not UTF-8.
#[inline]
pub(crate) fn quote_bytes(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    if !bytes.is_ascii() {
        simdutf8::basic::from_utf8(bytes).ok()?;
    }
    quote_checked(out, bytes);
    Some(())
}

fn quote_checked(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut rest = bytes;
    out.reserve(rest.len() + 2);
    out.push(b'"');
    loop {
        let (plain, special) = rest.split_at(plain_prefix(rest));
        out.extend_from_slice(plain);
        let Some((byte, after)) = special.split_first() else { break };
        escape(out, *byte);
        rest = after;
    }
    out.push(b'"');
}

fn escape(out: &mut Vec<u8>, byte: u8) {
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
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Appends an integer.
pub(crate) fn integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends an integer in quotes, as JSON has 64-bit ones.
pub(crate) fn quoted_integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.push(b'"');
    integer(out, value);
    out.push(b'"');
}

/// Appends the shortest text that reads back as the same number; quoted words for what JSON has no number for.
pub(crate) fn float<F: ryu::Float + Into<f64> + Copy>(out: &mut Vec<u8>, value: F) {
    let wide: f64 = value.into();
    if wide.is_finite() {
        let mut buffer = ryu::Buffer::new();
        let text = buffer.format_finite(value);
        out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
        return;
    }
    let word: &[u8] = match (wide.is_nan(), wide > 0.0) {
        (true, _) => b"\"NaN\"",
        (_, true) => b"\"Infinity\"",
        _ => b"\"-Infinity\"",
    };
    out.extend_from_slice(word);
}

/// Appends standard base64 in quotes.
pub(crate) fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let written = out.get_mut(start..).map(|room| STANDARD.encode_slice(bytes, room));
    debug_assert!(matches!(written, Some(Ok(_))), "the room is exact");
    out.push(b'"');
}
