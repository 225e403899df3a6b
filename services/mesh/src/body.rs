//! A response body that can end before its source does: at a deadline, in a drain, after a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;
use tonic::Status;

use crate::deadline;

/// What ends a body early.
pub type Ending = Pin<Box<dyn Future<Output = Status> + Send>>;

/// A body that ends with trailers that carry a status as soon as `ending` resolves, or when its source panics or fails.
///
/// Frames of gRPC bodies hold whole messages, so an end between frames cuts no message. The source is dropped at the end.
pub struct EndedBy {
    source: Option<tonic::body::Body>,
    ending: Option<Ending>,
    deadline: Option<Instant>,
}

impl EndedBy {
    /// Wraps a body; its source is polled as part of a call with `deadline`.
    pub fn new(source: tonic::body::Body, ending: Option<Ending>, deadline: Option<Instant>) -> Self {
        Self { source: Some(source), ending, deadline }
    }

    fn end(&mut self, status: &Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.source = None;
        self.ending = None;
        Poll::Ready(Some(Ok(Frame::trailers(trailers(status)))))
    }
}

impl std::fmt::Debug for EndedBy {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("EndedBy").field("ended", &self.source.is_none()).finish_non_exhaustive()
    }
}

impl Body for EndedBy {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(source) = this.source.as_mut() else { return Poll::Ready(None) };
        if let Some(ending) = this.ending.as_mut()
            && let Poll::Ready(status) = ending.as_mut().poll(cx)
        {
            return this.end(&status);
        }
        let polled = catch_unwind(AssertUnwindSafe(|| {
            deadline::sync_scope(this.deadline, || Pin::new(source).poll_frame(cx))
        }));
        match polled {
            Ok(Poll::Ready(Some(Ok(frame)))) => {
                if frame.is_trailers() {
                    this.source = None;
                    this.ending = None;
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Ok(Poll::Ready(Some(Err(status)))) => this.end(&status),
            Ok(Poll::Ready(None)) => {
                this.source = None;
                Poll::Ready(None)
            }
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => this.end(&panicked()),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.source.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.source.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// The trailers that carry a status.
pub fn trailers(status: &Status) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(3);
    // what cannot be said as a header is still an error with its code
    if status.add_header(&mut map).is_err() {
        map.insert("grpc-status", http::HeaderValue::from(status.code() as i32));
    }
    map
}

/// The status of a call whose handler panicked; what it said goes to the operator's log alone.
pub(crate) fn panicked() -> Status {
    Status::internal("the handler of this call failed unexpectedly")
}
