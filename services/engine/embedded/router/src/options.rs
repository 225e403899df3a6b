//! Limits and names of a router.

use std::time::Duration;

/// Limits and names of a router; the defaults suit one machine.
#[derive(Clone, Debug)]
pub struct Options {
    /// Domains under which the first label names a tool, for example `localhost`.
    pub domains: Vec<String>,
    /// Connections from clients at once; more wait to be accepted.
    pub connections: usize,
    /// Streams at once on an HTTP/2 connection.
    pub streams: u32,
    /// How long a client may take for the header section of a request, and how long a connection may be idle.
    pub header_timeout: Duration,
    /// How long connecting to an instance may take.
    pub connect_timeout: Duration,
    /// Bytes of a request's header section; more is 431.
    pub header_bytes: usize,
    /// Fields of a request's header section; more is 431.
    pub header_fields: usize,
    /// How long requests and tunnels may go on after the router was told to end.
    pub grace: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            domains: vec!["localhost".to_owned()],
            connections: 4096,
            streams: 128,
            header_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            header_bytes: 64 << 10,
            header_fields: 128,
            grace: Duration::from_secs(15),
        }
    }
}
