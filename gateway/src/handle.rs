//! One request: who calls, which way it goes, what came of it.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use arc_swap::ArcSwap;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body::Body as _;
use http_body_util::{Empty, Full};
use hyper::body::Incoming;
use mesh::identity::Principal;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::{Code, Status};
use transcode::{Bound, Route};

use crate::backend::Backend;
use crate::bounds::Bounds;
use crate::builtin::Builtin;
use crate::grpc_web::GrpcWeb;
use crate::linger::{MapLingering as _, linger};
use crate::listen::Blocked;
use crate::names::Names;
use crate::policy::{self, Asked, Early, Policy};
use crate::problem::Problem;
use crate::record::{AccessLog, Record};
use crate::render::{ErrorForm, Render};
use crate::rest::{self, Call};
use crate::schema::{Document, Schema, Schemas};
use crate::way::Way;
use crate::websocket::{self, Opening, Tunnel};
use crate::{Options, access, headers, passthrough};

/// The client of a connection.
#[derive(Debug)]
pub(crate) struct Caller {
    /// Whom the connection proves.
    pub(crate) principal: Principal,
    pub(crate) peer: SocketAddr,
    /// What the connection goes on with, once it has ceased to speak HTTP.
    pub(crate) tunnel: Tunnel,
    /// Whether the connection takes nothing at the moment.
    pub(crate) blocked: Blocked,
    /// How many calls it has made.
    pub(crate) calls: AtomicU32,
}

impl Caller {
    pub(crate) fn new(principal: Principal, peer: SocketAddr) -> Self {
        let (tunnel, blocked) = (Tunnel::default(), Blocked::default());
        Self { principal, peer, tunnel, blocked, calls: AtomicU32::new(0) }
    }
}

/// What the handlers of all workers go by.
pub(crate) type SharedPolicy = Arc<ArcSwap<Policy>>;

/// Answers requests.
#[derive(Debug)]
pub(crate) struct Handler {
    schemas: Arc<Schemas>,
    /// In the order of the schemas' backends.
    backends: Vec<Backend>,
    errors: ErrorForm,
    builtin: Builtin,
    policy: SharedPolicy,
    names: Names,
    access_log: AccessLog,
    /// Cancelled when streams must end.
    ending: CancellationToken,
}

impl Handler {
    pub(crate) fn new(
        schemas: Arc<Schemas>,
        backends: Vec<Backend>,
        policy: SharedPolicy,
        options: &Options,
    ) -> Self {
        let ending = CancellationToken::new();
        let builtin = Builtin::new(Arc::clone(&schemas), options.public_reflection, ending.clone());
        Self {
            schemas,
            backends,
            errors: options.errors,
            builtin,
            policy,
            names: Names::default(),
            access_log: options.access_log,
            ending,
        }
    }

    /// Requests that come from now on meet these policies, at every handler that shares them.
    pub(crate) fn set_policy(&self, policy: Policy) {
        self.policy.store(Arc::new(policy));
    }

    /// Says in health answers that the gateway stops.
    pub(crate) fn stopping(&self) {
        self.builtin.stopping();
    }

    /// What requests meet, for another handler to share.
    pub(crate) fn policy(&self) -> SharedPolicy {
        Arc::clone(&self.policy)
    }

    /// Ends every stream with an explicit last word.
    pub(crate) fn end_streams(&self) {
        self.ending.cancel();
    }

    /// Answers a request. Whatever happens inside, there is an answer.
    pub(crate) async fn handle(&self, caller: Arc<Caller>, mut request: Request<Incoming>) -> Response<Body> {
        headers::drop_identity(request.headers_mut());
        let head = request.method() == Method::HEAD;
        let schema = self.schemas.current();
        let policy = self.policy.load_full();
        let asked = Asked::of(&policy, &request);
        let early = policy.early(&mut request);
        let unnamed = |way| (way, self.names.of(request.method().as_str(), ""));
        let (way, name) = match early {
            Early::On => Way::of(Option::as_ref(&*schema), &self.names, &request),
            Early::Answer(response) => unnamed(Way::Answered(Box::new(response))),
            Early::Refuse(problem) => unnamed(Way::NoRoute(Box::new(problem))),
        };
        let record = Record::begin(request.headers(), name, Arc::clone(&caller), self.access_log);
        // pinned here: it is large, and every layer around it would move it
        let answer = pin!(self.answer(way, Option::as_ref(&*schema), &caller, &policy, request));
        let answered = record.scope(AssertUnwindSafe(answer).catch_unwind()).await;
        let response = answered.unwrap_or_else(|_| {
            let text = "the gateway failed unexpectedly";
            let problem = Problem::new(Code::Internal, StatusCode::INTERNAL_SERVER_ERROR, text);
            Render::new(self.errors, None).response(&problem)
        });
        let response = asked.finish(&policy, response);
        record.answer(if head { without_body(response) } else { response })
    }

