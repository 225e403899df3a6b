//! A backend's stream, message by message, until it ends, fails, or streams must end.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Body as _;
use mesh::client::ResponseBody as Replies;
use mesh::drain::resume_elsewhere;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use transcode::Route;

use crate::backend::Backend;
use crate::fault::Fault;
use crate::frames::Frames;
use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::rest::broken;

/// What comes next out of a backend's stream.
pub(crate) enum Next {
    Message(Bytes),
    End,
    Failed(Box<Problem>),
}

/// A backend's stream.
pub(crate) struct Source {
    pub(super) route: Route,
    backend: Backend,
    replies: Replies,
    frames: Frames,
    ending: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Whether the backend has said that it ended well.
    good: bool,
    /// Tells that the request, which is read at the same time, is broken.
    fault: Option<Fault>,
}

impl Source {
    pub(crate) fn new(
        route: Route,
        backend: Backend,
        replies: Replies,
        frames: Frames,
        ending: CancellationToken,
    ) -> Self {
        Self {
            route,
            backend,
            replies,
            frames,
            ending: Box::pin(ending.cancelled_owned()),
            good: false,
            fault: None,
        }
    }

    /// A stream that fails when the request turns out to be broken. Dropping it ends the request.
    pub(crate) fn told(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    /// A stream of which its head has said already whether it ends well: one without messages may.
    pub(crate) fn good(mut self, good: bool) -> Self {
        self.good = good;
        self
    }

    /// The bytes of messages that have arrived and were not taken yet.
    pub(super) fn waiting(&self) -> usize {
        self.frames.waiting()
    }

    /// What comes next.
    pub(crate) async fn next(&mut self) -> Next {
        poll_fn(|cx| self.poll(cx)).await
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        loop {
            match self.frames.next() {
                Ok(Some(message)) => return Poll::Ready(Next::Message(message)),
                Ok(None) => {}
                Err(error) => return Poll::Ready(failed(broken(&self.route, &error))),
            }
            // looked at once for each piece that arrives, not for each message in it
            if self.ending.as_mut().poll(cx).is_ready() {
                return Poll::Ready(failed(Problem::backend(&resume_elsewhere())));
            }
            if let Some(Poll::Ready(problem)) = self.fault.as_mut().map(|fault| fault.poll(cx)) {
                return Poll::Ready(Next::Failed(problem));
            }
            match ready!(Pin::new(&mut self.replies).poll_frame(cx)) {
                None if self.frames.is_cut() => {
                    return Poll::Ready(failed(broken(&self.route, &"a cut message")));
                }
                None if !self.good => {
                    return Poll::Ready(failed(broken(&self.route, &"no status at the end")));
                }
                None => return Poll::Ready(Next::End),
                Some(Err(status)) => {
                    return Poll::Ready(failed(Problem::backend(&self.backend.lost(status))));
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        if let Some(fault) = &self.fault {
                            fault.moved();
                        }
                        self.frames.push(data);
                    }
                    Err(frame) => match frame.trailers_ref().map_or(Outcome::Unsaid, Outcome::of) {
                        Outcome::Failed(status) => {
                            return Poll::Ready(failed(Problem::backend(&status)));
                        }
                        Outcome::Good => self.good = true,
                        Outcome::Unsaid => {}
                    },
                },
            }
        }
    }
}

fn failed(problem: Problem) -> Next {
    Next::Failed(Box::new(problem))
}
