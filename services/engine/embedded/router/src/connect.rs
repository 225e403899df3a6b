//! How the router reaches an instance.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use futures_core::future::BoxFuture;
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
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as BoxedIo)
        })
    }
}
