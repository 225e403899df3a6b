//! Messages out of the bytes of a gRPC body.

use bytes::{Buf as _, Bytes, BytesMut};

/// Flag and length that stand before every message (gRPC over HTTP/2, "Length-Prefixed-Message").
const PREFIX: usize = 5;

/// Why a backend's bytes are no messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    /// It compressed a message although nobody offered that.
    #[error("compressed message")]
    Compressed,
    /// A message is larger than this gateway takes.
    #[error("message of {0} bytes is too large")]
    TooLarge(usize),
}

/// Takes messages apart as their bytes arrive.
#[derive(Debug)]
pub(crate) struct Frames {
    buffer: BytesMut,
    limit: usize,
}

impl Frames {
    pub(crate) fn new(limit: usize) -> Self {
        Self { buffer: BytesMut::new(), limit }
    }

    /// Adds bytes as they came.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message, where all of it is there.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, FrameError> {
        let Some((flag, rest)) = self.buffer.split_first() else { return Ok(None) };
        let Some(length) = rest.first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        if *flag != 0 {
            return Err(FrameError::Compressed);
        }
        if length > self.limit {
            return Err(FrameError::TooLarge(length));
        }
        if self.buffer.len() < PREFIX + length {
            self.buffer.reserve(PREFIX + length - self.buffer.len());
            return Ok(None);
        }
        self.buffer.advance(PREFIX);
        Ok(Some(self.buffer.split_to(length).freeze()))
    }

    /// Whether the body ended in the middle of a message.
    pub(crate) fn is_cut(&self) -> bool {
        !self.buffer.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn messages_come_out_whatever_the_chunks() {
        let wire = [&[0, 0, 0, 0, 3][..], b"abc", &[0, 0, 0, 0, 0], &[0, 0, 0, 0, 1], b"z"].concat();
        for size in 1..=wire.len() {
            let mut frames = Frames::new(10);
            let mut messages = Vec::new();
            for chunk in wire.chunks(size) {
                frames.push(chunk);
                while let Some(message) = frames.next().unwrap() {
                    messages.push(message);
                }
            }
            assert_eq!(messages, [&b"abc"[..], b"", b"z"], "chunks of {size}");
            assert!(!frames.is_cut());
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_at_its_first_bytes() {
        let mut frames = Frames::new(10);
        frames.push(&[1, 0, 0, 0, 1]);
        assert_eq!(frames.next(), Err(FrameError::Compressed));
        let mut frames = Frames::new(10);
        frames.push(&[0, 0, 0, 0, 11]);
        assert_eq!(frames.next(), Err(FrameError::TooLarge(11)));
    }
}
