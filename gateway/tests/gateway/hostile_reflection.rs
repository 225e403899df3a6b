//! Reflection that lies, never ends, is huge or says nothing: the last good schema serves on.

use std::convert::Infallible;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use mesh::client::{Channel, Endpoint};
use prost::Message as _;
use prost_types::FileDescriptorProto;
use tokio::net::UnixListener;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::server_reflection_server::{ServerReflection, ServerReflectionServer};
use tonic_reflection::pb::v1::{
    FileDescriptorResponse, ListServiceResponse, ServerReflectionRequest, ServerReflectionResponse,
    ServiceResponse,
};
use tower_service::Service as _;

use crate::world::{Setup, start_before, within};

/// How it answers.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Every file imports another one, for ever.
    Endless,
    /// Each of two files imports the other, and a third one that is never told.
    Cyclic,
    /// What is told is no descriptor.
    Garbage,
    /// One file is larger than any message may be.
    Huge,
    /// It names more services than anybody has.
    Crowded,
    /// It does not answer.
    Silent,
}

#[derive(Clone)]
struct Hostile {
    way: Way,
    asked: Arc<AtomicUsize>,
}

fn file(name: &str, import: &[&str]) -> Vec<u8> {
    let dependency = import.iter().map(|name| (*name).to_owned()).collect();
    FileDescriptorProto { name: Some(name.to_owned()), dependency, ..Default::default() }.encode_to_vec()
}

impl Hostile {
    fn answer(&self, asked: &MessageRequest) -> MessageResponse {
        let count = self.asked.fetch_add(1, Ordering::SeqCst);
        if let MessageRequest::ListServices(_) = asked {
            let names = if matches!(self.way, Way::Crowded) { 20_000 } else { 1 };
            let service =
                (0..names).map(|index| ServiceResponse { name: format!("evil.S{index}") }).collect();
            return MessageResponse::ListServicesResponse(ListServiceResponse { service });
        }
        let file = match self.way {
            Way::Endless => file(&format!("f{count}"), &[&format!("f{}", count + 1), &format!("g{count}")]),
            Way::Cyclic if count.is_multiple_of(2) => file("a", &["b", "never"]),
            Way::Cyclic => file("b", &["a", "never"]),
            Way::Garbage => vec![0xff; 100],
            _ => vec![0; 20 << 20],
        };
        MessageResponse::FileDescriptorResponse(FileDescriptorResponse { file_descriptor_proto: vec![file] })
    }
}

#[tonic::async_trait]
impl ServerReflection for Hostile {
    type ServerReflectionInfoStream =
        Pin<Box<dyn Stream<Item = Result<ServerReflectionResponse, Status>> + Send>>;

    async fn server_reflection_info(
        &self,
        request: Request<Streaming<ServerReflectionRequest>>,
    ) -> Result<Response<Self::ServerReflectionInfoStream>, Status> {
        let hostile = self.clone();
        if matches!(hostile.way, Way::Silent) {
            hostile.asked.fetch_add(1, Ordering::SeqCst);
            return Ok(Response::new(Box::pin(tokio_stream::pending())));
        }
        let answers = request.into_inner().map(move |asked| {
            let asked = asked?.message_request.ok_or_else(|| Status::invalid_argument("nothing asked"))?;
            let message_response = Some(hostile.answer(&asked));
            Ok(ServerReflectionResponse { message_response, ..Default::default() })
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

/// Serves this reflection and nothing else.
fn serve(path: &Path, hostile: &Hostile) -> tokio::task::JoinHandle<()> {
    let listener = UnixListener::bind(path).unwrap();
    let service = ServerReflectionServer::new(hostile.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service.clone();
            let answer = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let mut service = service.clone();
                async move {
                    if request.uri().path().starts_with("/grpc.reflection.v1.") {
                        return service.call(request.map(tonic::body::Body::new)).await;
                    }
                    Ok::<_, Infallible>(Status::unimplemented("nothing else").into_http())
                }
            });
            let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(http2.serve_connection(TokioIo::new(stream), answer));
        }
    })
}

#[tokio::test]
async fn the_last_good_schema_serves_on() {
    for way in [Way::Endless, Way::Cyclic, Way::Garbage, Way::Huge, Way::Crowded, Way::Silent] {
        let directory = tempfile::tempdir().unwrap();
        let fake = crate::backend::Fake::default();
        let good =
            crate::endpoints::Server::start(&directory.path().join("good"), crate::endpoints::old(&fake));
        let bad = directory.path().join("bad");
        let hostile = Hostile { way, asked: Arc::default() };
        let serving = serve(&bad, &hostile);
        let channel = Channel::builder(Endpoint::unix(good.path())).endpoint(Endpoint::unix(&bad)).build();
        let (world, ready) = start_before(channel, Setup::default()).await;
        within(ready).await.unwrap();
        within(async {
            while hostile.asked.load(Ordering::SeqCst) == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        let mut connection = world.connect().await;
        for _ in 0..30 {
            let reply = connection.request("GET", "/jobs/v1/healthz", "", b"").await;
            assert_eq!(reply.line, "HTTP/1.1 200 OK", "{way:?}: {}", reply.text());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let asked = hostile.asked.load(Ordering::SeqCst);
        assert!(asked < 100_000, "{way:?}: asked {asked} times");
        serving.abort();
    }
}
