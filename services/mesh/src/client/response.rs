//! Response bodies: bytes as they arrive, polled by the caller's own task, until the trailers or the deadline.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};
use http_body::{Body, Frame, SizeHint};
use mesh_http2::{Part, Stream};
use tokio::time::Sleep;
use tonic::{Code, Status};

use super::payload::Sending;
use super::pool::Lease;
use super::sanitise;
use crate::body::trailers;
use crate::deadline;
use crate::trace::{Call, status_code};

/// The body of a response. It ends at the deadline, and with it the call; an error of the connection is a status in
/// trailers, as every other end of a call. Dropped before its end, it cancels the call.
#[derive(Debug)]
pub struct ResponseBody {
    source: Option<Stream>,
    deadline: Option<Pin<Box<Sleep>>>,
    open: Option<Open>,
    encoding: Option<HeaderValue>,
}

/// What a call that is not over holds.
#[derive(Debug)]
struct Open {
    call: Call,
    _lease: Lease,
    _sending: Option<Sending>,
}

/// What a call has brought about.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) response: Response<Stream>,
    pub(super) lease: Lease,
    pub(super) sending: Option<Sending>,
}

impl ResponseBody {
    /// Ties a call to the body of its response. An answer that is a status alone ends the call at once.
    pub(super) fn response(answer: Answer, call: Call, deadline: Option<Pin<Box<Sleep>>>) -> Response<Self> {
        let Answer { response, lease, sending } = answer;
        let (parts, source) = response.into_parts();
        let open = Open { call, _lease: lease, _sending: sending };
        let encoding = parts.headers.get("grpc-encoding").cloned();
        let mut body = Self { source: Some(source), deadline, open: Some(open), encoding };
        if body.is_end_stream() {
            body.finish(status_code(&parts.headers).unwrap_or(Code::Unknown));
        }
        Response::from_parts(parts, body)
    }

    /// How messages that are marked as compressed are compressed; none where the server did not say.
    pub fn encoding(&self) -> Option<&[u8]> {
        self.encoding.as_ref().map(HeaderValue::as_bytes)
    }

    fn finish(&mut self, code: Code) {
        (self.source, self.deadline) = (None, None);
        if let Some(open) = self.open.take() {
            open.call.end(code);
        }
    }

    fn fail(&mut self, status: &Status) -> HeaderMap {
        self.finish(status.code());
        trailers(status)
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(source) = this.source.as_mut() else { return Poll::Ready(None) };
        if let Some(deadline) = this.deadline.as_mut()
            && deadline.as_mut().poll(cx).is_ready()
        {
            let ended = this.fail(&deadline::exceeded());
            return Poll::Ready(Some(Ok(Frame::trailers(ended))));
        }
        let error = match ready!(source.poll_part(cx)) {
            Some(Ok(Part::Data(data))) => return Poll::Ready(Some(Ok(Frame::data(data)))),
            Some(Ok(Part::Trailers(mut map))) => {
                sanitise::headers(&mut map);
                this.finish(status_code(&map).unwrap_or(Code::Unknown));
                return Poll::Ready(Some(Ok(Frame::trailers(map))));
            }
            None => {
                this.finish(Code::Unknown);
                return Poll::Ready(None);
            }
            Some(Err(error)) => error,
        };
        let ended = this.fail(&sanitise::status(&error));
        Poll::Ready(Some(Ok(Frame::trailers(ended))))
    }

    fn is_end_stream(&self) -> bool {
        self.source.as_ref().is_none_or(Stream::is_end)
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_end_stream() { SizeHint::with_exact(0) } else { SizeHint::default() }
    }
}
