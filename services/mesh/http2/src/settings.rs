//! What each side allows the other (RFC 9113, 6.5).

/// The window that every stream and connection begins with.
pub(crate) const DEFAULT_WINDOW: u32 = 65_535;

/// The largest window there is.
pub(crate) const MAX_WINDOW: u32 = (1 << 31) - 1;

/// The largest frame that may be sent unless the peer allows more.
pub(crate) const DEFAULT_FRAME: u32 = 16 << 10;

/// The largest frame there is.
pub(crate) const MAX_FRAME: u32 = (1 << 24) - 1;

/// What a client allows its server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of one stream that may wait for their reader; at most 2^31-1.
    pub stream_window: u32,
    /// Bytes of all streams that may wait for their readers; from 65,535 to 2^31-1.
    pub connection_window: u32,
    /// Bytes of a frame; from 16 KiB to 16 MiB less one.
    pub frame: u32,
    /// Bytes of the fields of a head or of trailers, each with 32 more (RFC 9113, 6.5.2).
    pub headers: u32,
    /// Streams at a time, whatever the server allows.
    pub streams: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            stream_window: DEFAULT_WINDOW,
            connection_window: DEFAULT_WINDOW,
            frame: DEFAULT_FRAME,
            headers: 16 << 10,
            streams: 100,
        }
    }
}

impl Settings {
    /// Within what the protocol has.
    pub(crate) fn bounded(self) -> Self {
        Self {
            stream_window: self.stream_window.min(MAX_WINDOW),
            connection_window: self.connection_window.clamp(DEFAULT_WINDOW, MAX_WINDOW),
            frame: self.frame.clamp(DEFAULT_FRAME, MAX_FRAME),
            ..self
        }
    }
}

/// What the server allows.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) streams: u32,
    pub(crate) window: u32,
    pub(crate) frame: u32,
}

impl Peer {
    /// What holds before the server has spoken; no stream is opened until then.
    pub(crate) const INITIAL: Self = Self { streams: u32::MAX, window: DEFAULT_WINDOW, frame: DEFAULT_FRAME };
}
