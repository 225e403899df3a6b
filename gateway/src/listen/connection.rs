//! One connection: TLS, HTTP/1.1 or HTTP/2, every limit explicit, age and drain.

use std::convert::Infallible;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use mesh::drain::{Drain, Grace};
use mesh::gather::{Gathered, gather};
use mesh::identity::Principal;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

use super::lingering::Lingering;
use super::preface;
use super::race::{Winner, race};
use super::socket;
use super::stalled::Owed;
use crate::handle::{Caller, Handler};
use crate::limits::Limits;
use crate::tls::{Protocol, Tls};

/// What is read of a head beyond its bounds, and its most fields over HTTP/1.1.
const HEAD_MARGIN: u32 = 16 << 10;
const FIELDS: usize = 256;

/// What the connections of one listener share.
pub(super) struct Server {
    handler: Arc<Handler>,
    tls: Option<Tls>,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    limits: Limits,
    /// Cancelled when connections are to close as soon as their calls have ended.
    closing: CancellationToken,
    /// Cancelled when they are to close at once.
    cut: CancellationToken,
}

impl Server {
    pub(super) fn new(handler: Arc<Handler>, tls: Option<Tls>, limits: Limits) -> Self {
        let (http1, http2) = (http1(&limits), http2(&limits));
        let (closing, cut) = (CancellationToken::new(), CancellationToken::new());
        Self { handler, tls, http1, http2, limits, closing, cut }
    }

    pub(super) fn grace(&self) -> Grace {
        self.limits.grace
    }

    /// Resolves when the drain has begun and been announced for long enough that balancers took notice.
    pub(super) async fn announced(&self, drain: &Drain) {
        drain.begun().await;
        self.handler.stopping();
        sleep(self.limits.grace.announce).await;
    }

    pub(super) fn close(&self) {
        self.closing.cancel();
    }

    pub(super) fn end_streams(&self) {
        self.handler.end_streams();
    }

    pub(super) fn cut(&self) {
        self.cut.cancel();
    }

    /// Serves a connection to its end.
    pub(super) async fn connection(&self, stream: TcpStream, peer: SocketAddr) {
        let open = pin!(self.open(stream, peer));
        let Winner::Work(served) = race(open, self.cut.cancelled()).await else { return };
        if let Err(error) = served {
            tracing::debug!(%peer, %error, "a connection ended in an error");
        }
    }

    async fn open(&self, stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
        socket::prepare(&stream, self.limits.unacknowledged)?;
        let Some(tls) = &self.tls else {
            let (begun, is_http2) = within(self.limits.headers, preface::read(stream)).await?;
            let protocol = if is_http2 { Protocol::Http2 } else { Protocol::Http1 };
            return self.serve(begun, protocol, Caller::new(Principal::Anonymous, peer)).await;
        };
        // boxed: the room of a handshake is free again when it is over
        let accepted = Box::pin(within(self.limits.handshake, tls.accept(stream))).await?;
        let caller = Caller::new(accepted.principal, peer);
        match accepted.protocol {
            Protocol::Http1 => self.serve(accepted.stream, Protocol::Http1, caller).await,
            Protocol::Http2 => {
                let (begun, is_http2) = within(self.limits.preface, preface::read(accepted.stream)).await?;
                if !is_http2 {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "expected the preface of HTTP/2"));
                }
                self.serve(begun, Protocol::Http2, caller).await
            }
        }
    }

    async fn serve<I>(&self, io: I, protocol: Protocol, caller: Caller) -> io::Result<()>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let caller = Arc::new(caller);
        let io = caller.blocked.of(io);
        let (handler, called) = (Arc::clone(&self.handler), Arc::clone(&caller));
        let ended = match protocol {
            Protocol::Http1 => {
                let service = service(handler, called, |body| body);
                let io = TokioIo::new(Lingering::new(io, self.limits.header_bytes as usize));
                let connection = self.http1.serve_connection(io, service).with_upgrades();
                let ended = self
                    .drive(Box::pin(connection), self.age(None), |one| one.as_mut().graceful_shutdown())
                    .await;
                ended.map_err(io::Error::other)
            }
            Protocol::Http2 => {
                let (io, sending) = gather(io);
                let owed = Owed::new(caller.blocked.clone());
                let watching = owed.clone();
                let service = service(handler, called, move |body| watching.watch(body));
                let connection = self.http2.serve_connection(TokioIo::new(io), service);
                let connection = Gathered::new(connection, sending);
                let age = self.age(Some(&caller));
                let driven = pin!(self.drive(connection, age, |one| one.connection().graceful_shutdown()));
                let ended = match race(driven, owed.stalled(self.limits.stalled)).await {
                    Winner::Work(ended) => ended,
                    Winner::Event(()) => Err(io::ErrorKind::TimedOut.into()),
                };
                ended.and_then(|ended| ended.map_err(io::Error::other))
            }
        };
        // a WebSocket, for one
        caller.tunnel.run().await;
        ended
    }

    /// Resolves when a connection is old, or when this caller has made no call for so long that it may go.
    async fn age(&self, caller: Option<&Caller>) {
        let old = Instant::now() + jittered(self.limits.age, random());
        // over HTTP/1.1 the wait for the next head has its own limit
        let caller = caller.filter(|_| !self.limits.connection_idle.is_zero());
        let Some(caller) = caller else { return sleep_until(old).await };
        let mut made = 0;
        loop {
            sleep_until(old.min(Instant::now() + self.limits.connection_idle)).await;
            let now = caller.calls.load(Ordering::Relaxed);
            if now == made || Instant::now() >= old {
                return;
            }
            made = now;
        }
    }

    /// Drives a connection; asks it to close when it is old or the drain has come so far.
    async fn drive<C>(
        &self,
        mut connection: C,
        old: impl Future<Output = ()>,
        close: impl FnOnce(&mut C),
    ) -> C::Output
    where
        C: Future + Unpin,
    {
        let time = async {
            tokio::select! {
                () = self.closing.cancelled() => {}
                () = old => {}
            }
        };
        if let Winner::Work(ended) = race(Pin::new(&mut connection), time).await {
            return ended;
        }
        close(&mut connection);
        connection.await
    }
}

