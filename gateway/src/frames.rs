//! Messages out of the bytes of a gRPC body.

use std::io::{self, Read as _};

use bytes::{Buf as _, Bytes, BytesMut};
use flate2::bufread::{MultiGzDecoder, ZlibDecoder};
use http::HeaderValue;
use mesh::client::ResponseBody;

use crate::policy::ZSTD_WINDOW_LOG;

/// What calls say that they understand in replies.
pub(crate) const ACCEPTED: HeaderValue = HeaderValue::from_static("gzip, deflate, zstd");

/// Flag and length that stand before every message (gRPC over HTTP/2, "Length-Prefixed-Message").
const PREFIX: usize = 5;

/// Why a backend's bytes are no messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    /// It compressed a message in a way that nobody offered.
    #[error("message in an unknown compression")]
    Compressed,
    /// What it compressed cannot be read.
    #[error("compressed message that is damaged")]
    Damaged,
    /// A message is larger than this gateway takes.
    #[error("message of {0} bytes is too large")]
    TooLarge(usize),
}

/// Takes messages apart as their bytes arrive. Messages that lie whole in what arrived are not copied.
#[derive(Debug)]
pub(crate) struct Frames {
    /// What arrived last and is still to be looked at; empty while a message is collected.
    arrived: Bytes,
    /// The beginning of a message whose rest is to come.
    partial: BytesMut,
    limit: usize,
    compression: Compression,
}

impl Frames {
    /// Takes the messages of a reply apart, each within the limit, compressed or not.
    pub(crate) fn of(replies: &ResponseBody, limit: usize) -> Self {
        Self::new(limit, Compression::named(replies.encoding()))
    }

    fn new(limit: usize, compression: Compression) -> Self {
        Self { arrived: Bytes::new(), partial: BytesMut::new(), limit, compression }
    }

    /// Adds bytes as they came; everything that came before must have been taken with [`Self::next`].
    pub(crate) fn push(&mut self, bytes: Bytes) {
        if self.arrived.is_empty() && self.partial.is_empty() {
            self.arrived = bytes;
        } else {
            self.partial.extend_from_slice(&std::mem::take(&mut self.arrived));
            self.partial.extend_from_slice(&bytes);
        }
    }

    /// The next message, where all of it is there.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, FrameError> {
        let there = if self.partial.is_empty() { &self.arrived[..] } else { &self.partial[..] };
        let Some((compressed, length)) = prefix(there, self.limit)? else { return Ok(None) };
        if compressed && self.compression == Compression::None {
            return Err(FrameError::Compressed);
        }
        if there.len() < PREFIX + length {
            let missing = PREFIX + length - there.len();
            self.partial.extend_from_slice(&std::mem::take(&mut self.arrived));
            self.partial.reserve(missing);
            return Ok(None);
        }
        let message = if self.partial.is_empty() {
            self.arrived.advance(PREFIX);
            self.arrived.split_to(length)
        } else {
            self.partial.advance(PREFIX);
            self.partial.split_to(length).freeze()
        };
        if compressed { self.compression.decode(&message, self.limit).map(Some) } else { Ok(Some(message)) }
    }

    /// Bytes that were added and not taken yet.
    pub(crate) fn waiting(&self) -> usize {
        self.arrived.len() + self.partial.len()
    }

    /// Whether the body ended in the middle of a message.
    pub(crate) fn is_cut(&self) -> bool {
        !self.arrived.is_empty() || !self.partial.is_empty()
    }
}

/// Whether the message that begins here is compressed, and its length, once its prefix is there.
fn prefix(bytes: &[u8], limit: usize) -> Result<Option<(bool, usize)>, FrameError> {
    let Some((flag, rest)) = bytes.split_first() else { return Ok(None) };
    let Some(length) = rest.first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(*length) as usize;
    if *flag > 1 {
        return Err(FrameError::Compressed);
    }
    if length > limit {
        return Err(FrameError::TooLarge(length));
    }
    Ok(Some((*flag == 1, length)))
}

/// How compressed messages of a reply are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Deflate,
    Zstd,
}

impl Compression {
    fn named(name: Option<&[u8]>) -> Self {
        match name {
            Some(b"gzip") => Self::Gzip,
            Some(b"deflate") => Self::Deflate,
            Some(b"zstd") => Self::Zstd,
            _ => Self::None,
        }
    }

    /// The message, which may not be larger than the limit: a little can be made of it, and is not.
    fn decode(self, message: &[u8], limit: usize) -> Result<Bytes, FrameError> {
        let mut decoded = Vec::new();
        let most = limit as u64 + 1;
        let mut rest = message;
        let read = match self {
            Self::None => return Err(FrameError::Compressed),
            Self::Gzip => MultiGzDecoder::new(&mut rest).take(most).read_to_end(&mut decoded),
            Self::Deflate => ZlibDecoder::new(&mut rest).take(most).read_to_end(&mut decoded),
            Self::Zstd => zstd(&mut rest).and_then(|zstd| zstd.take(most).read_to_end(&mut decoded)),
        };
        match read {
            Ok(length) if length > limit => Err(FrameError::TooLarge(length)),
            Ok(_) if rest.is_empty() => Ok(decoded.into()),
            Ok(_) | Err(_) => Err(FrameError::Damaged),
        }
    }
}

