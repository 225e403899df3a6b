//! From a byte stream to an HTTP/2 connection that has proven to be one: the server's SETTINGS have arrived.
//!
//! A call puts its frames into the connection from its own task; one task per connection moves bytes.

use std::future::{pending, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Ping, PingPong};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::Times;
use super::endpoint::Endpoint;
use crate::gather::{Gather, Sending, gather};
use crate::transport::BoxIo;

/// Streams of one connection, whatever its server allows.
const MAX_STREAMS: usize = 128;

/// Bytes of one response that may wait for their reader.
const STREAM_WINDOW: u32 = 128 << 10;

/// As much for every stream of the connection at once, so that calls whose readers are slow hold up no other.
const CONNECTION_WINDOW: u32 = 16 << 20;

/// The largest frame that a server may send: a message of this size arrives in one piece.
const MAX_FRAME: u32 = 128 << 10;

/// Bytes of all headers of a response.
const MAX_HEADERS: u32 = 16 << 10;

type Protocol = h2::client::Connection<Gather<BoxIo>, Bytes>;

/// One HTTP/2 connection.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<Bytes>,
    /// Calls under way.
    pub(super) calls: AtomicUsize,
    /// False once the connection takes no new streams.
    usable: AtomicBool,
    /// Streams that may be open at once.
    streams: Arc<AtomicUsize>,
}

impl Connection {
    pub(super) fn is_usable(&self) -> bool {
        self.usable.load(Ordering::Acquire)
    }

    /// Takes the connection out of use, calls under way go on; says whether it was in use.
    pub(super) fn retire(&self) -> bool {
        self.usable.swap(false, Ordering::AcqRel)
    }

    /// Whether one more stream may be opened.
    pub(super) fn has_room(&self) -> bool {
        self.calls.load(Ordering::Acquire) < self.streams.load(Ordering::Acquire)
    }

    pub(super) fn sender(&self) -> SendRequest<Bytes> {
        self.sender.clone()
    }
}

/// Opens a connection; `ended` is told when it ends, if it was in use until then.
pub(super) async fn open(
    endpoint: &Endpoint,
    times: &Times,
    ended: impl FnOnce(bool) + Send + 'static,
) -> io::Result<Arc<Connection>> {
    let (io, sending) = gather(endpoint.connect(times).await?);
    let mut builder = h2::client::Builder::new();
    builder
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(MAX_FRAME)
        .max_header_list_size(MAX_HEADERS)
        // none before SETTINGS, which is how their arrival shows
        .initial_max_send_streams(0);
    // nothing is sent before the connection is driven
    let shaken = timeout(times.handshake, builder.handshake(io)).await;
    let (sender, mut protocol) = shaken.map_err(|_| timed_out())?.map_err(io::Error::other)?;
    let streams = Arc::new(AtomicUsize::new(0));
    let (told, settings) = oneshot::channel();
    let pings = protocol.ping_pong();
    let connection = Arc::new(Connection {
        sender,
        calls: AtomicUsize::new(0),
        // until its server has spoken
        usable: AtomicBool::new(false),
        streams: Arc::clone(&streams),
    });
    let pulse = keep_alive(pings, (times.ping, times.ping_answer), Arc::downgrade(&connection));
    let used = Arc::downgrade(&connection);
    tokio::spawn(async move {
        if let Err(error) = drive((protocol, sending), pulse, streams, told).await {
            tracing::debug!(%error, "a connection ended");
        }
        // one that nobody holds any longer was not in use
        ended(used.upgrade().is_some_and(|connection| connection.retire()));
    });
    match timeout(times.handshake, settings).await {
        Ok(Ok(())) => {
            connection.usable.store(true, Ordering::Release);
            Ok(connection)
        }
        Ok(Err(_)) => Err(io::Error::new(io::ErrorKind::ConnectionReset, "the server closed the connection")),
        Err(_) => Err(timed_out()),
    }
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the server does not answer")
}

/// Moves the bytes of a connection until it ends or its server does not answer a PING.
async fn drive(
    (mut protocol, mut sending): (Protocol, Sending<BoxIo>),
    pulse: impl Future<Output = io::Error>,
    streams: Arc<AtomicUsize>,
    told: oneshot::Sender<()>,
) -> io::Result<()> {
    let mut told = Some(told);
    let mut pulse = pin!(pulse);
    poll_fn(|cx: &mut Context<'_>| {
        let polled = Pin::new(&mut protocol).poll(cx);
        let allowed = protocol.max_concurrent_send_streams();
        streams.store(allowed.min(MAX_STREAMS), Ordering::Release);
        if allowed > 0
            && let Some(told) = told.take()
        {
            let _ = told.send(());
        }
        match sending.after(polled, cx)? {
            Poll::Ready(ended) => Poll::Ready(ended.map_err(io::Error::other)),
            Poll::Pending => pulse.as_mut().poll(cx).map(Err),
        }
    })
    .await
}

/// Resolves when a PING is not answered in time. PINGs are sent while calls are under way.
async fn keep_alive(
    pings: Option<PingPong>,
    (pause, answer): (Duration, Duration),
    connection: Weak<Connection>,
) -> io::Error {
    let Some(mut pings) = pings else { return pending().await };
    loop {
        sleep(pause).await;
        let busy = connection.upgrade().is_some_and(|one| one.calls.load(Ordering::Acquire) > 0);
        if busy && timeout(answer, pings.ping(Ping::opaque())).await.is_err() {
            return timed_out();
        }
    }
}
