//! How the router reaches an instance.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_core::future::BoxFuture;
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// What a connection is: bytes both ways.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A connection of any kind.
pub type BoxedIo = Box<dyn Io>;

/// A way to an instance's port: its address, or the shim that opens a connection inside the instance.
pub trait Connect: fmt::Debug + Send + Sync {
    /// Opens a connection. The router bounds the time.
    fn connect(&self) -> BoxFuture<'_, io::Result<BoxedIo>>;
}

/// By TCP to an address.
#[derive(Clone, Copy, Debug)]
pub struct Tcp(pub SocketAddr);

impl Connect for Tcp {
    fn connect(&self) -> BoxFuture<'_, io::Result<BoxedIo>> {
        Box::pin(async move {
            let stream = TcpStream::connect(self.0).await?;
            prepare(&stream)?;
            Ok(Box::new(stream) as BoxedIo)
        })
    }
}

/// Sends at once what is written, and notices an end that vanished without a word, also when nothing is sent: a
/// tunnel may be silent for days.
pub(crate) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, Duration::from_mins(1))?;
    sockopt::set_tcp_keepintvl(stream, Duration::from_secs(10))?;
    sockopt::set_tcp_keepcnt(stream, 3)?;
    Ok(())
}
