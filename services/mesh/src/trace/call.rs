//! The span of one RPC: named by its method, ended with its status when its last byte is sent, also as a metric.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body, Frame, SizeHint};
use tonic::{Code, Status};

use super::{Kind, Span};
use crate::telemetry;

/// What the name of a call is called in log lines.
const NAME: &str = "rpc.method";

/// A method that no descriptor knows gets this name, so that a scanner cannot grow the label set.
const OTHER: &str = "_OTHER";

/// Services whose calls are no news: reflection and health are asked over and over.
const QUIET: [&str; 2] = ["grpc.reflection.", "grpc.health."];

/// A call that is running. Dropped before it ended, it was cancelled.
#[derive(Debug)]
pub struct Call {
    span: Span,
    kind: Kind,
    ended: bool,
}

impl Call {
    /// A call that was received. The path is its name only if it is `known`.
    pub fn received(path: &str, known: bool, headers: &HeaderMap) -> Self {
        Self::begin(Kind::Server, Span::outside(method(path, known), headers, NAME))
    }

    /// A call that is made. The path is its name only if it is `known`.
    pub fn made(path: &str, known: bool) -> Self {
        Self::begin(Kind::Client, Span::inside(Kind::Client, method(path, known), NAME))
    }

    fn begin(kind: Kind, mut span: Span) -> Self {
        if span.is_seen() {
            span.attribute("rpc.system.name", "grpc");
            let name = span.name().to_string();
            span.attribute("rpc.method", name);
        }
        Self { span, kind, ended: false }
    }

    /// Its span.
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Its span, to add to.
    pub fn span_mut(&mut self) -> &mut Span {
        &mut self.span
    }

    /// Ends the call with a status.
    pub fn end(mut self, code: Code) {
        self.finish(code);
    }

    fn finish(&mut self, code: Code) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let name = code_name(code);
        self.span.attribute(telemetry::STATUS_ATTRIBUTE, name);
        if is_failure(self.kind, code) {
            self.span.attribute("error.type", name);
            self.span.fail(name);
        }
        let took = self.span.elapsed();
        telemetry::record_call(self.kind, self.span.name(), name, took);
        if self.kind == Kind::Server {
            let seconds = took.as_secs_f64();
            // what looks after the service all the time is not what operators look for
            let quiet = QUIET.iter().any(|service| self.span.name().starts_with(service));
            self.span.sync_scope(|| {
                if quiet {
                    tracing::debug!(target: "mesh::rpc", status = name, seconds, "call ended");
                } else {
                    tracing::info!(target: "mesh::rpc", status = name, seconds, "call ended");
                }
            });
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.finish(Code::Cancelled);
    }
}

fn method(path: &str, known: bool) -> Arc<str> {
    Arc::from(if known { path.trim_start_matches('/') } else { OTHER })
}

/// Which codes are an error of this side: a server is not at fault for what it was asked (OpenTelemetry RPC spans).
fn is_failure(kind: Kind, code: Code) -> bool {
    match kind {
        Kind::Client => code != Code::Ok,
        Kind::Server | Kind::Internal => matches!(
            code,
            Code::Unknown
                | Code::DeadlineExceeded
                | Code::Unimplemented
                | Code::Internal
                | Code::Unavailable
                | Code::DataLoss
        ),
    }
}

/// The name of a code as specifications write it.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// The status code in headers or trailers.
pub(crate) fn status_code(headers: &HeaderMap) -> Option<Code> {
    headers.get("grpc-status").map(|value| Code::from_bytes(value.as_bytes()))
}

/// A body that ends its call with the status in its trailers. `held` is dropped with it: permits, counts.
#[derive(Debug)]
pub struct Observed<B, H> {
    body: B,
    call: Option<Call>,
    /// Held while the body is alive.
    held: Option<H>,
}

impl<B: Body, H> Observed<B, H> {
    /// Ties a call to the body of its response. An answer that is a status alone ends the call at once.
    pub fn response(response: Response<B>, call: Call, held: H) -> Response<Self> {
        let (parts, body) = response.into_parts();
        let mut observed = Self { body, call: Some(call), held: Some(held) };
        if let Some(code) = status_code(&parts.headers) {
            observed.end(code);
        } else if observed.body.is_end_stream() {
            observed.end(Code::Unknown);
        }
        Response::from_parts(parts, observed)
    }

    fn end(&mut self, code: Code) {
        if let Some(call) = self.call.take() {
            call.end(code);
        }
        self.held = None;
    }
}

impl<B, H> Body for Observed<B, H>
where
    B: Body<Data = Bytes, Error = Status> + Unpin,
    H: Unpin,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Task<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let body = &mut this.body;
        let polled = match this.call.as_ref() {
            Some(call) => call.span.sync_scope(|| Pin::new(body).poll_frame(cx)),
            None => Pin::new(body).poll_frame(cx),
        };
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(code) = frame.trailers_ref().map(|map| status_code(map).unwrap_or(Code::Unknown))
                {
                    this.end(code);
                }
            }
            Poll::Ready(Some(Err(status))) => this.end(status.code()),
            Poll::Ready(None) => this.end(Code::Unknown),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
