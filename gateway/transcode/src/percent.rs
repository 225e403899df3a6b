//! Percent-decoding of paths and queries (RFC 3986; what to keep is said in `google/api/http.proto`).

use std::borrow::Cow;

/// Why text cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PercentFault {
    /// A `%` without two hexadecimal digits.
    Escape,
    /// The decoded bytes are not UTF-8, or hold a NUL.
    Text,
}

impl PercentFault {
    /// What would be accepted.
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::Escape => "two hexadecimal digits after every %",
            Self::Text => "percent-encoded UTF-8 without NUL",
        }
    }
}

/// What stays encoded or is decoded besides escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// One path segment: everything is decoded.
    Segment,
    /// Several path segments: `%2F` stays, so that it differs from a slash.
    Segments,
    /// A query: `+` is a space.
    Query,
}

/// Decodes `text`.
pub(crate) fn decode(text: &str, mode: Mode) -> Result<Cow<'_, str>, PercentFault> {
    let plain = |b: &u8| *b != b'%' && *b != 0 && (mode != Mode::Query || *b != b'+');
    if text.as_bytes().iter().all(plain) {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'%' => {
                let (decoded, after) = escape(after).ok_or(PercentFault::Escape)?;
                if mode == Mode::Segments && decoded == b'/' {
                    out.push(b'%');
                    continue;
                }
                out.push(decoded);
                rest = after;
            }
            b'+' if mode == Mode::Query => out.push(b' '),
            _ => out.push(byte),
        }
    }
    if out.contains(&0) {
        return Err(PercentFault::Text);
    }
    String::from_utf8(out).map(Cow::Owned).map_err(|_| PercentFault::Text)
}

/// The text as a part of a path segment: what stands for itself there (RFC 3986, 3.3) stays, but for the colon, which may
/// begin a verb.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(char::from(byte)),
            _ if b"-._~!$&'()*+,;=@".contains(&byte) => out.push(char::from(byte)),
            _ => {
                let hex =
                    |digit: u8| char::from_digit(digit.into(), 16).map_or('0', |c| c.to_ascii_uppercase());
                out.extend(['%', hex(byte >> 4), hex(byte & 15)]);
            }
        }
    }
    out
}

/// The byte of two hexadecimal digits, and what follows them.
fn escape(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, rest) = bytes.split_first_chunk::<2>()?;
    let nibble = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    Some((nibble(digits[0])? << 4 | nibble(digits[1])?, rest))
}
