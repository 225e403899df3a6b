//! Bounds on what a client may use, each stated: nothing is left to the defaults of what is below.

use std::time::Duration;

use mesh::drain::Grace;

/// Bounds on what a client may use. Times are how long, sizes are bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// The TLS handshake.
    pub handshake: Duration,
    /// The first bytes of HTTP/2 after it.
    pub preface: Duration,
    /// The headers of a request over HTTP/1.1, from the end of the one before.
    pub headers: Duration,
    /// The body of a request that is transcoded; of a stream, each message from its first byte.
    pub body: Duration,
    /// A stream of requests on which nothing moves in either direction; zero is without end.
    pub stream_idle: Duration,
    /// An HTTP/2 connection without a new call; zero is without end. Calls that are open are not cut.
    pub connection_idle: Duration,
    /// Calls at a time on one HTTP/2 connection.
    pub streams: u32,
    /// All headers of a request, each counted with 32 bytes more (RFC 9113, 10.5.1).
    pub header_bytes: u32,
    /// The path and query of a request.
    pub uri_bytes: usize,
    /// Name-value pairs in a query.
    pub query_pairs: usize,
    /// A request body that is transcoded, after its content coding.
    pub body_bytes: usize,
    /// A message of a backend that is transcoded.
    pub message_bytes: usize,
    /// How long the answer to a stream waits for the head of its call, and then for its first record, so that an early
    /// failure has an HTTP status.
    pub first_record: Duration,
    /// Silence on a stream before it says something that means nothing, so that nobody between closes it.
    pub keep_alive: Duration,
    /// Silence on an HTTP/2 connection before a PING, and the wait for its answer.
    pub ping: (Duration, Duration),
    /// Data that stays unacknowledged by TCP.
    pub unacknowledged: Duration,
    /// What is there for a client of HTTP/2, which takes none of it; zero is without end.
    pub stalled: Duration,
    /// A connection, within 10 %: it is asked to close, and ends with its last call.
    pub age: Duration,
    /// The stages of a drain.
    pub grace: Grace,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            handshake: Duration::from_secs(5),
            preface: Duration::from_secs(5),
            headers: Duration::from_secs(30),
            body: Duration::from_mins(1),
            stream_idle: Duration::from_mins(5),
            connection_idle: Duration::from_mins(5),
            streams: 256,
            header_bytes: 16 << 10,
            uri_bytes: 8 << 10,
            query_pairs: 1024,
            body_bytes: 4 << 20,
            message_bytes: 4 << 20,
            first_record: Duration::from_millis(200),
            keep_alive: Duration::from_secs(15),
            ping: (Duration::from_secs(30), Duration::from_secs(10)),
            unacknowledged: Duration::from_secs(30),
            stalled: Duration::from_secs(30),
            age: Duration::from_mins(30),
            grace: Grace::default(),
        }
    }
}
