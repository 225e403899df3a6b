//! Accepting connections and ending them well.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backend::Ticket;
use crate::{Options, Table, connect, proxy, upgrade};

/// What an HTTP/2 connection begins with and no HTTP/1 request does (RFC 9113 3.4).
const HTTP2: &[u8] = b"PRI ";
/// The pause after a connection could not be accepted, for want of descriptors in most cases.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves one listener from a table.
#[derive(Debug)]
pub struct Router {
    shared: Arc<Shared>,
}

/// What connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) table: Arc<Table>,
    pub(crate) options: Options,
    tasks: TaskTracker,
    /// No new requests.
    ending: CancellationToken,
    /// No requests at all.
    cut: CancellationToken,
}

impl Router {
    /// A router that leads where the table says.
    pub fn new(table: Arc<Table>, mut options: Options) -> Self {
        options.domains.iter_mut().for_each(|domain| domain.make_ascii_lowercase());
        let (ending, cut) = (CancellationToken::new(), CancellationToken::new());
        Self { shared: Arc::new(Shared { table, options, tasks: TaskTracker::new(), ending, cut }) }
    }

    /// Serves until `shutdown`; then accepts no more, lets requests and tunnels end for as long as the grace is, cuts
    /// what is left, and returns.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()> + Send) {
        let shared = self.shared;
        let places = Arc::new(Semaphore::new(shared.options.connections));
        let mut shutdown = pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                accepted = accept(&listener, &places) => accepted,
            };
            match accepted {
                Ok((stream, client, place)) => {
                    shared.tasks.spawn(serve_connection(Arc::clone(&shared), stream, client, place));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        drop(listener);
        shared.end().await;
    }
}

impl Shared {
    /// Joins two connections in a task that the end of the router waits for.
    pub(crate) fn spawn_tunnel(&self, client: OnUpgrade, instance: OnUpgrade, ticket: Ticket) {
        self.tasks.spawn(upgrade::tunnel(client, instance, ticket, self.cut.clone()));
    }

    async fn end(&self) {
        self.ending.cancel();
        self.tasks.close();
        if tokio::time::timeout(self.options.grace, self.tasks.wait()).await.is_err() {
            tracing::info!(connections = self.tasks.len(), "cut what had not ended in time");
            self.cut.cancel();
            self.tasks.wait().await;
        }
    }
}

type Accepted = (TcpStream, SocketAddr, OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<Accepted> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, client) = listener.accept().await?;
    // a client that left already is found out by reading
    let _ = connect::prepare(&stream);
    Ok((stream, client, place))
}

async fn serve_connection(
    shared: Arc<Shared>,
    stream: TcpStream,
    client: SocketAddr,
    place: OwnedSemaphorePermit,
) {
    let asked = tokio::time::timeout(shared.options.header_timeout, is_http2(&stream));
    let outcome = match shared.ending.run_until_cancelled(asked).await {
        Some(Ok(Ok(true))) => serve_http2(&shared, stream, client).await,
        Some(Ok(Ok(false))) => serve_http1(&shared, stream, client).await,
        // closed or silent: nothing was asked
        _ => Ok(()),
    };
    if let Err(error) = outcome {
        tracing::debug!(%client, %error, "a client's connection ended");
    }
    drop(place);
}

/// Looks at the first bytes without taking them.
async fn is_http2(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0; HTTP2.len()];
    loop {
        let length = stream.peek(&mut first).await?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if first[..length] != HTTP2[..length] {
            return Ok(false);
        }
        if length == HTTP2.len() {
            return Ok(true);
        }
        // what is there is readable again at once: wait for more without turning
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn serve_http1(shared: &Arc<Shared>, stream: TcpStream, client: SocketAddr) -> hyper::Result<()> {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(shared.options.header_timeout)
        .max_headers(shared.options.header_fields)
        .max_header_size(shared.options.header_bytes);
    let service = service_fn(|request| proxy::answer(Arc::clone(shared), client, request));
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    let mut connection = pin!(connection);
    tokio::select! {
        outcome = connection.as_mut() => return outcome,
        () = shared.ending.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    shared.cut.run_until_cancelled(connection).await.unwrap_or(Ok(()))
}

async fn serve_http2(shared: &Arc<Shared>, stream: TcpStream, client: SocketAddr) -> hyper::Result<()> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(shared.options.streams)
        .max_header_list_size(u32::try_from(shared.options.header_bytes).unwrap_or(u32::MAX))
        // notices a client that is gone; one that lives may keep its connection
        .keep_alive_interval(shared.options.header_timeout)
        .keep_alive_timeout(shared.options.header_timeout);
    let service = {
        let shared = Arc::clone(shared);
        service_fn(move |request| proxy::answer(Arc::clone(&shared), client, request))
    };
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        outcome = connection.as_mut() => return outcome,
        () = shared.ending.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    shared.cut.run_until_cancelled(connection).await.unwrap_or(Ok(()))
}