fn service<B, F>(
    handler: Arc<Handler>,
    caller: Arc<Caller>,
    body: F,
) -> impl HttpService<
    Incoming,
    ResBody = B,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<B>, Infallible>> + Send + 'static,
>
where
    B: http_body::Body,
    F: Fn(Body) -> B + Clone + Send + 'static,
{
    service_fn(move |request: Request<Incoming>| {
        let (handler, caller, body) = (Arc::clone(&handler), Arc::clone(&caller), body.clone());
        caller.calls.fetch_add(1, Ordering::Relaxed);
        // boxed: hyper keeps room for it as long as the answer lasts, which for a stream is long
        Box::pin(async move { Ok(handler.handle(caller, request).await.map(body)) })
    })
}

async fn within<T>(limit: Duration, future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, future).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

fn random() -> u64 {
    // the keys of a fresh state are random
    RandomState::new().hash_one(())
}

/// An age within 10 % of the limit, so that connections made together do not end together.
fn jittered(age: Duration, random: u64) -> Duration {
    age / 1000 * (900 + u32::try_from(random % 201).unwrap_or(100))
}

/// What is read of a head: more than what is allowed, so that a head that is too large gets an answer which says so.
fn head(limits: &Limits) -> u32 {
    let target = u32::try_from(limits.uri_bytes).unwrap_or(u32::MAX);
    limits.header_bytes.saturating_add(target).saturating_add(HEAD_MARGIN)
}

fn http1(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.headers)
        .max_headers(FIELDS)
        .max_buf_size(head(limits) as usize);
    http
}

fn http2(limits: &Limits) -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    // WebSockets (RFC 8441)
    http.enable_connect_protocol()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(head(limits))
        .max_frame_size(16 << 10)
        // CVE-2023-44487 and RUSTSEC-2024-0003
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(1024)
        .max_send_buf_size(64 << 10)
        .initial_stream_window_size(256 << 10)
        .initial_connection_window_size(1 << 20)
        .keep_alive_interval(limits.ping.0)
        .keep_alive_timeout(limits.ping.1);
    http
}

#[cfg(test)]
mod tests {
    //! What a connection holds beside its buffers.

    use super::*;

    fn size_of_future<'a, F: Future>(_: impl Fn(&'a Server, TcpStream, SocketAddr) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_connection_is_small() {
        let size = size_of_future(Server::connection);
        assert!(size <= 2048, "every connection has {size} bytes for as long as it is open");
    }
}
