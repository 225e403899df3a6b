//! One request as operators see it: a span, a metric and a log line, all of which end with the last byte of the answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use mesh::trace::{self, REQUEST_ID, Span};
use tonic::Status;
use tonic::body::Body;

use crate::handle::Caller;
use crate::names::Name;

/// The status in logs and metrics of a request whose client went away before there was one (nginx has it so).
const CLIENT_CLOSED: u16 = 499;

/// Which requests have a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    /// None.
    Off,
    /// Those that failed on this side: with a status of 500 or more.
    Failures,
    /// All.
    #[default]
    All,
}

impl AccessLog {
    fn has(self, status: u16) -> bool {
        match self {
            Self::Off => false,
            Self::Failures => status >= 500,
            Self::All => true,
        }
    }
}

/// A request under way. It is recorded when this is dropped.
#[derive(Debug)]
pub(crate) struct Record {
    span: Span,
    caller: Arc<Caller>,
    name: Arc<Name>,
    log: AccessLog,
    status: Option<StatusCode>,
    /// Whether the answer was sent to its end.
    complete: bool,
}

impl Record {
    /// Begins with a request whose route is known.
    pub(crate) fn begin(headers: &HeaderMap, name: Arc<Name>, caller: Arc<Caller>, log: AccessLog) -> Self {
        let mut span = Span::server(Arc::clone(&name.span), headers);
        if span.is_seen() {
            span.attribute("http.request.method", name.method);
            span.attribute("http.route", &*name.route);
        }
        Self { span, caller, name, log, status: None, complete: false }
    }

    /// Runs a future within the span.
    pub(crate) async fn scope<F: Future>(&self, future: F) -> F::Output {
        self.span.scope(future).await
    }

    /// Ties the record to the body of the answer.
    pub(crate) fn answer(mut self, mut response: Response<Body>) -> Response<Body> {
        self.status = Some(response.status());
        response.headers_mut().insert(REQUEST_ID, trace::once(self.span.request_id().clone()));
        response.map(|body| Body::new(Recorded { body, record: self }))
    }

    fn log(&self, status: u16, took: Duration) {
        let Self { caller, name, complete, .. } = self;
        self.span.sync_scope(|| {
            tracing::info!(
                target: "gateway::access",
                peer = %caller.peer,
                caller = %caller.principal,
                method = name.method,
                route = &*name.route,
                status,
                complete,
                seconds = took.as_secs_f64(),
                "request",
            );
        });
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let status = self.status.map_or(CLIENT_CLOSED, |status| status.as_u16());
        if self.span.is_seen() {
            self.span.attribute("http.response.status_code", status.to_string());
            if status >= 500 {
                self.span.fail(status.to_string());
            }
        }
        let took = self.span.elapsed();
        self.name.series(status).record(took);
        if self.log.has(status) {
            self.log(status, took);
        }
    }
}

/// The body of an answer, with its record.
struct Recorded {
    body: Body,
    record: Record,
}

impl Recorded {
    /// Said as soon as it is so: nobody polls a body that has said that it is at its end.
    fn note_end(&mut self) {
        self.record.complete |= self.body.is_end_stream();
    }
}

impl HttpBody for Recorded {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let body = &mut this.body;
        let polled = this.record.span.sync_scope(|| Pin::new(body).poll_frame(cx));
        match &polled {
            Poll::Ready(None) => this.record.complete = true,
            Poll::Ready(Some(Ok(frame))) if frame.is_trailers() => this.record.complete = true,
            _ => {}
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

impl Drop for Recorded {
    fn drop(&mut self) {
        self.note_end();
    }
}
