//! What a server allows, each limit stated: nothing is left to the defaults of what is below.

use std::time::Duration;

/// Limits of a server. Times are how long, sizes are bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Streams that one connection may have open.
    pub streams: u32,
    /// The headers of one request.
    pub header_list: u32,
    /// One HTTP/2 frame.
    pub frame: u32,
    /// Streams that a peer reset before they were accepted (CVE-2023-44487).
    pub pending_resets: usize,
    /// Streams reset by us for errors of the peer (RUSTSEC-2024-0003).
    pub local_resets: usize,
    /// Bytes that wait to be sent on one stream.
    pub send_buffer: usize,
    /// What may be under way to one stream, before it is read.
    pub stream_window: u32,
    /// What may be under way to one connection.
    pub connection_window: u32,
    /// One message that is received.
    pub message: u32,
    /// A TLS handshake, its wait for a turn included.
    pub handshake: Duration,
    /// TLS handshakes at once.
    pub handshakes: usize,
    /// The HTTP/2 preface with the first SETTINGS.
    pub preface: Duration,
    /// A connection without streams.
    pub idle: Duration,
    /// A connection with streams, within 10 % of it: it gets GOAWAY and ends with its last stream.
    pub age: Duration,
    /// Silence before a PING.
    pub ping: Duration,
    /// The answer to a PING.
    pub ping_answer: Duration,
    /// Data that stays unacknowledged by TCP.
    pub tcp_user_timeout: Duration,
    /// Connections at once.
    pub connections: usize,
    /// Calls at once; streams count until they have answered with their headers.
    pub calls: usize,
    /// How long a call may wait for its turn before it is shed.
    pub shed_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            streams: 256,
            header_list: 16 << 10,
            frame: 16 << 10,
            pending_resets: 20,
            local_resets: 1024,
            send_buffer: 64 << 10,
            stream_window: 256 << 10,
            connection_window: 1 << 20,
            message: crate::frame::MAX_MESSAGE,
            handshake: Duration::from_secs(5),
            handshakes: 64,
            preface: Duration::from_secs(5),
            idle: Duration::from_mins(15),
            age: Duration::from_mins(30),
            ping: Duration::from_secs(30),
            ping_answer: Duration::from_secs(10),
            tcp_user_timeout: Duration::from_secs(20),
            connections: half_of_descriptors(),
            calls: 1024,
            shed_after: Duration::from_millis(100),
        }
    }
}

/// Half of the file descriptors that this process may open: the other half is for its own work.
fn half_of_descriptors() -> usize {
    const MOST: usize = 65_536;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit / 2).ok()).map_or(MOST, |half| half.clamp(16, MOST))
}
