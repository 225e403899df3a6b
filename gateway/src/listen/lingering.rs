//! The end of an HTTP/1.1 connection whose client is still sending: its bytes are read away for a while, because a
//! connection that is closed over unread bytes is reset, and the client may never see the answer (RFC 9112, 9.6).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How much is read away, and for how long.
const MOST: usize = 4 << 20;
const LONGEST: Duration = Duration::from_secs(2);

/// A connection that does not end over unread bytes.
pub(super) struct Lingering<I> {
    io: I,
    /// A client that has sent so much between two answers may be sending still.
    large: usize,
    /// What came since the last write, and before it.
    read: (usize, usize),
    end: Option<End>,
}

struct End {
    left: usize,
    until: Pin<Box<Sleep>>,
    /// Whether the client was found sending, or may be.
    sending: bool,
}

impl<I> Lingering<I> {
    /// `large` is what no head of a good request reaches.
    pub(super) fn new(io: I, large: usize) -> Self {
        Self { io, large, read: (0, 0), end: None }
    }

    fn wrote(&mut self) {
        if self.read.0 > 0 {
            self.read = (0, self.read.0);
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Lingering<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = out.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, out);
        self.read.0 += out.filled().len() - before;
        polled
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Lingering<I> {
    /// Reads away until the client has ended, or has had its time.
    fn poll_end(io: &mut I, end: &mut End, cx: &mut Context<'_>) -> Poll<()> {
        let mut bytes = [0; 4 << 10];
        while end.left > 0 {
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut *io).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    end.left = end.left.saturating_sub(buffer.filled().len());
                    end.sending = true;
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending if !end.sending => return Poll::Ready(()),
                Poll::Pending => return end.until.as_mut().poll(cx),
            }
        }
        Poll::Ready(())
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.wrote();
        Pin::new(&mut self.io).poll_write(cx, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.wrote();
        Pin::new(&mut self.io).poll_write_vectored(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.end.is_none() {
            std::task::ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
            let sending = this.read.0.max(this.read.1) >= this.large;
            this.end = Some(End { left: MOST, until: Box::pin(sleep(LONGEST)), sending });
        }
        match &mut this.end {
            Some(end) => Self::poll_end(&mut this.io, end, cx).map(Ok),
            None => Poll::Ready(Ok(())),
        }
    }
}
