//! A server of made-up protos, with reflection of its own: it answers every call with what it was sent.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use gateway::{Mapping, Unstated};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, MethodDescriptorProto, ServiceDescriptorProto,
};
use tokio::net::UnixListener;
use tokio::task::AbortHandle;
use tokio_stream::StreamExt as _;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{
    ErrorResponse, FileDescriptorResponse, ListServiceResponse, ServerReflectionRequest,
    ServerReflectionResponse, ServiceResponse,
};

use crate::world::Setup;

/// Every method is `POST /pkg.Service/Method` and for anyone, as no option has to be encoded for that.
pub(crate) fn setup() -> Setup {
    let mut mapping = Mapping::default();
    mapping.options.default_bindings = true;
    Setup { mapping, unstated: Unstated::Admit, ..Setup::default() }
}

/// A field of a made-up message: its name, its number, and its type, which is that of a message where it has a dot.
pub(crate) type Field<'a> = (&'a str, i32, &'a str);

pub(crate) fn message(name: &str, fields: &[Field<'_>]) -> DescriptorProto {
    let field = |(name, number, kind): &Field<'_>| {
        let (kind, type_name) = match *kind {
            "string" => (Type::String, None),
            "int32" => (Type::Int32, None),
            message => (Type::Message, Some(message.to_owned())),
        };
        FieldDescriptorProto {
            name: Some((*name).to_owned()),
            number: Some(*number),
            label: Some(Label::Optional.into()),
            r#type: Some(kind.into()),
            type_name,
            ..FieldDescriptorProto::default()
        }
    };
    DescriptorProto {
        name: Some(name.to_owned()),
        field: fields.iter().map(field).collect(),
        ..DescriptorProto::default()
    }
}

/// A file of messages, and of services whose methods answer with the message that they take.
pub(crate) fn file(
    (name, package): (&str, &str),
    imports: &[&str],
    messages: Vec<DescriptorProto>,
    services: &[(&str, &[(&str, &str)])],
) -> FileDescriptorProto {
    let method = |(name, message): &(&str, &str)| MethodDescriptorProto {
        name: Some((*name).to_owned()),
        input_type: Some((*message).to_owned()),
        output_type: Some((*message).to_owned()),
        ..MethodDescriptorProto::default()
    };
    let service = |(name, methods): &(&str, &[(&str, &str)])| ServiceDescriptorProto {
        name: Some((*name).to_owned()),
        method: methods.iter().map(method).collect(),
        options: None,
    };
    FileDescriptorProto {
        name: Some(name.to_owned()),
        package: Some(package.to_owned()),
        syntax: Some("proto3".to_owned()),
        dependency: imports.iter().map(|name| (*name).to_owned()).collect(),
        message_type: messages,
        service: services.iter().map(service).collect(),
        ..FileDescriptorProto::default()
    }
}

/// What a server says and hears.
#[derive(Clone, Default)]
pub(crate) struct Echo {
    files: Arc<BTreeMap<String, FileDescriptorProto>>,
    /// Services that are listed, and of which nothing is known.
    pub(crate) unknown: Vec<String>,
    /// Whether it knows nothing but the older version of reflection.
    pub(crate) only_older: bool,
    /// How long each call takes.
    pub(crate) pause: Duration,
    /// Paths and messages of all calls.
    heard: Arc<Mutex<Vec<(String, Bytes)>>>,
}

impl Echo {
    pub(crate) fn new(files: Vec<FileDescriptorProto>) -> Self {
        let named = files.into_iter().map(|file| (file.name().to_owned(), file));
        Self { files: Arc::new(named.collect()), ..Self::default() }
    }

