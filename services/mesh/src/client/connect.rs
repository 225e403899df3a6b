//! From a byte stream to an HTTP/2 connection that has proven to be one: the server's SETTINGS have arrived.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use super::Times;
use super::endpoint::Endpoint;
use super::payload::RequestBody;
use crate::transport::BoxIo;

/// What hyper sends requests with.
pub(super) type Sender = http2::SendRequest<RequestBody>;

/// One HTTP/2 connection.
#[derive(Debug)]
pub(super) struct Connection {
    sender: Sender,
    /// Calls under way.
    pub(super) calls: AtomicUsize,
    /// False once the connection takes no new streams.
    usable: Arc<AtomicBool>,
    /// Streams that the server lets be open at once.
    streams: Arc<AtomicUsize>,
}

impl Connection {
    pub(super) fn is_usable(&self) -> bool {
        self.usable.load(Ordering::Acquire) && !self.sender.is_closed()
    }

    /// Takes the connection out of use; calls under way go on.
    pub(super) fn retire(&self) {
        self.usable.store(false, Ordering::Release);
    }

    /// Whether the server's limit of streams leaves room for one more.
    pub(super) fn has_room(&self) -> bool {
        self.calls.load(Ordering::Acquire) < self.streams.load(Ordering::Acquire)
    }

    pub(super) fn sender(&self) -> Sender {
        self.sender.clone()
    }
}

/// Opens a connection; `changed` is told when it ends.
pub(super) async fn open(
    endpoint: &Endpoint,
    times: &Times,
    changed: Arc<watch::Sender<()>>,
) -> io::Result<Connection> {
    let io = endpoint.connect(times).await?;
    let (told, settings) = oneshot::channel();
    let io = FirstRead { io, told: Some(told) };
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(times.ping)
        .keep_alive_timeout(times.ping_answer)
        .keep_alive_while_idle(false)
        .initial_stream_window_size(256 << 10)
        .initial_connection_window_size(1 << 20)
        .max_header_list_size(16 << 10);
    let shaken = timeout(times.handshake, builder.handshake(TokioIo::new(io))).await;
    let (sender, protocol) = shaken.map_err(|_| timed_out())?.map_err(io::Error::other)?;
    let usable = Arc::new(AtomicBool::new(true));
    let streams = Arc::new(AtomicUsize::new(protocol.current_max_send_streams()));
    let (ended, allowed) = (Arc::clone(&usable), Arc::clone(&streams));
    tokio::spawn(async move {
        let mut protocol = pin!(protocol);
        let driven = poll_fn(|cx| {
            let polled = protocol.as_mut().poll(cx);
            allowed.store(protocol.current_max_send_streams(), Ordering::Release);
            polled
        });
        if let Err(error) = driven.await {
            tracing::debug!(%error, "a connection ended");
        }
        ended.store(false, Ordering::Release);
        changed.send_replace(());
    });
    match timeout(times.handshake, settings).await {
        Ok(Ok(())) => Ok(Connection { sender, calls: AtomicUsize::new(0), usable, streams }),
        Ok(Err(_)) => Err(io::Error::new(io::ErrorKind::ConnectionReset, "the server closed the connection")),
        Err(_) => Err(timed_out()),
    }
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the server does not answer")
}

/// Tells when the server has said its first words, which are SETTINGS: hyper refuses any other.
struct FirstRead {
    io: BoxIo,
    told: Option<oneshot::Sender<()>>,
}

impl AsyncRead for FirstRead {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = out.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, out);
        if out.filled().len() > before
            && let Some(told) = self.told.take()
        {
            let _ = told.send(());
        }
        polled
    }
}

impl AsyncWrite for FirstRead {
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
