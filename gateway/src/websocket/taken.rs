//! Whether a client takes what it is sent: the bytes that its connection has taken, for who waits for more of it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::sleep;

use crate::listen::Blocked;

/// What is written at once: over HTTP/2 a whole write counts as taken, and lies in memory until it is.
const PIECE: usize = 16 << 10;

/// The bytes that a connection has taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken(Arc<AtomicU64>);

impl Taken {
    /// Resolves when nothing was taken for so long, within twice of it, although there was room below; never where the time
    /// is zero.
    pub(super) async fn stalled(&self, time: Duration, blocked: &Blocked) {
        if time.is_zero() {
            return std::future::pending().await;
        }
        loop {
            let before = self.0.load(Ordering::Relaxed);
            sleep(time).await;
            if self.0.load(Ordering::Relaxed) == before && !blocked.is_so() {
                return;
            }
        }
    }
}

/// A connection whose bytes are counted.
#[derive(Debug)]
pub(super) struct Counted<I> {
    io: I,
    taken: Taken,
}

impl<I> Counted<I> {
    pub(super) fn new(io: I) -> Self {
        Self { io, taken: Taken::default() }
    }

    pub(super) fn taken(&self) -> &Taken {
        &self.taken
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Counted<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, out)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Counted<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let piece = data.get(..PIECE).unwrap_or(data);
        let polled = Pin::new(&mut self.io).poll_write(cx, piece);
        if let Poll::Ready(Ok(count)) = polled {
            self.taken.0.fetch_add(count as u64, Ordering::Relaxed);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
