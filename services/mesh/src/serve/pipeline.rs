//! The layers around every handler, in their order.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, header};
use http_body::Body as HttpBody;
use options::{Caller, Table};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until, timeout_at};
use tonic::Status;
use tonic::body::Body;

use super::shed::Shed;
use super::{Limits, Services, stalled};
use crate::authorize::{self, Subject, tool_in};
use crate::body::{EndedBy, Ending, panicked};
use crate::drain::{Drain, resume_elsewhere};
use crate::frame::{Limited, first};
use crate::identity::{Peer, Principal};
use crate::trace::{Call, Observed};
use crate::{deadline, redact};

#[derive(Debug)]
pub(super) struct Pipeline {
    services: Services,
    table: Table,
    public_reflection: bool,
    message: u32,
    shed: Shed,
}

/// What lives as long as a call: its turn, and what the connection counts it by.
pub(super) type Held<G> = (Option<OwnedSemaphorePermit>, G);

/// What is known of a call before its handler runs.
struct Context<'a> {
    subject: Subject<'a>,
    caller: Principal,
    deadline: Option<Instant>,
}

impl Pipeline {
    pub(super) fn new(services: Services, table: Table, public_reflection: bool, limits: &Limits) -> Self {
        let shed = Shed::new(limits.calls, limits.shed_after);
        Self { services, table, public_reflection, message: limits.message, shed }
    }

    /// Handles one request of a connection; `guard` is held until its last byte is sent.
    pub(super) async fn handle<B, G>(
        &self,
        request: Request<B>,
        peer: &Peer,
        drain: &Drain,
        guard: G,
    ) -> Response<Observed<EndedBy, Held<G>>>
    where
        B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<tonic::codegen::StdError>,
        G: Unpin,
    {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let subject = authorize::subject(&self.table, &path);
        let known = !matches!(subject, Subject::Unknown);
        let mut call = Call::received(redact::path(&path), known, &parts.headers);
        let caller = peer.caller(&mut parts.headers);
        if let Ok(caller) = &caller {
            call.span().caller(caller);
            call.span_mut().attribute("toolforge.caller.kind", caller.kind());
        }
        let request = Request::from_parts(parts, body);
        let answered = call.span().scope(self.answer(request, peer, drain, subject, caller)).await;
        let (response, turn) = answered.unwrap_or_else(|status| (refused(&status), None));
        Observed::response(response, call, (turn, guard))
    }

    async fn answer<B>(
        &self,
        request: Request<B>,
        peer: &Peer,
        drain: &Drain,
        subject: Subject<'_>,
        caller: Result<Principal, Status>,
    ) -> Result<(Response<EndedBy>, Option<OwnedSemaphorePermit>), Status>
    where
        B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<tonic::codegen::StdError>,
    {
        let (mut parts, body) = request.into_parts();
        if let Some(response) = not_grpc(&parts) {
            return Ok((response, None));
        }
        let caller = caller?;
        tracing::debug!(peer = &*peer.from, "call received");
        let (unary, streams) = shape(&subject);
        let turn = if matches!(subject, Subject::Health) { None } else { Some(self.shed.turn().await?) };
        let limit = deadline::server_limit(deadline::requested(&parts.headers)?, unary);
        let context = Context { subject, caller, deadline: limit.map(|limit| Instant::now() + limit) };
        parts.extensions.insert(peer.clone());
        parts.extensions.insert(drain.clone());
        let at = context.deadline;
        let response = within(at, self.dispatch(parts, body, context)).await?;
        let turn = if streams { None } else { turn };
        let drain = streams.then(|| drain.clone());
        stalled::limit(drain.clone(), at);
        Ok((response.map(|body| ended(body, drain, at)), turn))
    }

    /// From the size limit inwards.
    async fn dispatch<B>(
        &self,
        mut parts: Parts,
        body: B,
        context: Context<'_>,
    ) -> Result<Response<Body>, Status>
    where
        B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<tonic::codegen::StdError>,
    {
        let body = Limited::new(body, self.message);
        let body = self.authorized(&context, body).await?;
        parts.extensions.insert(context.caller);
        let handled = self.services.handle(Request::from_parts(parts, body));
        let handled = AssertUnwindSafe(deadline::scope(context.deadline, handled)).catch_unwind().await;
        handled.map_err(|_| {
            tracing::error!("the handler panicked");
            panicked()
        })
    }

