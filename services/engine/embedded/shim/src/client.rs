//! The supervisor's end of the connection, for callers that may block.

use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::protocol::{self, Decoder, Message, Request, VERSION};
use crate::record::names;

/// Connects to the shim that holds `dir`, however long the path is. Say [`Request::Hello`] first.
pub fn connect(dir: &Path) -> io::Result<UnixStream> {
    use std::os::fd::AsRawFd as _;
    // socket addresses end at 108 bytes: go through the directory's descriptor
    let handle = std::fs::File::open(dir)?;
    UnixStream::connect(format!("/proc/self/fd/{}/{}", handle.as_raw_fd(), names::SOCKET))
}

/// A connection that blocks.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    decoder: Decoder,
    buffer: Vec<u8>,
    descriptors: Vec<OwnedFd>,
}

impl Client {
    /// Connects and says hello; the first message is the welcome.
    pub fn connect(dir: &Path) -> io::Result<Self> {
        let mut client = Self {
            stream: connect(dir)?,
            decoder: Decoder::new(),
            buffer: vec![0; 16 * 1024],
            descriptors: Vec::new(),
        };
        client.send(&Request::Hello { version: VERSION })?;
        Ok(client)
    }

    /// Sends a request.
    pub fn send(&mut self, request: &Request) -> io::Result<()> {
        let mut bytes = Vec::new();
        protocol::encode_request(request, &mut bytes).map_err(io::Error::other)?;
        self.stream.write_all(&bytes)
    }

    /// Sends bytes to the run's standard input.
    pub fn input(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut frames = Vec::new();
        protocol::encode_input(bytes, &mut frames);
        self.stream.write_all(&frames)
    }

    /// The next message; none when the shim has left.
    ///
    /// # Errors
    /// `TimedOut` when nothing came in time.
    pub fn next(&mut self, timeout: Duration) -> io::Result<Option<Message>> {
        let end = Instant::now() + timeout;
        loop {
            if let Some(message) = self.decoder.next().map_err(io::Error::other)? {
                return Ok(Some(message));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.stream.set_read_timeout(Some(left))?;
            match protocol::receive(&self.stream, &mut self.buffer, &mut self.descriptors) {
                Ok(0) => return Ok(None),
                Ok(got) => {
                    self.decoder.push(self.buffer.get(..got).unwrap_or_default(), self.descriptors.drain(..));
                }
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(error) => return Err(error),
            }
        }
    }
}
