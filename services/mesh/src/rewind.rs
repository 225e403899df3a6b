//! A byte stream whose beginning was read already, and is given out again.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Gives out `head` before what the stream has next.
#[derive(Debug)]
pub struct Rewind<I> {
    head: Bytes,
    io: I,
}

impl<I> Rewind<I> {
    /// A stream of which `head` was read.
    pub fn new(head: Bytes, io: I) -> Self {
        Self { head, io }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Rewind<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.head.is_empty() {
            return Pin::new(&mut this.io).poll_read(cx, out);
        }
        let step = this.head.len().min(out.remaining());
        out.put_slice(&this.head[..step]);
        this.head.advance(step);
        if this.head.is_empty() {
            this.head = Bytes::new();
            // what has come behind it goes along: a reader that is given a few bytes makes room for many more, and looks
            // at them twice. A failure here is one of the next read, which finds the stream at its end.
            let _ = Pin::new(&mut this.io).poll_read(cx, out);
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Rewind<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    //! What is read, and in how many pieces.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn what_has_come_behind_the_beginning_is_read_with_it() {
        let (mut peer, io) = duplex(64);
        peer.write_all(b" and the rest").await.unwrap();
        let mut rewind = Rewind::new(Bytes::from_static(b"beginning"), io);
        let mut out = [0; 64];
        let read = rewind.read(&mut out).await.unwrap();
        assert_eq!(&out[..read], b"beginning and the rest");
    }

    #[tokio::test]
    async fn a_beginning_alone_does_not_wait() {
        let (mut peer, io) = duplex(64);
        let mut rewind = Rewind::new(Bytes::from_static(b"beginning"), io);
        let mut out = [0; 5];
        assert_eq!(rewind.read(&mut out).await.unwrap(), 5);
        assert_eq!(&out, b"begin");
        assert_eq!(rewind.read(&mut out).await.unwrap(), 4);
        peer.write_all(b"rest").await.unwrap();
        assert_eq!(rewind.read(&mut out).await.unwrap(), 4);
        drop(peer);
        assert_eq!(rewind.read(&mut out).await.unwrap(), 0);
    }
}
