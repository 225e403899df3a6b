//! Channels: calls over our own connections, for generated clients.
//!
//! A channel has one or more endpoints, in memory, over TLS, in clear or over a Unix socket, and chooses the less busy of
//! two at random. A call that a server has not processed is sent again at once; a failed one is, if its method is declared
//! safe to repeat and the budget allows it. Deadline, trace and request id of the running call go along.

mod call;
mod connect;
mod endpoint;
mod payload;
mod pool;
mod response;
mod retry;
mod sanitise;
mod standing;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Response};
use options::Table;
use tonic::Status;
use tonic::body::Body;
use tower_service::Service;

pub use endpoint::{Endpoint, EndpointError};
pub use response::ResponseBody;

use call::Head;
use payload::Payload;
use pool::{Pool, View};
use retry::Budget;

/// Times of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Times {
    /// Opening a socket.
    pub connect: Duration,
    /// TLS, and then the server's first SETTINGS: a server that accepts and says nothing is not one.
    pub handshake: Duration,
    /// How long a call waits for a connection.
    pub wait: Duration,
    /// Between two PINGs, while calls are under way. Some servers hold more than one in five minutes against their client
    /// (gRFC A8), and close the connection.
    pub ping: Duration,
    /// The answer to a PING.
    pub ping_answer: Duration,
    /// The first pause after a failed connection attempt.
    pub min_pause: Duration,
    /// The longest one.
    pub max_pause: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            handshake: Duration::from_secs(3),
            wait: Duration::from_secs(2),
            ping: Duration::from_secs(30),
            ping_answer: Duration::from_secs(10),
            min_pause: Duration::from_millis(100),
            max_pause: Duration::from_secs(10),
        }
    }
}

/// Collects what a channel is made of.
#[derive(Debug)]
#[must_use]
pub struct Builder {
    endpoints: Vec<Endpoint>,
    methods: Arc<Table>,
    times: Times,
    random: fn() -> u64,
}

impl Builder {
    /// Adds an endpoint that serves the same as the others.
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoints.push(endpoint);
        self
    }

    /// The methods that are called: which of them are unary, with the default deadline, and which may be repeated. In
    /// metrics every other one is `_OTHER`; give a table wherever paths come from outside.
    pub fn methods(mut self, methods: Arc<Table>) -> Self {
        self.methods = methods;
        self
    }

    /// Other times than the default ones.
    pub fn times(mut self, times: Times) -> Self {
        self.times = times;
        self
    }

    /// Another source of randomness for choices and pauses.
    pub fn random(mut self, random: fn() -> u64) -> Self {
        self.random = random;
        self
    }

    /// The channel. It connects when it is first called.
    pub fn build(self) -> Channel {
        let Self { endpoints, methods, times, random } = self;
        let pool = Pool::new(endpoints, times, random);
        let inner = Inner { pool, methods, budget: Budget::new(), random };
        Channel { inner: Arc::new(inner), view: View::default() }
    }
}

/// A channel; clones share its connections.
#[derive(Clone, Debug)]
pub struct Channel {
    inner: Arc<Inner>,
    view: View,
}

#[derive(Debug)]
struct Inner {
    pool: Pool,
    methods: Arc<Table>,
    budget: Budget,
    random: fn() -> u64,
}

impl Channel {
    /// A channel to one endpoint.
    pub fn new(endpoint: Endpoint) -> Self {
        Self::builder(endpoint).build()
    }

    /// A channel to the same endpoints with connections of its own: one for each runtime, so that no call crosses threads.
    /// What one of them is marked as fit for holds for both.
    pub fn apart(&self) -> Self {
        self.with(self.inner.pool.apart())
    }

    /// A channel to the same endpoints with connections of its own, which uses an endpoint only for what it was marked as
    /// fit for, and no longer once one of its connections has ended: see [`Self::mark`] and [`Self::needing`].
    pub fn gated(&self) -> Self {
        self.with(self.inner.pool.gated())
    }

    fn with(&self, pool: Pool) -> Self {
        let methods = Arc::clone(&self.inner.methods);
        let inner = Inner { pool, methods, budget: Budget::new(), random: self.inner.random };
        Self { inner: Arc::new(inner), view: self.view.clone() }
    }

    /// A channel that begins with this endpoint.
    pub fn builder(endpoint: Endpoint) -> Builder {
        Builder {
            endpoints: vec![endpoint],
            methods: Arc::default(),
            times: Times::default(),
            random: crate::trace::random,
        }
    }

    /// Calls a method with one message, which is ready as a frame (prefix and bytes), and says how long the call may take.
    /// The cheapest way: nothing is boxed and no task is spawned.
    pub async fn send(
        &self,
        path: PathAndQuery,
        headers: HeaderMap,
        frame: Bytes,
        limit: Option<Duration>,
    ) -> Result<Response<ResponseBody>, Status> {
        let rule = self.inner.methods.get(path.path());
        let head = Head { method: Method::POST, path, headers };
        self.inner.run(&self.view, head, Payload::Whole(frame), rule, limit).await
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<ResponseBody>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (inner, view) = (Arc::clone(&self.inner), self.view.clone());
        Box::pin(async move { inner.call(&view, request).await })
    }
}
