//! What a client says over a WebSocket, as messages of its call.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::mpsc;
use tonic::Status;
use transcode::{Bound, RequestStream};

use crate::fault::cancelled;
use crate::problem::Problem;

/// What is still to come from the client.
pub(super) enum Requests {
    /// The one message.
    One(Box<Bound>),
    Many(Box<RequestStream>),
    Ended,
}

/// A message on its way to the backend, as a frame.
pub(super) struct Item {
    /// Empty where only the end is said.
    frame: Bytes,
    last: bool,
}

impl Requests {
    /// The requests of a call; the one that is in the URL as a whole comes with them.
    pub(super) fn new(bound: Bound, limit: usize) -> Result<(Self, Option<Item>), Problem> {
        if bound.route().method().client_streaming() {
            let stream = bound.stream(None, limit).map_err(|error| Problem::request(&error))?;
            return Ok((Self::Many(Box::new(stream)), None));
        }
        if bound.takes_body() {
            return Ok((Self::One(Box::new(bound)), None));
        }
        let frame = bound.request(None).map_err(|error| Problem::request(&error))?;
        Ok((Self::Ended, Some(Item { frame: frame.into(), last: true })))
    }

    /// Whether the client may say more.
    pub(super) fn are_open(&self) -> bool {
        !matches!(self, Self::Ended)
    }

    /// Reads what came. An empty message is the end, or the one message that has no body.
    pub(super) fn read(&mut self, data: &[u8]) -> Result<Option<Item>, Problem> {
        let (frame, last) = match self {
            Self::Ended if data.is_empty() => return Ok(None),
            Self::Ended => return Err(Problem::invalid("no more messages are expected")),
            Self::One(bound) => {
                let body = (!data.is_empty()).then_some(transcode::Body { content_type: None, data });
                (bound.request(body), true)
            }
            Self::Many(stream) if data.is_empty() => (stream.end().map(Option::unwrap_or_default), true),
            Self::Many(stream) => (stream.message(data), false),
        };
        let frame = frame.map_err(|error| Problem::request(&error))?.into();
        if last {
            *self = Self::Ended;
        }
        Ok(Some(Item { frame, last }))
    }
}

/// Room for one message, and the body of the call that takes it from there.
pub(super) fn body() -> (mpsc::Sender<Item>, Frames) {
    let (room, items) = mpsc::channel(1);
    (room, Frames { items, ended: false })
}

/// The body of the call. It is cancelled when the session ends before the last message.
pub(super) struct Frames {
    items: mpsc::Receiver<Item>,
    ended: bool,
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let Some(Item { frame, last }) = ready!(self.items.poll_recv(cx)) else {
            self.ended = true;
            return Poll::Ready(Some(Err(cancelled())));
        };
        self.ended = last;
        Poll::Ready((!frame.is_empty()).then(|| Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}
