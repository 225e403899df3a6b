//! Frames (RFC 9113, 4 and 6): their heads, and those of fixed size.

use crate::error::Reason;
use crate::settings::{DEFAULT_WINDOW, Settings};

/// What a client begins with (RFC 9113, 3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes of a frame's head.
pub(crate) const HEAD: usize = 9;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const ACK: u8 = 0x1;
pub(crate) const END_STREAM: u8 = 0x1;
pub(crate) const END_HEADERS: u8 = 0x4;
pub(crate) const PADDED: u8 = 0x8;
pub(crate) const WITH_PRIORITY: u8 = 0x20;

pub(crate) const SETTINGS_HEADER_TABLE_SIZE: u16 = 1;
const SETTINGS_ENABLE_PUSH: u16 = 2;
pub(crate) const SETTINGS_MAX_CONCURRENT_STREAMS: u16 = 3;
pub(crate) const SETTINGS_INITIAL_WINDOW_SIZE: u16 = 4;
pub(crate) const SETTINGS_MAX_FRAME_SIZE: u16 = 5;
const SETTINGS_MAX_HEADER_LIST_SIZE: u16 = 6;

/// The head of a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameHead {
    pub(crate) length: usize,
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    /// Of the stream; zero of the connection.
    pub(crate) id: u32,
}

impl FrameHead {
    #[inline]
    pub(crate) fn parse(bytes: &[u8; HEAD]) -> Self {
        let [a, b, c, kind, flags, id @ ..] = *bytes;
        Self {
            length: u32::from_be_bytes([0, a, b, c]) as usize,
            kind,
            flags,
            // the highest bit means nothing
            id: u32::from_be_bytes(id) & (u32::MAX >> 1),
        }
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Appends the head of a frame.
#[inline]
pub(crate) fn put_head(out: &mut Vec<u8>, length: usize, kind: u8, flags: u8, id: u32) {
    let mut head = [0, 0, 0, 0, kind, flags, 0, 0, 0, 0];
    // the highest byte of the length makes room for the three others, and is left out
    head[..4].copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    head[6..].copy_from_slice(&id.to_be_bytes());
    out.extend_from_slice(&head[1..]);
}

/// Writes the length into the head of a frame that begins at `start`.
#[inline]
pub(crate) fn set_length(out: &mut [u8], start: usize, length: usize) {
    let [_, length @ ..] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    if let Some(place) = out.get_mut(start..start + length.len()) {
        place.copy_from_slice(&length);
    }
}

/// The first words of a client.
pub(crate) fn put_preface(out: &mut Vec<u8>, settings: &Settings) {
    out.extend_from_slice(PREFACE);
    let said = [
        (SETTINGS_ENABLE_PUSH, 0),
        (SETTINGS_INITIAL_WINDOW_SIZE, settings.stream_window),
        (SETTINGS_MAX_FRAME_SIZE, settings.frame),
        (SETTINGS_MAX_HEADER_LIST_SIZE, settings.headers),
    ];
    put_head(out, said.len() * 6, SETTINGS, 0, 0);
    for (name, value) in said {
        out.extend_from_slice(&name.to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
    let more = settings.connection_window - DEFAULT_WINDOW;
    if more > 0 {
        put_window_update(out, 0, more);
    }
}

pub(crate) fn put_window_update(out: &mut Vec<u8>, id: u32, more: u32) {
    put_head(out, 4, WINDOW_UPDATE, 0, id);
    out.extend_from_slice(&more.to_be_bytes());
}

pub(crate) fn put_reset(out: &mut Vec<u8>, id: u32, reason: Reason) {
    put_head(out, 4, RST_STREAM, 0, id);
    out.extend_from_slice(&reason.0.to_be_bytes());
}

pub(crate) fn put_settings_ack(out: &mut Vec<u8>) {
    put_head(out, 0, SETTINGS, ACK, 0);
}

pub(crate) fn put_ping(out: &mut Vec<u8>, flags: u8, payload: [u8; 8]) {
    put_head(out, payload.len(), PING, flags, 0);
    out.extend_from_slice(&payload);
}

/// Says that no stream of the server was processed: a client takes none.
pub(crate) fn put_goaway(out: &mut Vec<u8>, reason: Reason) {
    put_head(out, 8, GOAWAY, 0, 0);
    out.extend_from_slice(&0_u32.to_be_bytes());
    out.extend_from_slice(&reason.0.to_be_bytes());
}
