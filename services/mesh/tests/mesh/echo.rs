//! The test service, by hand: what a generated server and client are made of, without generating any.

use std::collections::HashSet;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt};
use mesh::client::Channel;
use mesh::identity::{PRINCIPAL_HEADER, Peer, Principal};
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, ServerStreamingService, StreamingService, UnaryService};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Say {
    #[prost(string, tag = "1")]
    pub(crate) tool: String,
    #[prost(string, tag = "2")]
    pub(crate) mode: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Said {
    #[prost(string, tag = "1")]
    pub(crate) text: String,
}

pub(crate) type Replies = Pin<Box<dyn Stream<Item = Result<Said, Status>> + Send>>;
type Future<T> = Pin<Box<dyn std::future::Future<Output = Result<Response<T>, Status>> + Send>>;

/// The service. What a call does is in its `mode`.
#[derive(Clone, Default)]
pub(crate) struct Echo {
    /// Where `chain` calls go.
    pub(crate) next: Option<Channel>,
    /// Calls that were handled.
    pub(crate) calls: Arc<AtomicUsize>,
    /// Peers that called.
    pub(crate) peers: Arc<Mutex<HashSet<String>>>,
    /// Streams that are alive in the handler.
    pub(crate) streams: Arc<AtomicUsize>,
}

struct Alive(Arc<AtomicUsize>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Echo {
    async fn say(self, request: Request<Say>) -> Result<Response<Said>, Status> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let peer = request.extensions().get::<Peer>().expect("every call has a peer").from.to_string();
        self.peers.lock().unwrap().insert(peer);
        let principal = Principal::of(&request);
        let asserted = request.metadata().contains_key(PRINCIPAL_HEADER.as_str());
        let mode = request.into_inner().mode;
        let text = match &*mode {
            "whoami" => principal.to_string(),
            "asserted" => asserted.to_string(),
            "deadline" => format!("{:?}", mesh::deadline::remaining().map(|left| left.as_millis())),
            "chain" => {
                let mut next = EchoClient::new(self.next.unwrap());
                next.say("/test.v1.Echo/Public", "", "deadline").await?.into_inner().text
            }
            "trace" => mesh::trace::current().unwrap().context().to_string(),
            "panic" => panic!("a handler that panics"),
            "hang" => std::future::pending().await,
            "unavailable twice" if call < 2 => return Err(Status::unavailable("not yet")),
            "unavailable" => return Err(Status::unavailable("never")),
            other => other.to_owned(),
        };
        Ok(Response::new(Said { text }))
    }

    fn stream(&self, mode: &str) -> Replies {
        self.streams.fetch_add(1, Ordering::SeqCst);
        let alive = Alive(Arc::clone(&self.streams));
        let said = |text: String| Ok(Said { text });
        match mode {
            "ticks" => Box::pin(stream::unfold((0, alive), move |(tick, alive)| async move {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Some((said(tick.to_string()), (tick + 1, alive)))
            })),
            "flood" => Box::pin(stream::repeat_with(move || {
                let _alive = &alive;
                said("a".repeat(16 << 10))
            })),
            "hundred" => Box::pin(self.stream("ticks").take(100)),
            "silent" => Box::pin(stream::once(async move {
                let _alive = alive;
                std::future::pending::<Result<Said, Status>>().await
            })),
            "panic" => Box::pin(stream::iter([said("before".into())]).chain(stream::once(async move {
                let _alive = alive;
                tokio::time::sleep(Duration::from_millis(10)).await;
                panic!("a stream that panics")
            }))),
            other => Box::pin(stream::iter([said(other.to_owned())])),
        }
    }
}

struct Unary(Echo);

impl UnaryService<Say> for Unary {
    type Response = Said;
    type Future = Future<Said>;

    fn call(&mut self, request: Request<Say>) -> Self::Future {
        Box::pin(self.0.clone().say(request))
    }
}

struct Server(Echo);

impl ServerStreamingService<Say> for Server {
    type Response = Said;
    type ResponseStream = Replies;
    type Future = Future<Replies>;

    fn call(&mut self, request: Request<Say>) -> Self::Future {
        let replies = self.0.stream(&request.into_inner().mode);
        Box::pin(async { Ok(Response::new(replies)) })
    }
}

struct Chat;

impl StreamingService<Say> for Chat {
    type Response = Said;
    type ResponseStream = Replies;
    type Future = Future<Replies>;

    fn call(&mut self, request: Request<Streaming<Say>>) -> Self::Future {
        let replies: Replies =
            Box::pin(request.into_inner().map(|say| say.map(|say| Said { text: say.mode })));
        Box::pin(async { Ok(Response::new(replies)) })
    }
}

impl NamedService for Echo {
    const NAME: &'static str = "test.v1.Echo";
}

impl tower_service::Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn std::future::Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let echo = self.clone();
        Box::pin(async move {
            let mut grpc = Grpc::new(ProstCodec::<Said, Say>::default());
            Ok(match request.uri().path() {
                "/test.v1.Echo/Stream" => grpc.server_streaming(Server(echo), request).await,
                "/test.v1.Echo/Chat" => grpc.streaming(Chat, request).await,
                _ => grpc.unary(Unary(echo), request).await,
            })
        })
    }
}

/// A client as generated code is one.
#[derive(Clone)]
pub(crate) struct EchoClient(tonic::client::Grpc<Channel>);

impl EchoClient {
    pub(crate) fn new(channel: Channel) -> Self {
        Self(tonic::client::Grpc::new(channel))
    }

    pub(crate) async fn say(
        &mut self,
        path: &'static str,
        tool: &str,
        mode: &str,
    ) -> Result<Response<Said>, Status> {
        self.send(path, Request::new(Say { tool: tool.into(), mode: mode.into() })).await
    }

    pub(crate) async fn send(
        &mut self,
        path: &'static str,
        request: Request<Say>,
    ) -> Result<Response<Said>, Status> {
        self.0.ready().await?;
        let path = http::uri::PathAndQuery::from_static(path);
        self.0.unary(request, path, ProstCodec::<Say, Said>::default()).await
    }

    pub(crate) async fn stream(&mut self, request: Request<Say>) -> Result<Streaming<Said>, Status> {
        self.0.ready().await?;
        let path = http::uri::PathAndQuery::from_static("/test.v1.Echo/Stream");
        Ok(self.0.server_streaming(request, path, ProstCodec::<Say, Said>::default()).await?.into_inner())
    }

    pub(crate) async fn chat<S>(&mut self, says: S) -> Result<Streaming<Said>, Status>
    where
        S: Stream<Item = Say> + Send + 'static,
    {
        self.0.ready().await?;
        let path = http::uri::PathAndQuery::from_static("/test.v1.Echo/Chat");
        let request = Request::new(says);
        Ok(self.0.streaming(request, path, ProstCodec::<Say, Said>::default()).await?.into_inner())
    }
}

/// A request for the stream, by its mode.
pub(crate) fn streams(mode: &str) -> Request<Say> {
    Request::new(Say { tool: String::new(), mode: mode.into() })
}
