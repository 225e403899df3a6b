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

/// Takes messages apart as their bytes arrive. Messages that lie whole in what arrived are not copied.
#[derive(Debug)]
pub(crate) struct Frames {
    /// What arrived last and is still to be looked at; empty while a message is collected.
    arrived: Bytes,
    /// The beginning of a message whose rest is to come.
    partial: BytesMut,
    limit: usize,
}

impl Frames {
    pub(crate) fn new(limit: usize) -> Self {
        Self { arrived: Bytes::new(), partial: BytesMut::new(), limit }
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
        let Some(length) = length(there, self.limit)? else { return Ok(None) };
        if there.len() < PREFIX + length {
            let missing = PREFIX + length - there.len();
            self.partial.extend_from_slice(&std::mem::take(&mut self.arrived));
            self.partial.reserve(missing);
            return Ok(None);
        }
        if self.partial.is_empty() {
            self.arrived.advance(PREFIX);
            return Ok(Some(self.arrived.split_to(length)));
        }
        self.partial.advance(PREFIX);
        Ok(Some(self.partial.split_to(length).freeze()))
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

/// The length of the message that begins here, once its prefix is there.
fn length(bytes: &[u8], limit: usize) -> Result<Option<usize>, FrameError> {
    let Some((flag, rest)) = bytes.split_first() else { return Ok(None) };
    let Some(length) = rest.first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(*length) as usize;
    if *flag != 0 {
        return Err(FrameError::Compressed);
    }
    if length > limit {
        return Err(FrameError::TooLarge(length));
    }
    Ok(Some(length))
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
            let mut frames = Frames::new(10);
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
            let mut frames = Frames::new(10);
            frames.push(Bytes::copy_from_slice(&wire[..end]));
            assert_eq!(frames.next(), Ok(None));
            assert!(frames.is_cut(), "after {end}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_at_its_first_bytes() {
        let mut frames = Frames::new(10);
        frames.push(Bytes::from_static(&[1, 0, 0, 0, 1]));
        assert_eq!(frames.next(), Err(FrameError::Compressed));
        let mut frames = Frames::new(10);
        frames.push(Bytes::from_static(&[0, 0, 0, 0, 11]));
        assert_eq!(frames.next(), Err(FrameError::TooLarge(11)));
    }
}