    async fn answer(
        &self,
        way: Way,
        schema: Option<&Schema>,
        caller: &Caller,
        policy: &Arc<Policy>,
        request: Request<Incoming>,
    ) -> Response<Body> {
        let principal = &caller.principal;
        match way {
            Way::Answered(response) => *response,
            Way::NoMethod(_) | Way::Builtin | Way::Pass(..) => match GrpcWeb::of(request.headers()) {
                None => self.grpc(way, principal, policy, request.map(Body::new)).await,
                // boxed, as what few requests need: the room for it is not taken by all the others
                Some(web) => Box::pin(self.grpc_web(&web, way, principal, policy, request)).await,
            },
            Way::Document(document) => self.document(schema, document).await,
            Way::NoRoute(problem) => {
                let response = match &problem.allow {
                    Some(allow) if request.method() == Method::OPTIONS => policy::options(allow),
                    _ => Render::new(self.errors, None).response(&problem),
                };
                linger(request);
                response
            }
            Way::Route(route) => self.route(&route, schema, principal, policy, request).await,
            Way::Socket(route) => self.socket(&route, schema, caller, policy, request),
        }
    }

    async fn document(&self, schema: Option<&Schema>, document: Document) -> Response<Body> {
        let built = match schema {
            Some(schema) => schema.document(document, self.schemas.info()).await,
            None => None,
        };
        built.map_or_else(
            || {
                let text = "the document cannot be built";
                let problem = Problem::new(Code::Internal, StatusCode::INTERNAL_SERVER_ERROR, text);
                Render::new(self.errors, None).response(&problem)
            },
            json,
        )
    }

    async fn grpc(
        &self,
        way: Way,
        principal: &Principal,
        policy: &Policy,
        request: Request<Body>,
    ) -> Response<Body> {
        let answered = match way {
            Way::NoMethod(status) => Err(status),
            Way::Builtin => self.builtin.serve(principal, request).await,
            Way::Pass(index, rule) => self.pass(index, &rule, principal, policy, request).await,
            _ => Err(Status::internal("the request is no gRPC")),
        };
        answered.unwrap_or_else(Status::into_http)
    }

    async fn grpc_web(
        &self,
        web: &GrpcWeb,
        way: Way,
        principal: &Principal,
        policy: &Policy,
        request: Request<Incoming>,
    ) -> Response<Body> {
        let refused = GrpcWeb::check_method(request.method());
        // of what the gateway answers itself reflection is a stream
        let streams = if let Way::Pass(_, rule) = &way { rule.client_streaming } else { true };
        let (request, mut fault) = web.request(request, streams, &policy.limits);
        let response = match refused {
            Some(refused) => refused,
            None => match fault.unless(self.grpc(way, principal, policy, request)).await {
                Ok(response) => response,
                Err(problem) => Status::new(problem.code, problem.message).into_http(),
            },
        };
        web.response(response, fault)
    }

    async fn pass(
        &self,
        index: usize,
        rule: &options::MethodRule,
        principal: &Principal,
        policy: &Policy,
        request: Request<Body>,
    ) -> Result<Response<Body>, Status> {
        let backend = self.backends.get(index).ok_or_else(|| Status::internal("the backend is not there"))?;
        passthrough::serve(backend, rule, principal, policy, &self.ending, request).await
    }

