//! One stream: what has come of it and is not read, what is not sent of it, and its windows.

use std::collections::VecDeque;
use std::task::Waker;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, uri};

use crate::error::Error;

/// Where one direction of a stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Half {
    #[default]
    Open,
    Ended,
}

/// A request that waits until the server takes one more stream.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) method: Method,
    pub(crate) is_https: bool,
    pub(crate) authority: uri::Authority,
    pub(crate) path: uri::PathAndQuery,
    pub(crate) headers: HeaderMap,
}

/// A stream. Its place is used again, with the room of its queues.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// Zero until it is opened.
    pub(crate) id: u32,
    /// How many handles there are.
    pub(crate) handles: u8,
    pub(crate) waiting: Option<Box<Waiting>>,
    /// Whether frames of it may still come or go.
    pub(crate) is_live: bool,

    pub(crate) remote: Half,
    pub(crate) head: Option<(StatusCode, HeaderMap)>,
    pub(crate) has_head: bool,
    pub(crate) data: VecDeque<Bytes>,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) error: Option<Error>,
    pub(crate) reader: Option<Waker>,
    /// Bytes that the server may still send, and those that were read since it was last told.
    pub(crate) receive_window: i64,
    pub(crate) released: u32,

    pub(crate) local: Half,
    pub(crate) pending: VecDeque<Bytes>,
    /// The request ends behind what is pending.
    pub(crate) ends: bool,
    pub(crate) send_window: i64,
    /// Whether it is in the queue of those that have something to send.
    pub(crate) is_queued: bool,
    pub(crate) writer: Option<Waker>,
}

impl Stream {
    /// Makes the place ready for the next stream.
    pub(crate) fn clear(&mut self) {
        let (mut data, mut pending) = (std::mem::take(&mut self.data), std::mem::take(&mut self.pending));
        data.clear();
        pending.clear();
        // a long queue was needed once
        let few = |queue: VecDeque<Bytes>| if queue.capacity() <= 16 { queue } else { VecDeque::new() };
        *self = Self { data: few(data), pending: few(pending), ..Self::default() };
    }

    /// Tells whoever waits for something of the stream.
    pub(crate) fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// The same, and whoever waits to send.
    pub(crate) fn wake_all(&mut self) {
        self.wake();
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
    }

    /// Whether nothing more will be read of it.
    pub(crate) fn is_read(&self) -> bool {
        self.error.is_none()
            && self.remote == Half::Ended
            && self.head.is_none()
            && self.data.is_empty()
            && self.trailers.is_none()
    }

    /// Whether it takes no more bytes of its request.
    pub(crate) fn is_closed_to_sends(&self) -> bool {
        !self.is_live || self.local == Half::Ended || self.error.is_some()
    }
}
