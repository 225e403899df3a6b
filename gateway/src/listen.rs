//! Connections: accept, TLS, HTTP/1.1 or HTTP/2, every limit explicit, and drain.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use mesh::drain::Drain;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::handle::Handler;
use crate::tls::Tls;

/// Bounds on what a client may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// The TLS handshake.
    pub handshake: Duration,
    /// From the first byte of a request's headers to their last.
    pub headers: Duration,
    /// Calls at a time on one HTTP/2 connection.
    pub streams: u32,
    /// All headers of a request, in bytes.
    pub header_bytes: u32,
    /// A request body, and a message of a backend, in bytes.
    pub body_bytes: usize,
    /// Silence on an HTTP/2 connection before a PING, and the wait for its answer.
    pub ping: (Duration, Duration),
    /// From the beginning of a drain to the end of streams.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            handshake: Duration::from_secs(5),
            headers: Duration::from_secs(30),
            streams: 256,
            header_bytes: 16 << 10,
            body_bytes: 4 << 20,
            ping: (Duration::from_secs(30), Duration::from_secs(10)),
            drain: Duration::from_secs(20),
        }
    }
}

pub(crate) async fn serve(
    handler: Arc<Handler>,
    listener: TcpListener,
    tls: Tls,
    limits: Limits,
    drain: Drain,
) {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let server = Arc::new(Server { handler, tls, http: http(&limits), limits });
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = drain.begun() => break,
        };
        let (stream, peer, slot) = accepted;
        let server = Arc::clone(&server);
        tasks.spawn(async move {
            server.connection(stream, peer).await;
            drop(slot);
        });
    }
    drop(listener);
    tasks.close();
    finish(&server, &tasks, &drain).await;
}

/// Lets calls end, ends streams when their time is over, gives up when the drain does.
async fn finish(server: &Server, tasks: &TaskTracker, drain: &Drain) {
    let limit = server.limits.drain;
    server.handler.closing().cancel();
    tokio::select! {
        () = tasks.wait() => {}
        () = sleep(limit) => tracing::warn!(open = tasks.len(), "connections were cut"),
        () = drain.stopped() => {}
    }
}

type Slot = tokio::sync::OwnedSemaphorePermit;

/// The next connection. Running out of descriptors must not spin: each failure waits longer.
async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> (TcpStream, SocketAddr, Slot) {
    let mut pause = Duration::from_millis(50);
    loop {
        let Ok(slot) = Arc::clone(slots).acquire_owned().await else { std::future::pending().await };
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, slot),
            Err(error) if is_of_the_peer(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections");
                sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(1));
            }
        }
    }
}

fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

struct Server {
    handler: Arc<Handler>,
    tls: Tls,
    http: auto::Builder<TokioExecutor>,
    limits: Limits,
}

impl Server {
    async fn connection(&self, stream: TcpStream, peer: SocketAddr) {
        // Small writes of a stream go out as they come.
        let _ = stream.set_nodelay(true);
        let (stream, principal) = match timeout(self.limits.handshake, self.tls.accept(stream)).await {
            Ok(Ok(accepted)) => accepted,
            Ok(Err(error)) => return tracing::debug!(%peer, %error, "TLS handshake failed"),
            Err(_) => return tracing::debug!(%peer, "TLS handshake took too long"),
        };
        let principal = Arc::new(principal);
        let service = service_fn(|request| {
            let (handler, principal) = (Arc::clone(&self.handler), Arc::clone(&principal));
            async move { Ok::<_, Infallible>(handler.handle(&principal, peer, request).await) }
        });
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = self.handler.closing().cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "connection ended in an error");
        }
    }
}

fn http(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.headers)
        .max_buf_size((limits.header_bytes as usize).max(8 << 10));
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(limits.header_bytes)
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(1024)
        .keep_alive_interval(limits.ping.0)
        .keep_alive_timeout(limits.ping.1)
        .adaptive_window(true);
    http
}
