//! Instances, a router in front of them, and clients.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use engine_router::{Backend, Options, Router, Table, Tcp};
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The longest that anything may take here.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

pub(crate) type Body = BoxBody<Bytes, hyper::Error>;

/// A router on a port of its own.
pub(crate) struct Stage {
    pub(crate) address: SocketAddr,
    pub(crate) table: Arc<Table>,
    end: oneshot::Sender<()>,
    router: JoinHandle<()>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(Options { grace: Duration::from_secs(2), ..Options::default() }).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let table = Table::new();
        let (end, ended) = oneshot::channel();
        let router = Router::new(Arc::clone(&table), options);
        let router = tokio::spawn(router.serve(listener, async {
            let _ = ended.await;
        }));
        Self { address, table, end, router }
    }

    /// The tool `alpha` is served by this instance alone.
    pub(crate) fn serve(&self, instance: &Instance) -> Arc<Backend> {
        let backend = instance.backend();
        self.table.set("alpha", "/", vec![Arc::clone(&backend)]);
        backend
    }

    pub(crate) async fn client(&self) -> SendRequest<Body> {
        let io = TokioIo::new(TcpStream::connect(self.address).await.unwrap());
        let (sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    /// Sends bytes, and gives everything that comes back until the connection ends.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(BOUND, stream.read_to_end(&mut answer)).await;
        read.expect("the router ends the connection").unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Tells the router to end.
    pub(crate) fn end(self) -> JoinHandle<()> {
        self.end.send(()).unwrap();
        self.router
    }
}

/// An instance: an HTTP server of one kind of answer.
pub(crate) struct Instance {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Instance {
    pub(crate) async fn new<F, A>(answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::connections(move |stream| {
            let answer = answer.clone();
            async move {
                let service = service_fn(move |request| {
                    let answer = answer(request);
                    async move { Ok::<_, Infallible>(answer.await) }
                });
                let builder = hyper::server::conn::http1::Builder::new();
                let connection = builder.serve_connection(TokioIo::new(stream), service);
                let _ = connection.with_upgrades().await;
            }
        })
        .await
    }

    /// One that does as it likes with its connections.
    pub(crate) async fn connections<F, A>(serve: F) -> Self
    where
        F: Fn(TcpStream) -> A + Send + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream));
            }
        });
        Self { address, task }
    }

    pub(crate) fn backend(&self) -> Arc<Backend> {
        Backend::new(self.address.to_string(), Tcp(self.address))
    }
}

impl Drop for Instance {
    /// Ends it and its connections at once, as a killed process does.
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Says its name and does nothing else.
pub(crate) async fn named(name: &'static str) -> Instance {
    Instance::new(move |_| async move { Response::new(text(name)) }).await
}

pub(crate) fn text(text: &str) -> Body {
    Full::new(Bytes::copy_from_slice(text.as_bytes())).map_err(|never| match never {}).boxed()
}

pub(crate) fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}

/// A GET of this path at the tool `alpha`.
pub(crate) fn get(path: &str) -> Request<Body> {
    Request::get(path).header("host", "alpha.localhost").body(empty()).unwrap()
}

/// The whole body as text.
pub(crate) async fn read(response: Response<Incoming>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8_lossy(&bytes).into_owned()
}
