//! A streamed request on its way to the backend: what the client sends becomes messages, no faster than they are taken.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame};
use tonic::{Code, Status};
use transcode::{RequestError, RequestStream};

use super::patience::Patience;
use crate::fault::Reporter;
use crate::limits::Limits;
use crate::linger::Lingering;
use crate::policy::{CodingError, RequestBody};
use crate::problem::Problem;

/// Small messages of one piece of the body go on together, up to so many bytes.
const TOGETHER: usize = 8 << 10;

/// The body of a call whose messages a client streams. It holds one piece of the client's body, and one message.
pub(crate) struct Upload {
    body: RequestBody<Lingering>,
    /// What is left of the piece of the body that came last.
    piece: Bytes,
    messages: RequestStream,
    state: State,
    reporter: Reporter,
    patience: Patience,
}

#[derive(Debug)]
enum State {
    Reading,
    /// The last message was given.
    Ended,
    /// What was read is broken; messages before it are given first.
    Broken(Box<Problem>),
}

impl Upload {
    pub(crate) fn new(
        body: RequestBody<Lingering>,
        messages: RequestStream,
        reporter: Reporter,
        limits: &Limits,
    ) -> Self {
        let patience = Patience::new(limits);
        Self { body, piece: Bytes::new(), messages, state: State::Reading, reporter, patience }
    }

    /// Resolves when the client has taken too long for what comes next.
    fn late(&mut self, cx: &mut Context<'_>) -> Poll<Problem> {
        let begun = self.messages.has_begun().then(|| self.messages.messages() + 1);
        self.patience.poll(begun, self.reporter.last_moved(), cx)
    }

    /// Messages that lie whole in the piece of the body that is here, as frames.
    fn take(&mut self) -> Vec<u8> {
        let mut frames = Vec::new();
        while frames.len() < TOGETHER {
            match self.messages.next(&mut self.piece) {
                Ok(Some(frame)) if frames.is_empty() => frames = frame,
                Ok(Some(frame)) => frames.extend_from_slice(&frame),
                Ok(None) => break,
                Err(error) => {
                    self.refuse(&error);
                    break;
                }
            }
        }
        frames
    }

    /// The last message, where the end of the body completes it.
    fn end(&mut self) -> Vec<u8> {
        self.state = State::Ended;
        match self.messages.end() {
            Ok(frame) => frame.unwrap_or_default(),
            Err(error) => {
                self.refuse(&error);
                Vec::new()
            }
        }
    }

    fn refuse(&mut self, error: &RequestError) {
        self.state = State::Broken(Box::new(Problem::request(error)));
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        loop {
            match std::mem::replace(&mut this.state, State::Ended) {
                State::Ended => return Poll::Ready(None),
                State::Broken(problem) => return Poll::Ready(Some(Err(this.reporter.report(*problem)))),
                State::Reading => this.state = State::Reading,
            }
            if let Poll::Ready(status) = this.reporter.poll_over(cx) {
                return Poll::Ready(Some(Err(status)));
            }
            let frames = if this.piece.is_empty() {
                match Pin::new(&mut this.body).poll_frame(cx) {
                    Poll::Pending => {
                        let problem = ready!(this.late(cx));
                        return Poll::Ready(Some(Err(this.reporter.report(problem))));
                    }
                    Poll::Ready(None) => this.end(),
                    Poll::Ready(Some(Ok(frame))) => {
                        this.reporter.moved();
                        // the trailers of a request mean nothing
                        this.piece = frame.into_data().unwrap_or_default();
                        continue;
                    }
                    Poll::Ready(Some(Err(error))) => {
                        return Poll::Ready(Some(Err(this.reporter.report(cut(&error)))));
                    }
                }
            } else {
                this.take()
            };
            if !frames.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(frames.into()))));
            }
        }
    }
}

fn cut(error: &CodingError) -> Problem {
    match error {
        CodingError::Invalid(_) => Problem::invalid(error.to_string()),
        CodingError::Connection(_) => {
            Problem::new(Code::Cancelled, StatusCode::BAD_REQUEST, "the body ended before its length")
        }
    }
}