/// A decoder that takes no more memory for looking back than it may for bodies.
fn zstd<'r, 'm>(message: &'r mut &'m [u8]) -> io::Result<zstd::Decoder<'static, &'r mut &'m [u8]>> {
    let mut decoder = zstd::Decoder::with_buffer(message)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    Ok(decoder)
}

#[cfg(test)]
mod tests {
    //! Messages in chunks of every size.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn messages_come_out_whatever_the_chunks() {
        let wire = [&[0, 0, 0, 0, 3][..], b"abc", &[0, 0, 0, 0, 0], &[0, 0, 0, 0, 1], b"z"].concat();
        for size in 1..=wire.len() {
            let mut frames = Frames::new(10, Compression::None);
            let mut messages = Vec::new();
            for chunk in wire.chunks(size) {
                frames.push(Bytes::copy_from_slice(chunk));
                while let Some(message) = frames.next().unwrap() {
                    messages.push(message);
                }
            }
            assert_eq!(messages, [&b"abc"[..], b"", b"z"], "chunks of {size}");
            assert!(!frames.is_cut());
        }
    }

    #[test]
    fn a_body_that_ends_early_is_cut() {
        let wire = [0, 0, 0, 0, 2, b'a', b'b'];
        for end in 1..wire.len() {
            let mut frames = Frames::new(10, Compression::None);
            frames.push(Bytes::copy_from_slice(&wire[..end]));
            assert_eq!(frames.next(), Ok(None));
            assert!(frames.is_cut(), "after {end}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_at_its_first_bytes() {
        let mut frames = Frames::new(10, Compression::None);
        frames.push(Bytes::from_static(&[1, 0, 0, 0, 1]));
        assert_eq!(frames.next(), Err(FrameError::Compressed));
        let mut frames = Frames::new(10, Compression::None);
        frames.push(Bytes::from_static(&[0, 0, 0, 0, 11]));
        assert_eq!(frames.next(), Err(FrameError::TooLarge(11)));
    }

    fn compressed(name: &str, message: &[u8]) -> Bytes {
        use std::io::Write as _;
        let level = flate2::Compression::fast();
        let packed = if name == "zstd" {
            zstd::encode_all(message, 1).unwrap()
        } else if name == "gzip" {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), level);
            writer.write_all(message).unwrap();
            writer.finish().unwrap()
        } else {
            let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), level);
            writer.write_all(message).unwrap();
            writer.finish().unwrap()
        };
        let length = u32::try_from(packed.len()).unwrap().to_be_bytes();
        [&[1][..], &length, &packed].concat().into()
    }

    fn first(name: &str, limit: usize, wire: Bytes) -> Result<Option<Bytes>, FrameError> {
        let mut frames = Frames::new(limit, Compression::named(Some(name.as_bytes())));
        frames.push(wire);
        frames.next()
    }

    #[test]
    fn compressed_messages_are_what_they_were() {
        for name in ["gzip", "deflate", "zstd"] {
            let wire = [compressed(name, b"abc"), Bytes::from_static(&[0, 0, 0, 0, 1, b'z'])].concat();
            for size in 1..=wire.len() {
                let mut frames = Frames::new(100, Compression::named(Some(name.as_bytes())));
                let mut messages = Vec::new();
                for chunk in wire.chunks(size) {
                    frames.push(Bytes::copy_from_slice(chunk));
                    while let Some(message) = frames.next().unwrap() {
                        messages.push(message);
                    }
                }
                assert_eq!(messages, [&b"abc"[..], b"z"], "{name} in chunks of {size}");
            }
        }
    }

    #[test]
    fn what_would_be_too_large_is_not_unpacked() {
        for name in ["gzip", "deflate", "zstd"] {
            let bomb = compressed(name, &vec![0; 1 << 20]);
            assert!(bomb.len() < 20_000, "{}", bomb.len());
            assert_eq!(first(name, 20_000, bomb), Err(FrameError::TooLarge(20_001)), "{name}");
        }
        let whole = compressed("gzip", b"");
        let length = whole.len() - PREFIX;
        assert_eq!(first("gzip", 3, whole), Err(FrameError::TooLarge(length)), "as it came");
    }

    #[test]
    fn what_is_damaged_or_unknown_is_refused() {
        for name in ["gzip", "deflate", "zstd"] {
            let mut cut = compressed(name, b"abc").to_vec();
            cut.truncate(cut.len() - 4);
            cut[4] -= 4;
            assert_eq!(first(name, 100, cut.into()), Err(FrameError::Damaged), "{name}");
            let mut longer = compressed(name, b"abc").to_vec();
            longer.push(b'!');
            longer[4] += 1;
            assert_eq!(first(name, 100, longer.into()), Err(FrameError::Damaged), "{name}");
        }
        // a window that takes more memory than any message is worth
        let mut writer = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        writer.window_log(24).unwrap();
        std::io::Write::write_all(&mut writer, b"abc").unwrap();
        let wide = writer.finish().unwrap();
        let wide = [&[1, 0, 0, 0, u8::try_from(wide.len()).unwrap()][..], &wide].concat();
        assert_eq!(first("zstd", 100, wide.into()), Err(FrameError::Damaged));
        assert_eq!(first("deflate", 100, compressed("gzip", b"abc")), Err(FrameError::Damaged));
        assert_eq!(first("br", 100, compressed("gzip", b"abc")), Err(FrameError::Compressed));
        assert_eq!(first("gzip", 100, Bytes::from_static(&[2, 0, 0, 0, 0])), Err(FrameError::Compressed));
    }
}
