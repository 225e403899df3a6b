//! WebSocket (RFC 6455) for methods with streams: a text message is one message of JSON either way, a binary one the
//! bytes of a `google.api.HttpBody`.
//!
//! An empty message ends what the client sends. When the call has ended the server closes with 1000, when it failed it
//! says `{"error": ...}` in a last text message and closes with 4000 and the code of gRPC.

mod end;
mod handshake;
mod requests;
mod session;
mod subprotocol;
mod taken;
mod tunnel;

use std::sync::Arc;

use http::header::{HOST, HeaderMap, HeaderValue};
use http::{Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use mesh::identity::Principal;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::body::Body;
use transcode::{Bound, Program, Route, RouteError};

use crate::backend::Backend;
use crate::bounds::Bounds;
use crate::listen::Blocked;
use crate::policy::Policy;
use crate::problem::Problem;
use crate::render::Render;

pub(crate) use handshake::is_asked;
use session::Session;
pub(crate) use tunnel::Tunnel;

/// What a session needs as long as it lasts.
pub(crate) struct Opening {
    pub(crate) backend: Backend,
    pub(crate) principal: Principal,
    pub(crate) policy: Arc<Policy>,
    pub(crate) bounds: Bounds,
    pub(crate) render: Render,
    /// Cancelled when streams must end.
    pub(crate) ending: CancellationToken,
    /// Whether the connection takes nothing at the moment.
    pub(crate) blocked: Blocked,
}

/// Why a path has no WebSocket.
pub(crate) enum NoSocket {
    /// There is no such path.
    Route(RouteError),
    /// No method of the path has a stream, or not the one that was chosen.
    Unary,
    /// The path has no rule of the HTTP method that was chosen, but streams of these.
    Choice(Vec<String>),
}

/// The method that a WebSocket on this path is for: that of the rule whose HTTP method the client chooses. Where it does not,
/// one with streams both ways comes before one with a stream of requests, and that before one with a stream of answers,
/// which there are other ways to read; among equals a rule for GET, then the others by name.
pub(crate) fn route(program: &Program, path: &str, headers: &HeaderMap) -> Result<Route, NoSocket> {
    match subprotocol::chosen(headers) {
        None => first(program, path),
        Some(method) => chosen(program, path, method),
    }
}

/// The stream of the rule with this HTTP method.
fn chosen(program: &Program, path: &str, method: &str) -> Result<Route, NoSocket> {
    match program.route(method, path) {
        Ok(route) if streams(&route) > 0 => Ok(route),
        Ok(_) => Err(NoSocket::Unary),
        Err(RouteError::MethodNotAllowed { allow }) => {
            let has_stream = |method: &String| {
                program
                    .route(method, path)
                    .is_ok_and(|route| route.http_method() == method && streams(&route) > 0)
            };
            Err(NoSocket::Choice(allow.into_iter().filter(has_stream).collect()))
        }
        Err(error) => Err(NoSocket::Route(error)),
    }
}

/// The stream that comes first.
fn first(program: &Program, path: &str) -> Result<Route, NoSocket> {
    // no rule has this method, unless it is for all of them; what the path takes stands in the error
    let others = match program.route("WEBSOCKET", path) {
        Ok(route) if streams(&route) > 0 => return Ok(route),
        Ok(_) => Vec::new(),
        Err(RouteError::MethodNotAllowed { allow }) => allow.into_iter().collect(),
        Err(error) => return Err(NoSocket::Route(error)),
    };
    let methods = others.iter().rev().map(String::as_str).chain(["GET"]);
    let routes = methods.filter_map(|method| program.route(method, path).ok());
    // of several that are the most, the last one is found
    routes.filter(|route| streams(route) > 0).max_by_key(streams).ok_or(NoSocket::Unary)
}

fn streams(route: &Route) -> u8 {
    let method = route.method();
    2 * u8::from(method.client_streaming()) + u8::from(method.server_streaming())
}

impl From<NoSocket> for Problem {
    fn from(error: NoSocket) -> Self {
        match error {
            NoSocket::Route(error) => crate::way::unroutable(error),
            NoSocket::Unary => {
                Self::invalid("this method has no stream: call it by a request without Upgrade: websocket")
            }
            NoSocket::Choice(methods) => Self::invalid(subprotocol::expected(&methods)),
        }
    }
}

/// Switches a request that is routed, bound and authorized to a session.
pub(crate) fn open(
    opening: Opening,
    bound: Bound,
    request: &mut Request<Incoming>,
    tunnel: &Tunnel,
) -> Result<Response<Body>, Problem> {
    let http2 = request.version() == Version::HTTP_2;
    if !opening.policy.admits_origin(&with_host(request)) {
        let text = "Origin: pages of this origin may not open a WebSocket here";
        return Err(Problem::new(Code::PermissionDenied, StatusCode::FORBIDDEN, text));
    }
    let response = handshake::accept(request)?;
    let time = opening.policy.deadlines.of(request.headers(), true, opening.bounds.deadline)?;
    let mut metadata = HeaderMap::new();
    opening.policy.rules.request(request.headers(), &mut metadata)?;
    let upgraded = hyper::upgrade::on(request);
    let session = Session::new(opening, bound, metadata, time);
    let session = Box::pin(async move {
        match upgraded.await {
            Ok(io) => session.run(io).await,
            Err(error) => tracing::debug!(%error, "a WebSocket was not opened"),
        }
    });
    if http2 {
        // it ends with the connection, which lasts as long as its streams
        tokio::spawn(session);
    } else {
        tunnel.put(session);
    }
    Ok(response)
}

/// The headers with the host, which HTTP/2 has elsewhere.
fn with_host(request: &Request<Incoming>) -> HeaderMap {
    let mut headers = request.headers().clone();
    if let Some(authority) = request.uri().authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        headers.entry(HOST).or_insert(host);
    }
    headers
}
