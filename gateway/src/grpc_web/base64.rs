//! Base64 (RFC 4648, 4) in pieces: quanta may be split anywhere, and each piece that its sender flushed may end in
//! padding.

use base64::DecodeError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The characters that stand for three bytes.
const QUANTUM: usize = 4;

/// Why characters are no base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    /// The character at this place of the body cannot stand there.
    #[error("the body is not base64: see byte {0}")]
    At(u64),
    /// The body ends within four characters that belong together.
    #[error("the body is not base64: it ends without padding")]
    Cut,
}

/// Decodes characters as they arrive. It keeps three at most.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    held: [u8; QUANTUM],
    count: usize,
    /// Characters before those that are held.
    position: u64,
}

impl Decoder {
    /// Appends the bytes of all quanta that are complete.
    pub(super) fn push(&mut self, mut text: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        if self.count > 0 {
            let (missing, rest) = text.split_at(text.len().min(QUANTUM - self.count));
            for (place, byte) in self.held.iter_mut().skip(self.count).zip(missing) {
                *place = *byte;
            }
            self.count += missing.len();
            text = rest;
            if self.count < QUANTUM {
                return Ok(());
            }
            self.count = 0;
            self.segment(&self.held.clone(), out)?;
        }
        let (whole, rest) = text.split_at(text.len() / QUANTUM * QUANTUM);
        self.segments(whole, out)?;
        self.count = rest.len();
        for (place, byte) in self.held.iter_mut().zip(rest) {
            *place = *byte;
        }
        Ok(())
    }

    /// Whether the characters were complete.
    pub(super) fn finish(&self) -> Result<(), Malformed> {
        if self.count == 0 { Ok(()) } else { Err(Malformed::Cut) }
    }

    /// Whole quanta; where one is padded, another segment may follow.
    fn segments(&mut self, mut text: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        while let Some(padding) = text.iter().position(|byte| *byte == b'=') {
            let (segment, rest) = text.split_at((padding / QUANTUM + 1) * QUANTUM);
            self.segment(segment, out)?;
            text = rest;
        }
        self.segment(text, out)
    }

    fn segment(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        STANDARD.decode_vec(text, out).map_err(|error| match error {
            DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol(at, _) => {
                Malformed::At(self.position + at as u64)
            }
            DecodeError::InvalidLength(_) | DecodeError::InvalidPadding => {
                Malformed::At(self.position + text.len().saturating_sub(1) as u64)
            }
        })?;
        self.position += text.len() as u64;
        Ok(())
    }
}

/// Bytes as one piece that is complete in itself.
pub(super) fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut text = vec![0; bytes.len().div_ceil(3) * QUANTUM];
    let written = STANDARD.encode_slice(bytes, &mut text).unwrap_or_default();
    text.truncate(written);
    text
}

#[cfg(test)]
mod tests {
    //! Every way to cut a text in two and into pieces of every size; texts that are none.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, Malformed> {
        let (mut decoder, mut out) = (Decoder::default(), Vec::new());
        for piece in pieces {
            decoder.push(piece, &mut out)?;
        }
        decoder.finish().map(|()| out)
    }

    #[test]
    fn pieces_of_every_size_are_one_text() {
        let bytes: Vec<u8> = (0..=255).collect();
        // segments of 1, 2 and 3 bytes more than quanta, as a sender flushes them
        let text: Vec<u8> = [&bytes[..1], &bytes[1..3], &bytes[3..9], &bytes[9..]].map(encode).concat();
        for size in 1..=text.len() {
            assert_eq!(decode(text.chunks(size)).unwrap(), bytes, "pieces of {size}");
        }
        for cut in 0..=text.len() {
            let (before, after) = text.split_at(cut);
            assert_eq!(decode([before, b"", after]).unwrap(), bytes, "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_base64_is_refused_where_it_stands() {
        let at = |place| Err(Malformed::At(place));
        for (text, expected) in [
            (&b"AAAA*AAA"[..], at(4)),
            (b"AAAAAAA\nAAAA", at(7)),
            (b"AA-_", at(2)),
            (b"AAA=AA=A", at(6)),
            (b"A===", at(1)),
            (b"====", at(0)),
            (b"AB==", at(1)),
            (b"AAA", Err(Malformed::Cut)),
            (b"AAAAA", Err(Malformed::Cut)),
        ] {
            let text_ = String::from_utf8_lossy(text);
            assert_eq!(decode([text]), expected, "{text_}");
            // one by one they are refused too
            assert_eq!(decode(text.chunks(1)).is_err(), expected.is_err(), "{text_}");
        }
    }
}
