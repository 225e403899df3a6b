//! How connections and streams end.

use std::fmt;

/// Why a peer ended a stream or a connection: an error code of HTTP/2 (RFC 9113, 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason(pub u32);

impl Reason {
    /// Nothing is wrong.
    pub const NO_ERROR: Self = Self(0);
    /// The protocol was broken.
    pub const PROTOCOL_ERROR: Self = Self(1);
    /// More was sent than flow control allows.
    pub const FLOW_CONTROL_ERROR: Self = Self(3);
    /// A frame has a size that it cannot have.
    pub const FRAME_SIZE_ERROR: Self = Self(6);
    /// The stream was not processed.
    pub const REFUSED_STREAM: Self = Self(7);
    /// Nobody wants the stream any longer.
    pub const CANCEL: Self = Self(8);
    /// The compression of headers is broken, and the connection with it.
    pub const COMPRESSION_ERROR: Self = Self(9);
    /// The peer makes too much work.
    pub const ENHANCE_YOUR_CALM: Self = Self(11);
    /// The transport is not safe enough.
    pub const INADEQUATE_SECURITY: Self = Self(12);
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 14] = [
            "NO_ERROR",
            "PROTOCOL_ERROR",
            "INTERNAL_ERROR",
            "FLOW_CONTROL_ERROR",
            "SETTINGS_TIMEOUT",
            "STREAM_CLOSED",
            "FRAME_SIZE_ERROR",
            "REFUSED_STREAM",
            "CANCEL",
            "COMPRESSION_ERROR",
            "CONNECT_ERROR",
            "ENHANCE_YOUR_CALM",
            "INADEQUATE_SECURITY",
            "HTTP_1_1_REQUIRED",
        ];
        match usize::try_from(self.0).ok().and_then(|code| NAMES.get(code)) {
            Some(name) => f.write_str(name),
            None => write!(f, "code {}", self.0),
        }
    }
}

/// Why a stream, or a connection with all of its streams, has ended before its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The server reset the stream.
    #[error("the server reset the stream: {0}")]
    Reset(Reason),
    /// This side reset the stream, because of what the server sent on it.
    #[error("{1}, so the stream was reset: {0}")]
    Refused(Reason, &'static str),
    /// The server closes the connection, and has not processed the stream.
    #[error("the server closes the connection: {0}")]
    GoAway(Reason),
    /// The server broke the protocol, and this side closed the connection.
    #[error("the server broke the protocol of the connection: {1} ({0})")]
    Protocol(Reason, &'static str),
    /// The connection has ended.
    #[error("the connection ended: {0}")]
    Closed(String),
}

impl Error {
    /// Whether only the stream has ended, and the connection goes on.
    pub fn is_reset(&self) -> bool {
        matches!(self, Self::Reset(_) | Self::Refused(..))
    }

    /// Whether the server has said that it has not processed the stream.
    pub fn is_unprocessed(&self) -> bool {
        matches!(self, Self::GoAway(_) | Self::Reset(Reason::REFUSED_STREAM))
    }

    /// The error code of the peer, or the one that it was sent.
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Reset(reason)
            | Self::Refused(reason, _)
            | Self::GoAway(reason)
            | Self::Protocol(reason, _) => Some(*reason),
            Self::Closed(_) => None,
        }
    }
}

/// An error of the connection.
pub(crate) fn protocol(what: &'static str) -> Error {
    Error::Protocol(Reason::PROTOCOL_ERROR, what)
}
