//! One connected trace, from a client through two servers, as a collector receives it. Built with the `otlp` feature.
#![cfg(feature = "otlp")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "mesh/descriptors.rs"]
mod descriptors;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "mesh/echo.rs"]
mod echo;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "mesh/world.rs"]
mod world;

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use mesh::drain::Grace;
use mesh::serve::Limits;
use mesh::telemetry::{Otlp, export_spans};
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use echo::Echo;

/// The parts of `ExportTraceServiceRequest` that are looked at, by the numbers in opentelemetry-proto.
#[derive(Clone, PartialEq, Message)]
struct Export {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start: u64,
    #[prost(fixed64, tag = "8")]
    end: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(string, tag = "1")]
    text: String,
}

fn attribute<'a>(attributes: &'a [KeyValue], key: &str) -> &'a str {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    found.and_then(|attribute| attribute.value.as_ref()).map_or("", |value| &value.text)
}

/// A collector that speaks gRPC.
async fn collector() -> (String, mpsc::UnboundedReceiver<Export>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (send, receive) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (io, _) = listener.accept().await.unwrap();
            let send = send.clone();
            let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
                let send = send.clone();
                async move { Ok::<_, Infallible>(answer(request, &send).await) }
            });
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(builder.serve_connection(TokioIo::new(io), service));
        }
    });
    (endpoint, receive)
}

type Reply = http::Response<http_body_util::combinators::BoxBody<Bytes, Infallible>>;

async fn answer(request: http::Request<Incoming>, send: &mpsc::UnboundedSender<Export>) -> Reply {
    assert_eq!(request.uri().path(), "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    let body = request.into_body().collect().await.unwrap().to_bytes();
    send.send(Export::decode(body.slice(5..)).unwrap()).unwrap();
    let trailers = http::HeaderMap::from_iter([(
        http::HeaderName::from_static("grpc-status"),
        http::HeaderValue::from_static("0"),
    )]);
    let body = Full::new(Bytes::from_static(&[0; 5])).with_trailers(std::future::ready(Some(Ok(trailers))));
    http::Response::builder().header("content-type", "application/grpc").body(body.boxed()).unwrap()
}

#[tokio::test]
async fn a_trace_is_connected_from_client_to_the_last_server() {
    let (endpoint, mut exports) = collector().await;
    let variables = |name: &str| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(endpoint.clone()),
        "OTEL_EXPORTER_OTLP_PROTOCOL" => Some("grpc".into()),
        _ => None,
    };
    let exporter = export_spans(&Otlp::read("mesh-test", variables).unwrap().unwrap()).unwrap();

    let last = world::start().await;
    let echo = Echo { next: Some(last.channel("anonymous")), ..Echo::default() };
    let first = world::start_with(echo, Limits::default(), Grace::default()).await;
    first.client("anonymous").say("/test.v1.Echo/Public", "", "chain").await.unwrap();
    first.client("anonymous").say("/test.v1.Echo/Nothing", "secret-tool", "secret-body").await.unwrap_err();
    for server in [first, last] {
        server.drain.begin();
        let _ = server.serving.await;
    }
    exporter.finish().await;

    let mut export = Export::default();
    while let Ok(one) = exports.try_recv() {
        export.resource_spans.extend(one.resource_spans);
    }
    let resource = export.resource_spans[0].resource.as_ref().unwrap();
    assert_eq!(attribute(&resource.attributes, "service.name"), "mesh-test");
    assert!(!format!("{export:?}").contains("secret"), "no body reaches a span");
    let spans: Vec<Span> =
        export.resource_spans.into_iter().flat_map(|one| one.scope_spans).flat_map(|one| one.spans).collect();
    let name = "test.v1.Echo/Public";
    let root = spans.iter().find(|span| span.parent_id.is_empty() && span.name == name).unwrap();
    let mut chain = vec![root];
    while let Some(next) = spans.iter().find(|span| span.parent_id == chain.last().unwrap().id) {
        chain.push(next);
    }
    let kinds: Vec<i32> = chain.iter().map(|span| span.kind).collect();
    assert_eq!(kinds, [3, 2, 3, 2], "client, server, client, server");
    for span in &chain {
        assert_eq!((&span.trace_id, span.name.as_str()), (&root.trace_id, name));
        assert!(span.start > 0 && span.end >= span.start);
        assert_eq!(attribute(&span.attributes, mesh::telemetry::STATUS_ATTRIBUTE), "OK");
        assert_eq!(attribute(&span.attributes, "rpc.system.name"), "grpc");
    }
    assert!(spans.iter().any(|span| span.name == "_OTHER" && span.trace_id != root.trace_id));
}
