//! An HTTP/2 server in clear on a loopback port, with a thread and a runtime of its own.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// What calls under way may take once the server is asked to finish.
const GRACE: Duration = Duration::from_secs(5);

/// A running server; dropping it ends it and all its connections.
#[derive(Debug)]
pub(crate) struct Running {
    address: SocketAddr,
    /// Told to finish; dropped to end at once.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Serves on this port, 0 for any free one, every request with a call of `handle`.
    pub(crate) fn start<H, A, B>(port: u16, handle: H) -> Result<Self>
    where
        H: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
        A: Future<Output = Response<B>> + Send + 'static,
        B: Body<Data = Bytes, Error: Into<Fault>> + Send + 'static,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, port)))?;
        let address = listener.local_addr().context("address of a backend")?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("backend".to_owned()).spawn(move || {
            runtime.block_on(async {
                let (closing, _) = watch::channel(false);
                let mut connections = JoinSet::new();
                let told = tokio::select! {
                    () = accept(listener, handle, &mut connections, &closing) => return,
                    told = stopped => told,
                };
                if told.is_ok() {
                    closing.send_replace(true);
                    let _ = timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
                }
            });
            // open calls end with their connections
            runtime.shutdown_background();
        })?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new call, and ends with the last one under way.
    pub(crate) fn finish(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept<H, A, B>(
    listener: TcpListener,
    handle: H,
    connections: &mut JoinSet<()>,
    closing: &watch::Sender<bool>,
) where
    H: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    A: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<Fault>> + Send + 'static,
{
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let (handle, mut closing) = (handle.clone(), closing.subscribe());
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let answer = handle(request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let builder = builder.initial_stream_window_size(1 << 20).max_header_list_size(1 << 20);
            let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
            tokio::select! {
                _ = connection.as_mut() => return,
                _ = closing.wait_for(|closing| *closing) => connection.as_mut().graceful_shutdown(),
            }
            let _ = connection.await;
        });
        while connections.try_join_next().is_some() {}
    }
}
