//! One decoder of each coding, fed with what has come; it gives out a bounded piece at a time.

use std::io::{self, BufRead, ErrorKind, Read};

use brotli::Decompressor;
use bytes::{Buf as _, Bytes};
use flate2::bufread::MultiGzDecoder;

use super::Coding;

/// So much is decoded at a time: what a small input may become in memory before it is counted.
const PIECE: usize = 32 << 10;

/// Frames with a larger window are refused (RFC 9659, 3).
pub(crate) const ZSTD_WINDOW_LOG: u32 = 23;

/// Bytes that have come, and whether more will.
#[derive(Debug, Default)]
struct Feed {
    data: Bytes,
    began: bool,
    ended: bool,
}

impl Read for Feed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let data = self.fill_buf()?;
        let step = data.len().min(out.len());
        out[..step].copy_from_slice(&data[..step]);
        self.consume(step);
        Ok(step)
    }
}

impl BufRead for Feed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.data.is_empty() && !self.ended {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(&self.data)
    }

    fn consume(&mut self, amount: usize) {
        self.data.advance(amount);
    }
}

enum Inner {
    Gzip(Box<MultiGzDecoder<Feed>>),
    Brotli(Box<Decompressor<Feed>>),
    Zstd(zstd::stream::read::Decoder<'static, Feed>),
}

/// Decodes what it is fed with.
pub(super) struct Decoder {
    inner: Inner,
    piece: Box<[u8]>,
}

impl Decoder {
    pub(super) fn new(coding: Coding) -> io::Result<Self> {
        let feed = Feed::default();
        let inner = match coding {
            Coding::Gzip => Inner::Gzip(Box::new(MultiGzDecoder::new(feed))),
            Coding::Brotli => Inner::Brotli(Box::new(Decompressor::new(feed, 4 << 10))),
            Coding::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(feed)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Inner::Zstd(decoder)
            }
        };
        Ok(Self { inner, piece: vec![0; PIECE].into_boxed_slice() })
    }

    fn feed_mut(&mut self) -> &mut Feed {
        match &mut self.inner {
            Inner::Gzip(decoder) => decoder.get_mut(),
            Inner::Brotli(decoder) => decoder.get_mut(),
            Inner::Zstd(decoder) => decoder.get_mut(),
        }
    }

    /// Adds bytes; all that came before have been used.
    pub(super) fn feed(&mut self, data: Bytes) {
        let feed = self.feed_mut();
        feed.began |= !data.is_empty();
        feed.data = data;
    }

    /// Says that there are no more.
    pub(super) fn end(&mut self) {
        self.feed_mut().ended = true;
    }

    /// The next piece; an empty one at the end, none where bytes are missing.
    pub(super) fn read(&mut self) -> io::Result<Option<Bytes>> {
        let feed = self.feed_mut();
        if !feed.began {
            // a body of no bytes at all is none, whatever coding it claims
            return Ok(feed.ended.then(Bytes::new));
        }
        let read = match &mut self.inner {
            Inner::Gzip(decoder) => decoder.read(&mut self.piece),
            Inner::Brotli(decoder) => decoder.read(&mut self.piece),
            Inner::Zstd(decoder) => decoder.read(&mut self.piece),
        };
        match read {
            Ok(0) => self.finish(),
            Ok(length) => Ok(Some(Bytes::copy_from_slice(&self.piece[..length]))),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The coding has ended: so must the body.
    fn finish(&mut self) -> io::Result<Option<Bytes>> {
        let feed = self.feed_mut();
        if feed.data.has_remaining() {
            return Err(ErrorKind::InvalidData.into());
        }
        Ok(feed.ended.then(Bytes::new))
    }
}

#[cfg(test)]
mod tests {
    //! Bodies whole, in single bytes, cut, and followed by others.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::io::Write as _;

    use super::*;

    fn encoded(coding: Coding, data: &[u8]) -> Vec<u8> {
        match coding {
            Coding::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(data).unwrap();
                encoder.finish().unwrap()
            }
            Coding::Brotli => {
                let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
                encoder.write_all(data).unwrap();
                encoder.into_inner()
            }
            Coding::Zstd => zstd::encode_all(data, 3).unwrap(),
        }
    }

    fn decoded(coding: Coding, wire: &[u8], step: usize) -> io::Result<Vec<u8>> {
        let (mut decoder, mut out) = (Decoder::new(coding).unwrap(), Vec::new());
        let mut pieces = wire.chunks(step);
        loop {
            match decoder.read()? {
                Some(data) if data.is_empty() => return Ok(out),
                Some(data) => {
                    assert!(data.len() <= PIECE);
                    out.extend_from_slice(&data);
                }
                None => match pieces.next() {
                    Some(piece) => decoder.feed(Bytes::copy_from_slice(piece)),
                    None => decoder.end(),
                },
            }
        }
    }

    #[test]
    fn pieces_of_every_size_become_the_same() {
        let text: Vec<u8> = (0..20_000_u32).flat_map(|n| (n % 977).to_string().into_bytes()).collect();
        for coding in Coding::ALL {
            for data in [&text[..], b"{}", b""] {
                let wire = encoded(coding, data);
                for step in [1, 7, 4096, usize::MAX] {
                    assert_eq!(decoded(coding, &wire, step).unwrap(), data, "{coding:?} by {step}");
                }
            }
            assert_eq!(decoded(coding, b"", 1).unwrap(), b"", "no bytes are no body");
        }
    }

    #[test]
    fn what_is_cut_or_followed_is_refused() {
        for coding in Coding::ALL {
            let wire = encoded(coding, b"{\"name\": \"a body that is long enough to be cut anywhere\"}");
            for length in 1..wire.len() {
                for step in [1, usize::MAX] {
                    assert!(decoded(coding, &wire[..length], step).is_err(), "{coding:?} cut at {length}");
                }
            }
            let followed = [&wire[..], b"x"].concat();
            for step in [1, 3, usize::MAX] {
                assert!(decoded(coding, &followed, step).is_err(), "{coding:?} followed, by {step}");
            }
            assert!(decoded(coding, b"{\"name\": 1}", 3).is_err(), "{coding:?} is none");
        }
    }

    #[test]
    fn a_bomb_comes_out_in_pieces() {
        let zeros = vec![0; 64 << 20];
        for coding in Coding::ALL {
            let wire = encoded(coding, &zeros);
            let mut decoder = Decoder::new(coding).unwrap();
            decoder.feed(wire.into());
            let mut out = 0;
            while out <= 1 << 20 {
                let piece = decoder.read().unwrap().unwrap();
                assert!(!piece.is_empty() && piece.len() <= PIECE);
                out += piece.len();
            }
        }
    }

    #[test]
    fn windows_are_bounded() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(27).unwrap();
        encoder.write_all(b"{}").unwrap();
        assert!(decoded(Coding::Zstd, &encoder.finish().unwrap(), usize::MAX).is_err());
    }
}