    /// What was heard since this was last asked, but reflection.
    pub(crate) fn heard(&self) -> Vec<(String, Bytes)> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }

    /// Serves at a socket until it is aborted; its connections end too.
    pub(crate) fn serve(&self, path: &Path) -> AbortHandle {
        let _ = std::fs::remove_file(path);
        let listener = UnixListener::bind(path).unwrap();
        let echo = self.clone();
        let serving = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let echo = echo.clone();
                let answer = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                    let echo = echo.clone();
                    async move { Ok::<_, Infallible>(echo.answer(request).await) }
                });
                let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                connections.spawn(http2.serve_connection(TokioIo::new(stream), answer));
            }
        });
        serving.abort_handle()
    }

    async fn answer(&self, request: http::Request<hyper::body::Incoming>) -> http::Response<Body> {
        let path = request.uri().path().to_owned();
        if path.starts_with("/grpc.reflection.v1.") && !self.only_older
            || path.starts_with("/grpc.reflection.v1alpha.")
        {
            return self.reflect(request.into_body());
        }
        if path.starts_with("/grpc.") {
            return Status::unimplemented("there is nothing of that").into_http();
        }
        let Ok(body) = request.into_body().collect().await else {
            return Status::cancelled("the client is gone").into_http();
        };
        let body = body.to_bytes();
        self.heard.lock().unwrap().push((path, body.slice(5..)));
        tokio::time::sleep(self.pause).await;
        respond(tokio_stream::once(body))
    }

    fn reflect(&self, body: hyper::body::Incoming) -> http::Response<Body> {
        let echo = self.clone();
        let answers = async_stream::stream! {
            let mut body = body;
            let mut bytes = bytes::BytesMut::new();
            while let Some(Ok(frame)) = body.frame().await {
                bytes.extend_from_slice(&frame.into_data().unwrap_or_default());
                while bytes.len() >= 5 {
                    let size = usize::try_from(u32::from_be_bytes(bytes[1..5].try_into().unwrap())).unwrap();
                    if bytes.len() < 5 + size {
                        break;
                    }
                    let message = bytes.split_to(5 + size).split_off(5);
                    let asked = ServerReflectionRequest::decode(message).unwrap().message_request.unwrap();
                    let answer = ServerReflectionResponse {
                        message_response: Some(echo.find(&asked)),
                        ..ServerReflectionResponse::default()
                    };
                    let answer = answer.encode_to_vec();
                    let mut framed = vec![0];
                    framed.extend_from_slice(&u32::try_from(answer.len()).unwrap().to_be_bytes());
                    framed.extend_from_slice(&answer);
                    yield Bytes::from(framed);
                }
            }
        };
        respond(answers)
    }

    fn find(&self, asked: &MessageRequest) -> MessageResponse {
        let service = |file: &FileDescriptorProto| {
            let names = file.service.iter().map(|service| format!("{}.{}", file.package(), service.name()));
            names.collect::<Vec<_>>()
        };
        let found = match asked {
            MessageRequest::ListServices(_) => {
                let known = self.files.values().flat_map(service).chain(self.unknown.clone());
                let service = known.map(|name| ServiceResponse { name }).collect();
                return MessageResponse::ListServicesResponse(ListServiceResponse { service });
            }
            MessageRequest::FileContainingSymbol(name) => {
                self.files.values().find(|file| service(file).contains(name))
            }
            MessageRequest::FileByFilename(name) => self.files.get(name),
            _ => None,
        };
        match found {
            Some(file) => MessageResponse::FileDescriptorResponse(FileDescriptorResponse {
                file_descriptor_proto: vec![file.encode_to_vec()],
            }),
            None => MessageResponse::ErrorResponse(ErrorResponse {
                error_code: Code::NotFound.into(),
                error_message: "there is nothing of that name".to_owned(),
            }),
        }
    }
}

/// These frames of gRPC, and a success.
fn respond(frames: impl tokio_stream::Stream<Item = Bytes> + Send + 'static) -> http::Response<Body> {
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    let end = tokio_stream::once(Frame::trailers(trailers));
    let frames = frames.map(Frame::data).chain(end).map(Ok::<_, Infallible>);
    let mut response = http::Response::new(Body::new(StreamBody::new(frames)));
    response.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
    response
}
