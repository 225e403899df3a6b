//! What server and client share below HTTP/2: byte streams of any kind.

use tokio::io::{AsyncRead, AsyncWrite};

/// A byte stream of any kind.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A byte stream whose kind no longer matters.
pub(crate) type BoxIo = Box<dyn Io>;
