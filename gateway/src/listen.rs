//! Accepting connections, and the order in which that ends.

mod blocked;
mod connection;
mod lingering;
mod preface;
mod race;
mod socket;
mod stalled;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use mesh::drain::Drain;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::handle::Handler;
use crate::limits::Limits;
use crate::tls::Tls;
use connection::Server;

pub(crate) use blocked::Blocked;

/// Serves until the drain begins, then until every call has ended or the drain gives up. Without TLS it speaks in clear.
pub(crate) async fn serve(
    handler: Arc<Handler>,
    listener: TcpListener,
    tls: Option<Tls>,
    limits: Limits,
    slots: Arc<Semaphore>,
    drain: Drain,
) {
    let server = Arc::new(Server::new(handler, tls, limits));
    let tasks = TaskTracker::new();
    loop {
        let (stream, peer, slot) = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = server.announced(&drain) => break,
        };
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

/// No new calls; then the end of streams; then the end of everything.
async fn finish(server: &Server, tasks: &TaskTracker, drain: &Drain) {
    let grace = server.grace();
    let stages = async {
        server.close();
        tokio::select! {
            _ = timeout(grace.streams, tasks.wait()) => {}
            () = drain.streams_end() => {}
        }
        server.end_streams();
        tasks.wait().await;
    };
    tokio::select! {
        _ = timeout(grace.total, stages) => {}
        () = drain.stopped() => {}
    }
    if !tasks.is_empty() {
        tracing::warn!(open = tasks.len(), "connections are cut: the time to drain is over");
    }
    server.cut();
    tasks.wait().await;
}

/// The next connection. Whoever has none waiting holds no slot: another worker may need it. Running out of descriptors must
/// not spin: each failure waits longer.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let mut pause = Duration::from_millis(50);
    loop {
        let Ok(slot) = Arc::clone(slots).acquire_owned().await else { std::future::pending().await };
        match poll_fn(|cx| Poll::Ready(listener.poll_accept(cx))).await {
            Poll::Ready(Ok((stream, peer))) => return (stream, peer, slot),
            Poll::Ready(Err(error)) if is_of_the_peer(&error) => {}
            Poll::Ready(Err(error)) => {
                drop(slot);
                tracing::error!(%error, "cannot accept connections");
                sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(1));
            }
            Poll::Pending => {
                drop(slot);
                woken().await;
            }
        }
    }
}

/// Waits until this task is woken, as a poll before has asked for.
async fn woken() {
    let mut is_again = false;
    poll_fn(|_| if std::mem::replace(&mut is_again, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
