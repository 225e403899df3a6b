//! Frames: how requests, events and bytes of standard streams share one connection.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use serde::Serialize;

use super::{Event, Message, Request};

/// Longest frame, without its length: longer ones end the connection.
pub const MAX_FRAME: usize = 256 * 1024;

const HEADER: usize = 4;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Json,
    Stdout,
    Stderr,
    Stdin,
}

impl Kind {
    const fn byte(self) -> u8 {
        match self {
            Self::Json => 0,
            Self::Stdout => 1,
            Self::Stderr => 2,
            Self::Stdin => 3,
        }
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Json),
            1 => Some(Self::Stdout),
            2 => Some(Self::Stderr),
            3 => Some(Self::Stdin),
            _ => None,
        }
    }
}

/// A connection that cannot be understood any more and has to be closed.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Longer than [`MAX_FRAME`], or empty.
    #[error("a frame of {0} bytes is not possible")]
    Length(usize),
    /// A kind that this direction does not have.
    #[error("frame kind {0} is not known")]
    Kind(u8),
    /// Not the JSON of an event.
    #[error("event cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// [`Event::Connected`] came without its socket.
    #[error("no descriptor came with connection {0}")]
    Descriptor(u64),
}

/// Appends a request as a frame.
pub fn encode_request(request: &Request, out: &mut Vec<u8>) -> Result<(), FrameError> {
    json(request, out)
}

/// Appends bytes for the run's standard input, in as many frames as they need.
pub fn encode_input(bytes: &[u8], out: &mut Vec<u8>) {
    for chunk in bytes.chunks(MAX_FRAME - 1) {
        raw(Kind::Stdin, chunk, out);
    }
}

pub(crate) fn encode_event(event: &Event, out: &mut Vec<u8>) -> Result<(), FrameError> {
    json(event, out)
}

/// `bytes` has to be shorter than a frame.
pub(crate) fn encode_output(kind: Kind, bytes: &[u8], out: &mut Vec<u8>) {
    raw(kind, bytes, out);
}

fn json<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), FrameError> {
    let bytes = serde_json::to_vec(value)?;
    if bytes.len() >= MAX_FRAME {
        return Err(FrameError::Length(bytes.len()));
    }
    raw(Kind::Json, &bytes, out);
    Ok(())
}

fn raw(kind: Kind, bytes: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(bytes.len() + 1).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.push(kind.byte());
    out.extend_from_slice(bytes);
}

/// Cuts a stream of bytes into frames.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    buffer: Vec<u8>,
    start: usize,
}

impl Frames {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame.
    pub(crate) fn next(&mut self) -> Result<Option<(Kind, &[u8])>, FrameError> {
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        let Some((header, rest)) = rest.split_first_chunk::<HEADER>() else { return Ok(None) };
        let length = u32::from_le_bytes(*header) as usize;
        if length == 0 || length > MAX_FRAME {
            return Err(FrameError::Length(length));
        }
        let Some((frame, _)) = rest.split_at_checked(length) else { return Ok(None) };
        let Some((&kind, payload)) = frame.split_first() else { return Ok(None) };
        self.start += HEADER + length;
        Ok(Some((Kind::from_byte(kind).ok_or(FrameError::Kind(kind))?, payload)))
    }
}

/// Reads what a shim sends: bytes and descriptors in, messages out.
///
/// ```text
/// let got = protocol::receive(&stream, &mut buffer, &mut descriptors)?;   // 0: the connection ended
/// decoder.push(&buffer[..got], descriptors.drain(..));
/// while let Some(message) = decoder.next()? { … }
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    frames: Frames,
    descriptors: VecDeque<OwnedFd>,
}

impl Decoder {
    /// A decoder for a new connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what was received, in order.
    pub fn push(&mut self, bytes: &[u8], descriptors: impl IntoIterator<Item = OwnedFd>) {
        self.frames.push(bytes);
        self.descriptors.extend(descriptors);
    }

    /// The next whole message, or none until more was received. After an error the connection is of no use.
    #[expect(clippy::should_implement_trait, reason = "it can fail, and goes on after none")]
    pub fn next(&mut self) -> Result<Option<Message>, FrameError> {
        let Some((kind, payload)) = self.frames.next()? else { return Ok(None) };
        Ok(Some(match kind {
            Kind::Stdout => Message::Stdout(payload.to_vec()),
            Kind::Stderr => Message::Stderr(payload.to_vec()),
            Kind::Stdin => return Err(FrameError::Kind(kind.byte())),
            Kind::Json => match serde_json::from_slice(payload)? {
                Event::Connected { id } => Message::Connected {
                    id,
                    socket: self.descriptors.pop_front().ok_or(FrameError::Descriptor(id))?,
                },
                event => Message::Event(event),
            },
        }))
    }
}

#[cfg(test)]
mod tests;
