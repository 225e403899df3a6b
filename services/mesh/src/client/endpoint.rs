//! Where a channel connects to, and how.

use std::fmt;
use std::io;
use std::path::PathBuf;
#[cfg(feature = "tls")]
use std::sync::Arc;
use std::time::Duration;

use http::uri::Authority;
use rustix::net::sockopt;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::Times;
use crate::memory::Connector;
use crate::transport::BoxIo;

/// Silence before the first keep-alive probe, the time between probes, and their number.
const KEEP_ALIVE: (Duration, Duration, u32) = (Duration::from_secs(20), Duration::from_secs(5), 4);

/// Milliseconds that data stays unacknowledged until the connection is given up.
const UNACKNOWLEDGED: u32 = 20_000;

/// Why a text is no address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not HOST:PORT")]
pub struct EndpointError(String);

/// One place that a channel connects to.
#[derive(Clone, Debug)]
pub struct Endpoint {
    kind: Kind,
    authority: Authority,
}

#[derive(Clone, Debug)]
enum Kind {
    Cleartext,
    #[cfg(feature = "tls")]
    Tls(Arc<crate::identity::tls::Client>),
    Unix(PathBuf),
    Memory(Connector),
}

impl Endpoint {
    /// HTTP/2 in clear to `host:port`. Names are looked up at every connection.
    pub fn h2c(address: &str) -> Result<Self, EndpointError> {
        Ok(Self { kind: Kind::Cleartext, authority: authority(address)? })
    }

    /// HTTP/2 over TLS to `host:port`.
    #[cfg(feature = "tls")]
    pub fn tls(address: &str, tls: Arc<crate::identity::tls::Client>) -> Result<Self, EndpointError> {
        Ok(Self { kind: Kind::Tls(tls), authority: authority(address)? })
    }

    /// A Unix socket.
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self { kind: Kind::Unix(path.into()), authority: Authority::from_static("localhost") }
    }

    /// A listener of this process.
    pub fn memory(connector: Connector) -> Self {
        Self { kind: Kind::Memory(connector), authority: Authority::from_static("memory") }
    }

    /// Whether requests say `https` as their scheme: some servers refuse the one that their transport does not have.
    pub(super) fn is_https(&self) -> bool {
        match self.kind {
            #[cfg(feature = "tls")]
            Kind::Tls(_) => true,
            Kind::Cleartext | Kind::Unix(_) | Kind::Memory(_) => false,
        }
    }

    /// What requests say as their authority.
    pub(super) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Opens a byte stream that is ready for HTTP/2.
    pub(super) async fn connect(&self, times: &Times) -> io::Result<BoxIo> {
        match &self.kind {
            Kind::Cleartext => Ok(Box::new(self.tcp(times).await?)),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => {
                let stream = self.tcp(times).await?;
                Ok(Box::new(within(times.handshake, tls.connect(stream)).await?))
            }
            Kind::Unix(path) => Ok(Box::new(within(times.connect, UnixStream::connect(path)).await?)),
            Kind::Memory(connector) => Ok(Box::new(within(times.connect, connector.connect()).await?)),
        }
    }

    async fn tcp(&self, times: &Times) -> io::Result<TcpStream> {
        let stream = within(times.connect, TcpStream::connect(self.authority.as_str())).await?;
        stream.set_nodelay(true)?;
        // a server that is gone without a word is found by probes, which no server counts against its client
        sockopt::set_socket_keepalive(&stream, true)?;
        sockopt::set_tcp_keepidle(&stream, KEEP_ALIVE.0)?;
        sockopt::set_tcp_keepintvl(&stream, KEEP_ALIVE.1)?;
        sockopt::set_tcp_keepcnt(&stream, KEEP_ALIVE.2)?;
        sockopt::set_tcp_user_timeout(&stream, UNACKNOWLEDGED)?;
        Ok(stream)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Unix(path) => write!(out, "{}", path.display()),
            _ => out.write_str(self.authority.as_str()),
        }
    }
}

fn authority(address: &str) -> Result<Authority, EndpointError> {
    let parsed = address.parse::<Authority>().ok();
    let whole = |authority: &Authority| authority.port_u16().is_some() && !authority.as_str().contains('@');
    parsed.filter(whole).ok_or_else(|| EndpointError(address.to_owned()))
}

async fn within<T>(limit: Duration, future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, future).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}