    /// Lets the call pass, having read its first message if the decision needs it.
    async fn authorized<B>(&self, context: &Context<'_>, body: Limited<B>) -> Result<Body, Status>
    where
        B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<tonic::codegen::StdError>,
    {
        let Context { subject, caller, .. } = context;
        let rule = match subject {
            Subject::Method(rule) => *rule,
            Subject::Health => return Ok(Body::new(body)),
            Subject::Reflection if self.public_reflection || *caller != Principal::Anonymous => {
                return Ok(Body::new(body));
            }
            Subject::Reflection => return Err(authorize::Denied::Unauthenticated.into()),
            Subject::Unknown => return Err(Status::unimplemented("no such method here")),
        };
        // what no tool could change is decided before a byte is read
        authorize::check(rule, caller, caller.tool())?;
        // for administrators and services too: a request that can be read in two ways is refused, whoever sends it
        let Some(field) = rule.tool_field.as_ref().filter(|_| !rule.admits(Caller::Public)) else {
            return Ok(Body::new(body));
        };
        let first = timeout_at(Instant::now() + deadline::DEFAULT_UNARY, first(body)).await;
        let first = first.map_err(|_| deadline::exceeded())??;
        let message = first.message.as_deref().unwrap_or_default();
        let tool = tool_in(message, field.number);
        let tool = tool.map_err(|why| Status::invalid_argument(format!("{}: {why}", field.name)))?;
        authorize::check(rule, caller, tool)?;
        Ok(Body::new(first.body))
    }
}

/// Whether a method takes and gives one message, and whether it gives a stream.
fn shape(subject: &Subject<'_>) -> (bool, bool) {
    match subject {
        Subject::Method(rule) => (!rule.client_streaming && !rule.server_streaming, rule.server_streaming),
        Subject::Health | Subject::Reflection => (false, true),
        Subject::Unknown => (true, false),
    }
}

async fn within<T>(
    at: Option<Instant>,
    future: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    match at {
        Some(at) => timeout_at(at, future).await.unwrap_or_else(|_| Err(deadline::exceeded())),
        None => future.await,
    }
}

fn ended(body: Body, drain: Option<Drain>, at: Option<Instant>) -> EndedBy {
    if body.is_end_stream() {
        return EndedBy::new(body, None, None);
    }
    let ending: Option<Ending> = match (drain, at) {
        (None, None) => None,
        (None, Some(at)) => Some(Box::pin(async move {
            sleep_until(at).await;
            deadline::exceeded()
        })),
        (Some(drain), None) => Some(Box::pin(async move {
            drain.streams_end().await;
            resume_elsewhere()
        })),
        (Some(drain), Some(at)) => Some(Box::pin(async move {
            tokio::select! {
                () = drain.streams_end() => resume_elsewhere(),
                () = sleep_until(at) => deadline::exceeded(),
            }
        })),
    };
    EndedBy::new(body, ending, at)
}

fn refused(status: &Status) -> Response<EndedBy> {
    status.clone().into_http::<Body>().map(|body| EndedBy::new(body, None, None))
}

/// The answer to what is not a gRPC request, which has no place for a gRPC status.
fn not_grpc(parts: &Parts) -> Option<Response<EndedBy>> {
    let content = parts.headers.get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let rest = content.strip_prefix(b"application/grpc");
    let status = if rest.is_none_or(|rest| !matches!(rest.first(), None | Some(b'+' | b';' | b' '))) {
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    } else if parts.method != Method::POST {
        StatusCode::METHOD_NOT_ALLOWED
    } else {
        return None;
    };
    let mut response = Response::new(EndedBy::new(Body::empty(), None, None));
    *response.status_mut() = status;
    Some(response)
}

/// A pipeline of nothing.
#[cfg(test)]
impl Default for Pipeline {
    fn default() -> Self {
        Self::new(Services::new(), Table::default(), false, &Limits::default())
    }
}

/// Keeps the pipeline shareable between connections.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Arc<Pipeline>>();
};