    async fn route(
        &self,
        route: &Route,
        schema: Option<&Schema>,
        principal: &Principal,
        policy: &Policy,
        mut request: Request<Incoming>,
    ) -> Response<Body> {
        let render = Render::new(self.errors, Some(route.method()));
        let bound = match schema {
            Some(schema) => self.bind(route, schema, principal, request.uri()),
            None => Err(Problem::backend(&Status::unavailable("no backend serves this method"))),
        };
        let answered = match bound {
            Ok((bound, backend)) => {
                let bounds = bounds(schema, policy, &bound);
                // asked by streams alone, and by few of them
                let owner = || schema?.owner(route.method().path());
                let is_serving = || owner().is_some_and(|owner| self.schemas.is_serving(owner));
                let (backend, render, ending) = (&backend, &render, &self.ending);
                let call =
                    Call { backend, principal, policy, bounds, render, ending, is_serving: &is_serving };
                if bound.route().method().client_streaming() {
                    Box::pin(rest::duplex::serve(&call, bound, request.map_lingering())).await
                } else {
                    let answered = rest::serve(&call, &bound, &mut request).await;
                    linger(request);
                    answered
                }
            }
            Err(problem) => {
                linger(request);
                Err(problem)
            }
        };
        answered.unwrap_or_else(|problem| policy.refusal(&render, &problem))
    }

    fn socket(
        &self,
        route: &Route,
        schema: Option<&Schema>,
        caller: &Caller,
        policy: &Arc<Policy>,
        mut request: Request<Incoming>,
    ) -> Response<Body> {
        let render = Render::new(self.errors, Some(route.method()));
        let opened = match schema {
            Some(schema) => self.bind(route, schema, &caller.principal, request.uri()),
            None => Err(Problem::backend(&Status::unavailable("no backend serves this method"))),
        };
        let opened = opened.and_then(|(bound, backend)| {
            let opening = Opening {
                backend,
                principal: caller.principal.clone(),
                policy: Arc::clone(policy),
                bounds: bounds(schema, policy, &bound),
                render: render.clone(),
                ending: self.ending.clone(),
                blocked: caller.blocked.clone(),
            };
            websocket::open(opening, bound, &mut request, &caller.tunnel)
        });
        opened.unwrap_or_else(|problem| policy.refusal(&render, &problem))
    }

    /// Binds path and query of a request, and decides whether its caller may make it.
    fn bind(
        &self,
        route: &Route,
        schema: &Schema,
        principal: &Principal,
        uri: &Uri,
    ) -> Result<(Bound, Backend), Problem> {
        let bound = route.bind(uri.path(), uri.query()).map_err(|error| Problem::request(&error));
        // who may not call learns nothing of what is wrong with the query
        let path_only = if bound.is_err() { route.bind(uri.path(), None).ok() } else { None };
        let method = route.method();
        if let Some(bound) = bound.as_ref().ok().or(path_only.as_ref()) {
            access::check(schema.access.get(method.path()), principal, bound)
                .map_err(|status| Problem::backend(&status))?;
        }
        let owner = schema.owner(method.path()).and_then(|index| {
            // the body may take its time: what is made of it by this schema is for those who serve this schema
            Some(self.backends.get(index)?.knowing(schema.methods(index)))
        });
        let backend =
            owner.ok_or_else(|| Problem::backend(&Status::unavailable("no backend serves this method")))?;
        Ok((bound?, backend))
    }
}

/// What the call of a request may use.
fn bounds(schema: Option<&Schema>, policy: &Policy, bound: &Bound) -> Bounds {
    let said = schema.map(|schema| schema.bounds(bound.route().method().path()));
    Bounds::new(policy, said.unwrap_or_default())
}

/// An answer of JSON.
fn json(body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::new(body)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The answer to HEAD: what GET would have said, without its body (RFC 9110, 9.3.2).
fn without_body(mut response: Response<Body>) -> Response<Body> {
    if let Some(length) = response.body().size_hint().exact() {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    response.map(|_| Body::new(Empty::new()))
}

#[cfg(test)]
mod tests {
    //! What a request holds while its backend works.

    use super::*;

    fn room_of<'a, F: Future>(
        _: impl Fn(&'a Handler, Arc<Caller>, Request<Incoming>) -> F,
    ) -> (usize, usize) {
        (size_of::<F>(), align_of::<F>())
    }

    /// Buffers of connections are of 8 KiB. Room of about that size that comes and goes with requests lies among them,
    /// and then keeps the pages that it lies in.
    #[test]
    fn a_request_is_smaller_than_a_buffer() {
        let (size, align) = room_of(Handler::handle);
        assert!(size <= 6 << 10, "every request has {size} bytes until its answer begins");
        // a timer that is not boxed aligns what it lies in to 128 bytes, for which an allocator has no quick way
        assert!(align <= 16, "every request is aligned to {align} bytes");
    }
}
