//! One request as operators see it: a span, a metric and a log line, all of which end with the last byte of the answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::HeaderValue;
use http::{Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use mesh::trace::{REQUEST_ID, Span};
use tonic::Status;
use tonic::body::Body;

use crate::handle::Caller;

/// The duration of requests, in seconds (OpenTelemetry, HTTP metrics).
const DURATION: &str = "http_server_request_duration_seconds";

/// The status in logs and metrics of a request whose client went away before there was one (nginx has it so).
const CLIENT_CLOSED: u16 = 499;

/// A request under way. It is recorded when this is dropped.
#[derive(Debug)]
pub(crate) struct Record {
    span: Span,
    caller: Arc<Caller>,
    method: &'static str,
    /// Template of the route, or the gRPC method; empty where there is none.
    route: String,
    status: Option<StatusCode>,
    /// Whether the answer was sent to its end.
    complete: bool,
}

impl Record {
    /// Begins with a request whose route is known.
    pub(crate) fn begin<B>(request: &Request<B>, route: String, caller: Arc<Caller>) -> Self {
        let method = known_method(request.method().as_str());
        let name = if route.is_empty() { method.to_owned() } else { format!("{method} {route}") };
        let mut span = Span::server(name, request.headers());
        span.attribute("http.request.method", method);
        span.attribute("http.route", route.clone());
        Self { span, caller, method, route, status: None, complete: false }
    }

    /// Runs a future within the span.
    pub(crate) async fn scope<F: Future>(&self, future: F) -> F::Output {
        self.span.scope(future).await
    }

    /// Ties the record to the body of the answer.
    pub(crate) fn answer(mut self, response: Response<Body>) -> Response<Body> {
        self.status = Some(response.status());
        let (mut parts, body) = response.into_parts();
        if let Ok(id) = HeaderValue::from_str(self.span.request_id()) {
            parts.headers.insert(REQUEST_ID, id);
        }
        Response::from_parts(parts, Body::new(Recorded { body, record: self }))
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let status = self.status.map_or(CLIENT_CLOSED, |status| status.as_u16());
        self.span.attribute("http.response.status_code", status.to_string());
        if status >= 500 {
            self.span.fail(status.to_string());
        }
        let took = self.span.elapsed();
        metrics::histogram!(
            DURATION,
            "http_request_method" => self.method,
            "http_route" => self.route.clone(),
            "http_response_status_code" => status.to_string(),
        )
        .record(took);
        let Self { caller, method, route, complete, .. } = &*self;
        self.span.sync_scope(|| {
            tracing::info!(
                target: "gateway::access",
                peer = %caller.peer,
                caller = %caller.principal,
                method,
                route,
                status,
                complete,
                seconds = took.as_secs_f64(),
                "request",
            );
        });
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

/// Methods that a client makes up must not become names or label values.
fn known_method(method: &str) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method).unwrap_or("_OTHER")
}
