//! From a byte stream to an HTTP/2 connection that has proven to be one: the server's SETTINGS have arrived.
//!
//! A call puts its frames into the connection from its own task; one task per connection moves bytes.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;

use mesh_http2::{Driver, Sender, Settings, connect};
use tokio::time::{sleep, timeout};

use super::Times;
use super::endpoint::Endpoint;
use crate::transport::BoxIo;

/// What a server is allowed.
const SETTINGS: Settings = Settings {
    // of one response, for its reader
    stream_window: 128 << 10,
    // as much for every stream of the connection at once, so that calls whose readers are slow hold up no other
    connection_window: 16 << 20,
    frame: 128 << 10,
    headers: 16 << 10,
    streams: 128,
};

/// One HTTP/2 connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) sender: Sender,
    /// Calls under way.
    pub(super) calls: AtomicUsize,
    /// False once the connection takes no new streams.
    usable: AtomicBool,
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
        self.calls.load(Ordering::Acquire) < self.sender.streams()
    }
}

/// Opens a connection; `ended` is told when it ends, if it was in use until then.
pub(super) async fn open(
    endpoint: &Endpoint,
    times: &Times,
    ended: impl FnOnce(bool) + Send + 'static,
) -> io::Result<Arc<Connection>> {
    let (sender, driver) = connect(endpoint.connect(times).await?, SETTINGS);
    let connection = Arc::new(Connection {
        sender,
        calls: AtomicUsize::new(0),
        // until its server has spoken
        usable: AtomicBool::new(false),
    });
    let used = Arc::downgrade(&connection);
    let pulse = keep_alive((times.ping, times.ping_answer), Weak::clone(&used));
    tokio::spawn(async move {
        if let Err(error) = drive(driver, pulse).await {
            tracing::debug!(%error, "a connection ended");
        }
        // one that nobody holds any longer was not in use
        ended(used.upgrade().is_some_and(|connection| connection.retire()));
    });
    match timeout(times.handshake, connection.sender.settled()).await {
        Ok(Ok(())) => {
            connection.usable.store(true, Ordering::Release);
            Ok(connection)
        }
        Ok(Err(error)) => Err(io::Error::new(io::ErrorKind::ConnectionReset, error)),
        Err(_) => Err(timed_out()),
    }
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the server does not answer")
}

/// Moves the bytes of a connection until it ends or its server does not answer a PING.
async fn drive(driver: Driver<BoxIo>, pulse: impl Future<Output = io::Error>) -> io::Result<()> {
    let (mut driver, mut pulse) = (pin!(driver), pin!(pulse));
    poll_fn(|cx| match driver.as_mut().poll(cx) {
        Poll::Ready(ended) => Poll::Ready(ended.map_err(io::Error::other)),
        Poll::Pending => pulse.as_mut().poll(cx).map(Err),
    })
    .await
}

/// Resolves when a PING is not answered in time. PINGs are sent while calls are under way.
async fn keep_alive((pause, answer): (Duration, Duration), connection: Weak<Connection>) -> io::Error {
    loop {
        sleep(pause).await;
        let busy = connection.upgrade().filter(|one| one.calls.load(Ordering::Acquire) > 0);
        if let Some(busy) = busy
            && timeout(answer, busy.sender.ping()).await.is_err()
        {
            return timed_out();
        }
    }
}
