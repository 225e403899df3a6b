//! Request bodies that can be sent again: what is there at once, which for a unary call is all of it, is kept.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use tonic::Status;
use tonic::body::Body;

/// What is kept of a request, to be sent again.
const MAX_KEPT: usize = 64 << 10;

/// A request's body before it is sent.
#[derive(Debug)]
pub(super) enum Payload {
    /// All of it; it can be sent any number of times.
    Whole(VecDeque<Bytes>),
    /// A stream, or more than is kept; it can be sent until a byte of it has left.
    Once(RequestBody),
}

impl Payload {
    /// Takes from a body what it has at once.
    pub(super) fn collect(mut body: Body) -> Self {
        let mut head = VecDeque::new();
        let mut kept = 0;
        let mut cx = Context::from_waker(Waker::noop());
        while kept <= MAX_KEPT {
            match Pin::new(&mut body).poll_frame(&mut cx) {
                Poll::Ready(None) => return Self::Whole(head),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        kept += data.len();
                        head.push_back(data);
                    }
                    // the trailers of a request mean nothing in gRPC
                    Err(_) => return Self::Whole(head),
                },
                Poll::Ready(Some(Err(status))) => {
                    return Self::Once(RequestBody { head, rest: Rest::Failed(Some(status)) });
                }
                Poll::Pending => break,
            }
        }
        Self::Once(RequestBody { head, rest: Rest::Stream(body) })
    }

    /// A body to send; `None` if there was only one, and it was taken.
    pub(super) fn take(&mut self) -> Option<RequestBody> {
        match self {
            Self::Whole(head) => Some(RequestBody { head: head.clone(), rest: Rest::Nothing }),
            Self::Once(body) => match std::mem::replace(&mut body.rest, Rest::Taken) {
                Rest::Taken => None,
                rest => Some(RequestBody { head: std::mem::take(&mut body.head), rest }),
            },
        }
    }

    /// Takes a body back of which nothing was sent.
    pub(super) fn give_back(&mut self, body: RequestBody) {
        if let Self::Once(once) = self {
            *once = body;
        }
    }
}

/// A request body on its way.
#[derive(Debug)]
pub(super) struct RequestBody {
    head: VecDeque<Bytes>,
    rest: Rest,
}

#[derive(Debug)]
enum Rest {
    Nothing,
    Stream(Body),
    Failed(Option<Status>),
    Taken,
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(data) = self.head.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match &mut self.rest {
            Rest::Stream(body) => Pin::new(body).poll_frame(cx),
            Rest::Failed(status) => Poll::Ready(status.take().map(Err)),
            Rest::Nothing | Rest::Taken => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.head.is_empty()
            && match &self.rest {
                Rest::Stream(body) => body.is_end_stream(),
                Rest::Failed(status) => status.is_none(),
                Rest::Nothing | Rest::Taken => true,
            }
    }
}
