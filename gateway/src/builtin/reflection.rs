//! Reflection of everything that the backends serve, in both versions, with every option as it was written.
//!
//! Answers are the files as they came: nothing of them is kept decoded.

pub(crate) mod declared;
mod index;

use std::future::{Ready, ready};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use http::{Request, Response};
use tonic::body::Body;
use tonic::server::{Grpc, StreamingService};
use tonic::{Code, Status, Streaming};
use tonic_prost::ProstCodec;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{
    ErrorResponse, ExtensionNumberResponse, FileDescriptorResponse, ListServiceResponse,
    ServerReflectionRequest, ServerReflectionResponse, ServiceResponse,
};
use tonic_reflection::pb::{v1, v1alpha};
use transcode::DescriptorError;

use super::{HEALTH, REFLECTION};
use index::Index;

/// Reflection of one schema.
#[derive(Clone, Debug)]
pub(crate) struct Reflection(Arc<Served>);

#[derive(Debug)]
struct Served {
    services: Vec<String>,
    index: Index,
}

impl Reflection {
    /// Reflection of encoded files, and of the gateway's own services.
    pub(crate) fn new<'a>(
        files: &[Bytes],
        services: impl Iterator<Item = &'a str>,
    ) -> Result<Self, DescriptorError> {
        let mut services: Vec<String> =
            services.chain([HEALTH]).chain(REFLECTION).map(str::to_owned).collect();
        services.sort_unstable();
        let mut files = files.to_vec();
        for own in
            [tonic_health::pb::FILE_DESCRIPTOR_SET, v1::FILE_DESCRIPTOR_SET, v1alpha::FILE_DESCRIPTOR_SET]
        {
            files.extend(transcode::files_of_set(own)?);
        }
        Ok(Self(Arc::new(Served { services, index: Index::new(files) })))
    }

    /// Answers a call of either version: their messages are encoded alike.
    pub(crate) async fn call(&self, request: Request<Body>) -> Response<Body> {
        let codec = ProstCodec::<ServerReflectionResponse, ServerReflectionRequest>::default();
        Grpc::new(codec).streaming(self.clone(), request).await
    }
}

impl StreamingService<ServerReflectionRequest> for Reflection {
    type Response = ServerReflectionResponse;
    type ResponseStream = BoxStream<'static, Result<ServerReflectionResponse, Status>>;
    type Future = Ready<Result<tonic::Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: tonic::Request<Streaming<ServerReflectionRequest>>) -> Self::Future {
        let served = Arc::clone(&self.0);
        let answers = request.into_inner().map(move |asked| asked.map(|asked| served.answer(asked)));
        ready(Ok(tonic::Response::new(answers.boxed())))
    }
}

impl Served {
    /// What cannot be answered is an error in the answer: the stream goes on (`reflection.proto`, `ErrorResponse`).
    fn answer(&self, asked: ServerReflectionRequest) -> ServerReflectionResponse {
        let answered = match &asked.message_request {
            Some(question) => self.find(question),
            None => Err((Code::InvalidArgument, "the request asks for nothing".to_owned())),
        };
        let answer = answered.unwrap_or_else(|(code, error_message)| {
            MessageResponse::ErrorResponse(ErrorResponse { error_code: code.into(), error_message })
        });
        ServerReflectionResponse {
            valid_host: asked.host.clone(),
            original_request: Some(asked),
            message_response: Some(answer),
        }
    }

    fn find(&self, question: &MessageRequest) -> Result<MessageResponse, (Code, String)> {
        let missing = |what: String| (Code::NotFound, what);
        let file = match question {
            MessageRequest::ListServices(_) => {
                let service =
                    self.services.iter().map(|name| ServiceResponse { name: name.clone() }).collect();
                return Ok(MessageResponse::ListServicesResponse(ListServiceResponse { service }));
            }
            MessageRequest::AllExtensionNumbersOfType(name) => {
                let numbers = self.index.extensions(name);
                let extension_number = numbers.ok_or_else(|| missing(format!("no message {name:?}")))?;
                return Ok(MessageResponse::AllExtensionNumbersResponse(ExtensionNumberResponse {
                    base_type_name: name.clone(),
                    extension_number,
                }));
            }
            MessageRequest::FileByFilename(name) => {
                self.index.file(name).ok_or_else(|| missing(format!("no file {name:?}")))?
            }
            MessageRequest::FileContainingSymbol(name) => {
                self.index.symbol(name).ok_or_else(|| missing(format!("no symbol {name:?}")))?
            }
            MessageRequest::FileContainingExtension(asked) => {
                let (name, number) = (&asked.containing_type, asked.extension_number);
                let found = self.index.extension(name, number);
                found.ok_or_else(|| missing(format!("no extension {number} of {name:?}")))?
            }
        };
        Ok(MessageResponse::FileDescriptorResponse(FileDescriptorResponse {
            file_descriptor_proto: vec![file.to_vec()],
        }))
    }
}
