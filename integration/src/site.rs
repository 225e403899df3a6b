//! A visitor of a tool's web address: HTTP/1.1 on a socket, so that streams and upgrades can be looked at byte by byte.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// No answer of a page takes longer.
const BOUND: Duration = Duration::from_secs(20);

/// A tool's web address. `*.localhost` does not resolve everywhere: the name goes into the `Host` header.
#[derive(Clone, Debug)]
pub struct Site {
    address: String,
    host: String,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Status of HTTP.
    pub status: u16,
    /// All of the body.
    pub body: String,
}

/// An answer whose head has been read.
#[derive(Debug)]
pub struct Opened {
    /// Status of HTTP.
    pub status: u16,
    /// Status line and headers, in lower case.
    pub head: String,
    /// What follows, as it is sent.
    pub stream: BufReader<TcpStream>,
}

impl Site {
    /// The address of a tool on a router at `address`.
    pub fn new(address: &str, tool: &str) -> Self {
        let port = address.rsplit_once(':').map_or("80", |(_, port)| port);
        Self { address: address.to_owned(), host: format!("{tool}.localhost:{port}") }
    }

    /// What browsers are given.
    pub fn url(&self) -> String {
        format!("http://{}/", self.host)
    }

    /// Fetches a page on a connection of its own.
    pub fn get(&self, path: &str) -> Result<Page> {
        let Opened { status, head, mut stream } = self.open("GET", path, "connection: close\r\n", b"")?;
        let mut body = Vec::new();
        stream.read_to_end(&mut body).with_context(|| format!("body of {path}"))?;
        let body = if head.contains("transfer-encoding: chunked") { unchunk(&body)? } else { body };
        if let Some(length) = header(&head, "content-length") {
            let length: usize = length.parse()?;
            anyhow::ensure!(body.len() == length, "{} of {length} bytes of {path}", body.len());
        }
        Ok(Page { status, body: String::from_utf8_lossy(&body).into_owned() })
    }

    /// Sends a request and reads the head of its answer. Each line of `headers` ends with CR LF.
    pub fn open(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Result<Opened> {
        let mut stream = TcpStream::connect(&self.address).context("connect to the router")?;
        stream.set_read_timeout(Some(BOUND))?;
        let length =
            if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: {}\r\n{headers}{length}\r\n", self.host)?;
        stream.write_all(body)?;
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).with_context(|| format!("head of {path}: {head:?}"))? == 0 {
                bail!("the head of {path} ends early: {head:?}");
            }
        }
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.with_context(|| format!("status line of {head:?}"))?;
        Ok(Opened { status, head: head.to_ascii_lowercase(), stream })
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
}

/// Puts chunks together (RFC 9112, 7.1).
fn unchunk(mut rest: &[u8]) -> Result<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").context("a chunk without a size")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end])?.trim(), 16)?;
        if size == 0 {
            return Ok(whole);
        }
        rest = &rest[end + 2..];
        whole.extend_from_slice(rest.get(..size).context("a chunk that ends early")?);
        rest = rest.get(size + 2..).context("a chunk without an end")?;
    }
}
