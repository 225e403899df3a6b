//! One encoder of each coding, with levels and windows for answers that are made while somebody waits.

use std::io::{self, Write as _};

use brotli::CompressorWriter;
use bytes::Bytes;
use flate2::Compression as Level;
use flate2::write::GzEncoder;

use super::Coding;

/// Levels at which a text takes about as long to compress in each coding.
const GZIP: Level = Level::new(4);
const BROTLI: u32 = 4;
const ZSTD: i32 = 3;

/// The most that the decoder must look back: 2^18 bytes hold enough of what repeats in JSON, and bound the state of a
/// stream.
const WINDOW: u32 = 18;

pub(super) enum Encoder {
    Gzip(GzEncoder<Vec<u8>>),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Encoder {
    /// An encoder for so many bytes, or for a stream.
    pub(super) fn new(coding: Coding, size: Option<u64>) -> io::Result<Self> {
        Ok(match coding {
            Coding::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), GZIP)),
            Coding::Brotli => {
                let window = size.map_or(WINDOW, |size| (u64::BITS - size.leading_zeros()).clamp(10, WINDOW));
                Self::Brotli(Box::new(CompressorWriter::new(Vec::new(), 4 << 10, BROTLI, window)))
            }
            Coding::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), ZSTD)?;
                encoder.window_log(WINDOW)?;
                encoder.set_pledged_src_size(size)?;
                Self::Zstd(encoder)
            }
        })
    }

    pub(super) fn write(&mut self, data: &[u8]) -> io::Result<()> {
        match self {
            Self::Gzip(encoder) => encoder.write_all(data),
            Self::Brotli(encoder) => encoder.write_all(data),
            Self::Zstd(encoder) => encoder.write_all(data),
        }
    }

    /// Makes everything that was written readable.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Gzip(encoder) => encoder.flush(),
            Self::Brotli(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }

    /// What has been encoded and not been taken.
    pub(super) fn take(&mut self) -> Bytes {
        std::mem::take(match self {
            Self::Gzip(encoder) => encoder.get_mut(),
            Self::Brotli(encoder) => encoder.get_mut(),
            Self::Zstd(encoder) => encoder.get_mut(),
        })
        .into()
    }

    /// The rest, and the end.
    pub(super) fn finish(self) -> io::Result<Bytes> {
        Ok(match self {
            Self::Gzip(encoder) => encoder.finish()?,
            Self::Brotli(encoder) => encoder.into_inner(),
            Self::Zstd(encoder) => encoder.finish()?,
        }
        .into())
    }
}
