//! HTTP/1.1 byte by byte: literal status lines, chunks as they come, trailers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use mesh::identity::tls::{chain, key, roots};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::pki::Identity;
use crate::world::within;

/// A connection of a client.
pub(crate) struct Connection {
    io: BufReader<TlsStream<TcpStream>>,
}

/// The head of an answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Head {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) line: String,
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
    /// Only of a chunked body.
    pub(crate) trailers: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    pub(crate) fn status(&self) -> u16 {
        self.line.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {} {text}", self.line))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Connection {
    /// Opens a connection that offers these protocols.
    pub(crate) async fn open(
        address: SocketAddr,
        servers_root: &[u8],
        identity: &Identity,
        alpn: &[&str],
    ) -> io::Result<Self> {
        let builder =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots(servers_root).unwrap());
        let mut config = if identity.chain.is_empty() {
            builder.with_no_client_auth()
        } else {
            builder
                .with_client_auth_cert(chain(&identity.chain).unwrap(), key(&identity.key).unwrap())
                .unwrap()
        };
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let io = within(TlsConnector::from(Arc::new(config)).connect(name, stream)).await?;
        Ok(Self { io: BufReader::new(io) })
    }

    /// The bytes, for another protocol.
    pub(crate) fn into_inner(self) -> TlsStream<TcpStream> {
        self.io.into_inner()
    }

    /// The same, and what was read of it ahead.
    pub(crate) fn into_parts(self) -> (TlsStream<TcpStream>, Vec<u8>) {
        let ahead = self.io.buffer().to_vec();
        (self.io.into_inner(), ahead)
    }

    /// What ALPN chose.
    pub(crate) fn protocol(&self) -> Option<String> {
        let alpn = self.io.get_ref().get_ref().1.alpn_protocol()?;
        Some(String::from_utf8(alpn.to_vec()).unwrap())
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.io.write_all(bytes).await?;
        self.io.flush().await
    }

    /// One whole request and its answer. `headers` are whole lines.
    pub(crate) async fn request(&mut self, method: &str, target: &str, headers: &str, body: &[u8]) -> Reply {
        self.ask(method, target, headers, body).await;
        self.reply(method == "HEAD").await
    }

    /// Sends a request.
    pub(crate) async fn ask(&mut self, method: &str, target: &str, headers: &str, body: &[u8]) {
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{headers}{length}\r\n");
        // a server may answer before it has read all: that is for the reader to see
        let _ = self.write(&[head.as_bytes(), body].concat()).await;
    }

    pub(crate) async fn reply(&mut self, without_body: bool) -> Reply {
        let head = self.head().await.expect("an answer");
        let chunked = head.header("transfer-encoding") == Some("chunked");
        let length = head.header("content-length").map_or(0, |length| length.parse().unwrap());
        let (mut body, mut trailers) = (Vec::new(), Vec::new());
        if chunked && !without_body {
            while let Some(chunk) = self.chunk().await.unwrap() {
                body.extend(chunk);
            }
            trailers = self.fields().await.unwrap();
        } else if !without_body {
            body.resize(length, 0);
            within(self.io.read_exact(&mut body)).await.unwrap();
        }
        Reply { line: head.line.clone(), head, body, trailers }
    }

    /// The status line and headers; none where the connection ends before them.
    pub(crate) async fn head(&mut self) -> Option<Head> {
        let line = self.line().await.ok().filter(|line| !line.is_empty())?;
        Some(Head { line, headers: self.fields().await.ok()? })
    }

    /// The next chunk; none at the last one, an error where the connection ends before it.
    pub(crate) async fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let size = self.line().await?;
        let size = usize::from_str_radix(&size, 16)
            .map_err(|_| io::Error::new(io::ErrorKind::UnexpectedEof, "no chunk"))?;
        if size == 0 {
            return Ok(None);
        }
        let mut data = vec![0; size + 2];
        within(self.io.read_exact(&mut data)).await?;
        data.truncate(size);
        Ok(Some(data))
    }

    /// Fields up to an empty line.
    pub(crate) async fn fields(&mut self) -> io::Result<Vec<(String, String)>> {
        let mut fields = Vec::new();
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(": ") else { return Ok(fields) };
            fields.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Whether the server closes the connection without another byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        matches!(within(self.io.read(&mut [0; 1])).await, Ok(0) | Err(_))
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        within(self.io.read_line(&mut line)).await?;
        Ok(line.trim_end_matches("\r\n").to_owned())
    }
}
