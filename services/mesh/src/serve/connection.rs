//! One connection: handshake, preface, HTTP/2 with its limits, idle, age and drain.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::listen::Accepted;
use super::pipeline::{Held, Pipeline};
use super::stalled::Streams;
use super::{Limits, preface};
use crate::body::EndedBy;
use crate::drain::Drain;
use crate::identity::Peer;
use crate::rewind::Rewind;
use crate::trace::{Observed, random};
use crate::transport::BoxIo;

/// What all connections of a listener share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) limits: Arc<Limits>,
    pub(super) drain: Drain,
    /// Cancelled when connections must close by themselves.
    pub(super) closing: CancellationToken,
}

/// Serves a connection to its end.
pub(super) async fn run(accepted: Accepted, shared: Shared, handshakes: Arc<Semaphore>) {
    let opened = tokio::select! {
        opened = open(accepted, &shared.limits, &handshakes) => opened,
        () = shared.closing.cancelled() => return,
    };
    match opened {
        Ok((io, peer)) => serve(io, peer, &shared).await,
        Err(error) => tracing::debug!(%error, "a connection did not come about"),
    }
}

/// TLS, where the listener has it, and the preface; each has its time.
async fn open(
    accepted: Accepted,
    limits: &Limits,
    handshakes: &Semaphore,
) -> std::io::Result<(Rewind<BoxIo>, Peer)> {
    #[cfg(feature = "tls")]
    let (mut io, peer) = match accepted.tls {
        Some(tls) => {
            let from = accepted.peer.from;
            let shaken = timeout(limits.handshake, async {
                let _turn = handshakes.acquire().await;
                tls.accept(accepted.io).await
            });
            let (stream, principal) =
                shaken.await.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
            (Box::new(stream) as BoxIo, Peer { principal, from })
        }
        None => (accepted.io, accepted.peer),
    };
    #[cfg(not(feature = "tls"))]
    let (mut io, peer, _) = (accepted.io, accepted.peer, handshakes);
    let head = timeout(limits.preface, preface::read(&mut io)).await;
    let head = head.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
    Ok((Rewind::new(head, io), peer))
}

async fn serve(io: Rewind<BoxIo>, peer: Peer, shared: &Shared) {
    let limits = &*shared.limits;
    let activity = Arc::new(Activity::new());
    let service = Requests {
        pipeline: Arc::clone(&shared.pipeline),
        drain: shared.drain.clone(),
        peer: Arc::new(peer),
        activity: Arc::clone(&activity),
    };
    let mut connection = pin!(protocol(limits).serve_connection(TokioIo::new(io), service));
    let over = pin!(async {
        tokio::select! {
            () = shared.closing.cancelled() => {}
            () = tokio::time::sleep(jittered(limits.age, random())) => {}
            () = activity.idle_for(limits.idle) => {}
        }
    });
    tokio::select! {
        _ = connection.as_mut() => return,
        () = shared.drain.stopped() => return,
        () = over => connection.as_mut().graceful_shutdown(),
    }
    // GOAWAY is sent; streams that are open go on until they end or the drain gives up
    tokio::select! {
        _ = connection.as_mut() => {}
        () = shared.drain.stopped() => {}
    }
}

fn protocol(limits: &Limits) -> http2::Builder<Streams> {
    let mut builder = http2::Builder::new(Streams);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(limits.header_list)
        .max_frame_size(limits.frame)
        .max_pending_accept_reset_streams(limits.pending_resets)
        .max_local_error_reset_streams(limits.local_resets)
        .max_send_buf_size(limits.send_buffer)
        .initial_stream_window_size(limits.stream_window)
        .initial_connection_window_size(limits.connection_window)
        .keep_alive_interval(limits.ping)
        .keep_alive_timeout(limits.ping_answer)
        .auto_date_header(false);
    builder
}

/// An age within 10 % of the limit, so that connections made together do not end together.
fn jittered(age: Duration, random: u64) -> Duration {
    let permille = 900 + u32::try_from(random % 201).unwrap_or(100);
    age / 1000 * permille
}

/// Counts the streams of a connection.
#[derive(Debug)]
struct Activity {
    streams: AtomicUsize,
    /// When the last stream ended.
    quiet_since: std::sync::Mutex<Instant>,
}

impl Activity {
    fn new() -> Self {
        Self { streams: AtomicUsize::new(0), quiet_since: std::sync::Mutex::new(Instant::now()) }
    }

    fn begin(self: &Arc<Self>) -> Stream {
        self.streams.fetch_add(1, Ordering::AcqRel);
        Stream(Arc::clone(self))
    }

    fn quiet_since(&self) -> Instant {
        *self.quiet_since.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Resolves when there was no stream for so long.
    async fn idle_for(&self, limit: Duration) {
        loop {
            let busy = self.streams.load(Ordering::Acquire) > 0;
            let due = if busy { Instant::now() } else { self.quiet_since() } + limit;
            if !busy && due <= Instant::now() {
                return;
            }
            sleep_until(due).await;
        }
    }
}

/// A stream that is open.
#[derive(Debug)]
pub(super) struct Stream(Arc<Activity>);

impl Drop for Stream {
    fn drop(&mut self) {
        *self.0.quiet_since.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Instant::now();
        self.0.streams.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The requests of one connection.
struct Requests {
    pipeline: Arc<Pipeline>,
    drain: Drain,
    peer: Arc<Peer>,
    activity: Arc<Activity>,
}

impl hyper::service::Service<Request<Incoming>> for Requests {
    type Response = Response<Observed<EndedBy, Held<Stream>>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (pipeline, peer, drain) =
            (Arc::clone(&self.pipeline), Arc::clone(&self.peer), self.drain.clone());
        let stream = self.activity.begin();
        Box::pin(async move { Ok(pipeline.handle(request, &peer, &drain, stream).await) })
    }
}

#[cfg(test)]
impl Shared {
    /// Of a server of nothing.
    pub(super) fn for_tests() -> Self {
        Self {
            pipeline: Arc::default(),
            limits: Arc::default(),
            drain: Drain::new(),
            closing: CancellationToken::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    //! Ages and idle times.

    use super::*;

    #[test]
    fn an_age_stays_within_a_tenth() {
        let age = Duration::from_mins(30);
        for random in [0, 100, 200, 201, u64::MAX] {
            let jittered = jittered(age, random);
            assert!(jittered >= age / 10 * 9 && jittered <= age / 10 * 11, "{jittered:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn idle_is_counted_from_the_end_of_the_last_stream() {
        let activity = Arc::new(Activity::new());
        let start = Instant::now();
        let stream = activity.begin();
        let waiting = tokio::spawn({
            let activity = Arc::clone(&activity);
            async move { activity.idle_for(Duration::from_secs(10)).await }
        });
        tokio::time::sleep(Duration::from_secs(95)).await;
        drop(stream);
        assert!(waiting.await.is_ok());
        assert_eq!(start.elapsed().as_secs(), 105);
    }
}
