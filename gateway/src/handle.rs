//! One request: who calls, which way it goes, what came of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{Empty, Full};
use hyper::body::Incoming;
use mesh::authorize;
use mesh::identity::Principal;
use mesh::trace::{REQUEST_ID, Span};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::{Code, Status};
use transcode::{Bound, RouteError};

use crate::builtin::{Builtin, is_builtin};
use crate::headers;
use crate::listen::Limits;
use crate::problem::Problem;
use crate::render::ErrorForm;
use crate::rest::{self, Target};
use crate::schema::{Schema, Schemas};
use crate::{openapi, passthrough};

/// Renders errors with the schema that was current when the request came.
#[derive(Clone, Debug)]
pub(crate) struct Render {
    form: ErrorForm,
    schema: Arc<Option<Schema>>,
}

impl Render {
    pub(crate) fn body(&self, problem: &Problem) -> Vec<u8> {
        self.form.body(problem, Option::as_ref(&*self.schema).map(|schema| &schema.program))
    }
}

/// Answers requests.
#[derive(Debug)]
pub(crate) struct Handler {
    schemas: Arc<Schemas>,
    errors: ErrorForm,
    builtin: Builtin,
    body_bytes: usize,
    closing: CancellationToken,
}

/// What is told of a finished request; no query string, no body.
struct Outcome {
    /// Template of the route, or the gRPC method; empty where there is none.
    route: String,
    response: Response<Body>,
}

impl Handler {
    pub(crate) fn new(
        schemas: Arc<Schemas>,
        errors: ErrorForm,
        public_reflection: bool,
        limits: &Limits,
    ) -> Self {
        let builtin = Builtin::new(Arc::clone(&schemas), public_reflection);
        Self { schemas, errors, builtin, body_bytes: limits.body_bytes, closing: CancellationToken::new() }
    }

    /// Cancelled when connections are to be closed as soon as their calls have ended.
    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    /// Answers a request of a caller whose connection proves `principal`.
    pub(crate) async fn handle(
        &self,
        principal: &Principal,
        peer: SocketAddr,
        mut request: Request<Incoming>,
    ) -> Response<Body> {
        let begin = Instant::now();
        headers::drop_identity(request.headers_mut());
        let method = request.method().clone();
        let mut span = Span::server(method.as_str(), request.headers());
        let Outcome { route, mut response } = span.scope(self.dispatch(principal, request)).await;
        if let Ok(id) = HeaderValue::from_str(span.request_id()) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        let status = response.status();
        span.attribute("http.route", route.clone());
        span.attribute("http.response.status_code", status.as_str());
        let elapsed = begin.elapsed();
        metrics::histogram!(
            "http_server_request_duration_seconds",
            "http_request_method" => known_method(&method),
            "http_route" => route.clone(),
            "http_response_status_code" => status.as_str().to_owned(),
        )
        .record(elapsed);
        span.sync_scope(|| {
            tracing::info!(%peer, %principal, %method, route, status = status.as_u16(), ms = elapsed.as_millis(), "request");
        });
        response
    }

    async fn dispatch(&self, principal: &Principal, request: Request<Incoming>) -> Outcome {
        let schema = self.schemas.current();
        let render = Render { form: self.errors, schema: Arc::clone(&schema) };
        if is_grpc(&request) {
            let route = request.uri().path().to_owned();
            let known =
                is_builtin(&route) || Option::as_ref(&*schema).is_some_and(|s| s.owner(&route).is_some());
            let response = self
                .grpc(principal, Option::as_ref(&*schema), request)
                .await
                .unwrap_or_else(Status::into_http);
            return Outcome { route: if known { route } else { String::new() }, response };
        }
        let head = request.method() == Method::HEAD;
        let Some(known) = Option::as_ref(&*schema) else {
            let text = "the gateway does not know its services yet, please try again in a moment";
            let problem = Problem::new(Code::Unavailable, StatusCode::SERVICE_UNAVAILABLE, text);
            return Outcome { route: String::new(), response: failed(&render, &problem) };
        };
        if let Some(response) = openapi::serve(known, self.schemas.info(), &request) {
            return Outcome { route: "/openapi.json".to_owned(), response: without_body(response, head) };
        }
        let mut route = String::new();
        let result = self.rest(principal, known, &render, request, &mut route).await;
        let response = result.unwrap_or_else(|problem| failed(&render, &problem));
        Outcome { route, response: without_body(response, head) }
    }

