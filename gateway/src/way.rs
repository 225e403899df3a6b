//! Which way a request goes: its answer is decided by path, method and content type alone.

mod document;

use std::sync::Arc;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode, Version};
use options::MethodRule;
use tonic::body::Body;
use tonic::{Code, Status};
use transcode::{Route, RouteError};

use crate::builtin::is_builtin;
use crate::grpc_web::GrpcWeb;
use crate::names::{Name, Names};
use crate::problem::Problem;
use crate::schema::{Document, Schema};
use crate::websocket;

/// Which way a request goes.
#[derive(Debug)]
pub(crate) enum Way {
    /// gRPC that the gateway answers itself.
    Builtin,
    /// gRPC that is passed through: the place of the backend, and the method's rule.
    Pass(usize, MethodRule),
    /// gRPC that nobody answers.
    NoMethod(Status),
    /// REST.
    Route(Box<Route>),
    /// A method with a stream, over a WebSocket.
    Socket(Box<Route>),
    /// An OpenAPI document.
    Document(Document),
    /// REST that nobody answers.
    NoRoute(Box<Problem>),
    /// What was answered before it had a way.
    Answered(Box<Response<Body>>),
}

impl Way {
    /// Finds the way of a request, and its name in spans, metrics and logs; made-up paths have an empty one.
    pub(crate) fn of<B>(schema: Option<&Schema>, names: &Names, request: &Request<B>) -> (Self, Arc<Name>) {
        let name = |route: &str| names.of(request.method().as_str(), route);
        let path = request.uri().path();
        let web = GrpcWeb::of(request.headers()).is_some();
        if web || is_grpc(request) {
            let way = if web { grpc(schema, path) } else { grpc_over_http2(schema, request) };
            let known = matches!(way, Self::Builtin | Self::Pass(..));
            return (way, name(if known { path } else { "" }));
        }
        let Some(schema) = schema else {
            let text = "the gateway does not know its services yet, please try again in a moment";
            let problem = Problem::new(Code::Unavailable, StatusCode::SERVICE_UNAVAILABLE, text);
            return (Self::NoRoute(Box::new(problem)), name(""));
        };
        if let Some(document) = document::find(schema, request) {
            let way = document.map_or_else(|problem| Self::NoRoute(Box::new(problem)), Self::Document);
            return (way, name(path));
        }
        if websocket::is_asked(request) {
            return match websocket::route(&schema.program, path, request.headers()) {
                Ok(route) => {
                    let name = name(route.template());
                    (Self::Socket(Box::new(route)), name)
                }
                Err(error) => (Self::NoRoute(Box::new(error.into())), name("")),
            };
        }
        match schema.program.route(request.method().as_str(), path) {
            Ok(route) => {
                let name = name(route.template());
                (Self::Route(Box::new(route)), name)
            }
            Err(error) => (Self::NoRoute(Box::new(unroutable(error))), name("")),
        }
    }
}

fn grpc_over_http2<B>(schema: Option<&Schema>, request: &Request<B>) -> Way {
    if request.version() != Version::HTTP_2 {
        // its status stands in trailers, which HTTP/1.1 loses
        return Way::NoMethod(Status::unimplemented("gRPC needs HTTP/2; gRPC-Web does not"));
    }
    grpc(schema, request.uri().path())
}

fn grpc(schema: Option<&Schema>, path: &str) -> Way {
    if is_builtin(path) {
        return Way::Builtin;
    }
    let Some(schema) = schema else {
        return Way::NoMethod(Status::unavailable("the gateway does not know its services yet"));
    };
    match (schema.owner(path), schema.access.get(path)) {
        (Some(backend), Some(rule)) => Way::Pass(backend, rule.clone()),
        _ => Way::NoMethod(Status::unimplemented("no backend serves this method")),
    }
}

/// The refusal of a request that no rule has.
pub(crate) fn unroutable(error: RouteError) -> Problem {
    let text = error.to_string();
    match error {
        RouteError::NotFound => Problem::new(Code::NotFound, StatusCode::NOT_FOUND, text),
        RouteError::BadPath { .. } => Problem::new(Code::InvalidArgument, StatusCode::BAD_REQUEST, text),
        RouteError::MethodNotAllowed { allow } => {
            let mut problem = Problem::new(Code::Unimplemented, StatusCode::METHOD_NOT_ALLOWED, text);
            problem.allow = Some(allow.into_iter().collect::<Vec<_>>().join(", "));
            problem
        }
    }
}

fn is_grpc<B>(request: &Request<B>) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let rest = content_type.strip_prefix(b"application/grpc");
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' ')))
}