    async fn grpc(
        &self,
        principal: &Principal,
        schema: Option<&Schema>,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Status> {
        let path = request.uri().path();
        if is_builtin(path) {
            return self.builtin.serve(principal, request).await;
        }
        let owner = schema.and_then(|schema| schema.owner(path));
        let backend = owner.and_then(|index| self.schemas.backend(index));
        let backend = backend.ok_or_else(|| Status::unimplemented("no backend serves this method"))?;
        passthrough::serve(&backend.channel, principal, request).await
    }

    async fn rest(
        &self,
        principal: &Principal,
        schema: &Schema,
        render: &Render,
        request: Request<Incoming>,
        template: &mut String,
    ) -> Result<Response<Body>, Problem> {
        let uri = request.uri();
        let route = schema.program.route(request.method().as_str(), uri.path()).map_err(unroutable)?;
        route.template().clone_into(template);
        let bound = route.bind(uri.path(), uri.query()).map_err(|error| Problem::request(&error));
        // Who may not call learns nothing of what is wrong with the query.
        let path_only = if bound.is_err() { route.bind(uri.path(), None).ok() } else { None };
        let method = route.method();
        if let Some(bound) = bound.as_ref().ok().or(path_only.as_ref()) {
            authorized(schema, principal, method.path(), bound)
                .map_err(|status| Problem::backend(&status))?;
        }
        let bound = bound?;
        let owner = schema.owner(method.path()).and_then(|index| self.schemas.backend(index));
        let backend =
            owner.ok_or_else(|| Problem::backend(&Status::unavailable("no backend serves this method")))?;
        let target =
            Target { channel: &backend.channel, principal, limit: self.body_bytes, render: render.clone() };
        rest::serve(target, bound, request).await
    }
}

/// The same rule that the service applies, as soon as the path is known and before the body is read.
fn authorized(schema: &Schema, principal: &Principal, path: &str, bound: &Bound) -> Result<(), Status> {
    let rule =
        schema.access.get(path).ok_or_else(|| Status::permission_denied("nobody may call this method"))?;
    let field = rule.tool_field.as_ref().map(|field| field.name.as_str());
    let tool = field.and_then(|field| bound.path_value(field));
    if tool.is_none() && authorize::needs_tool(rule, principal) {
        // The tool stands in the body: the service decides, with the same rule.
        return Ok(());
    }
    authorize::check(rule, principal, tool).map_err(Status::from)
}

fn unroutable(error: RouteError) -> Problem {
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

fn failed(render: &Render, problem: &Problem) -> Response<Body> {
    let body = Bytes::from(render.body(problem));
    let mut response = Response::new(Body::new(Full::new(body)));
    *response.status_mut() = problem.http;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(allow) = problem.allow.as_ref().and_then(|allow| HeaderValue::from_str(allow).ok()) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

/// The answer to HEAD: what GET would have said, without its body (RFC 9110, 9.3.2).
fn without_body(response: Response<Body>, head: bool) -> Response<Body> {
    if !head {
        return response;
    }
    let mut response = response;
    if let Some(length) = http_body::Body::size_hint(response.body()).exact() {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    response.map(|_| Body::new(Empty::new()))
}

fn is_grpc(request: &Request<Incoming>) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let rest = content_type.strip_prefix(b"application/grpc");
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

/// Methods that a client makes up must not become label values.
fn known_method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "_OTHER",
    }
}
