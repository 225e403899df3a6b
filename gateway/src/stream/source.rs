//! A backend's stream, message by message, until it ends, fails, or streams must end.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::Body as _;
use mesh::client::ResponseBody as Replies;
use mesh::drain::resume_elsewhere;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;
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

/// A call until the head of its answer.
pub(crate) type Called = Pin<Box<dyn Future<Output = Result<Response<Replies>, Status>> + Send>>;

/// How far a call has come.
#[allow(clippy::large_enum_variant, reason = "the large one is what a stream is nearly all of its time")]
enum State {
    /// The head of its answer is waited for.
    Called(Called),
    Begun(Replies, Frames),
    Over,
}

/// A backend's stream.
pub(crate) struct Source {
    pub(super) route: Route,
    backend: Backend,
    state: State,
    /// The bytes of one message.
    limit: usize,
    interrupts: Interrupts,
    /// Whether the backend has said that it ended well.
    good: bool,
}

/// What ends a stream from this side.
struct Interrupts {
    ending: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Tells that the request, which is read at the same time, is broken.
    fault: Option<Fault>,
}

impl Interrupts {
    /// Resolves when streams must end, or when the request is broken.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Box<Problem>> {
        if self.ending.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Box::new(Problem::backend(&resume_elsewhere())));
        }
        self.fault.as_mut().map_or(Poll::Pending, |fault| fault.poll(cx))
    }
}

impl Source {
    /// The stream of this call, whose messages have so many bytes at most.
    pub(crate) fn new(
        route: Route,
        backend: Backend,
        called: Called,
        limit: usize,
        ending: CancellationToken,
    ) -> Self {
        Self {
            route,
            backend,
            state: State::Called(called),
            limit,
            interrupts: Interrupts { ending: Box::pin(ending.cancelled_owned()), fault: None },
            good: false,
        }
    }

    /// A stream that fails when the request turns out to be broken. Dropping it ends the request.
    pub(crate) fn told(mut self, fault: Fault) -> Self {
        self.interrupts.fault = Some(fault);
        self
    }

    /// The bytes of messages that have arrived and were not taken yet.
    pub(super) fn waiting(&self) -> usize {
        if let State::Begun(_, frames) = &self.state { frames.waiting() } else { 0 }
    }

    /// The metadata at the head of the answer. Nothing is lost when they are not waited for to the end.
    pub(crate) async fn head(&mut self) -> Result<HeaderMap, Box<Problem>> {
        poll_fn(|cx| self.poll_head(cx)).await
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<HeaderMap, Box<Problem>>> {
        if let Poll::Ready(problem) = self.interrupts.poll(cx) {
            return Poll::Ready(Err(problem));
        }
        let State::Called(called) = &mut self.state else { return Poll::Ready(Ok(HeaderMap::new())) };
        let called = ready!(called.as_mut().poll(cx));
        self.state = State::Over;
        let (head, replies) = called.map_err(|status| Box::new(Problem::backend(&status)))?.into_parts();
        // one without messages may say already that it ended well
        self.good = matches!(Outcome::of(&head.headers), Outcome::Good);
        let frames = Frames::of(&replies, self.limit);
        self.state = State::Begun(replies, frames);
        Poll::Ready(Ok(head.headers))
    }

    /// What comes next.
    pub(crate) async fn next(&mut self) -> Next {
        poll_fn(|cx| self.poll(cx)).await
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        loop {
            let (replies, frames) = match &mut self.state {
                State::Begun(replies, frames) => (replies, frames),
                State::Called(_) => match ready!(self.poll_head(cx)) {
                    Ok(_) => continue,
                    Err(problem) => return Poll::Ready(Next::Failed(problem)),
                },
                State::Over => return Poll::Ready(Next::End),
            };
            match frames.next() {
                Ok(Some(message)) => return Poll::Ready(Next::Message(message)),
                Ok(None) => {}
                Err(error) => return Poll::Ready(failed(broken(&self.route, &error))),
            }
            // looked at once for each piece that arrives, not for each message in it
            if let Poll::Ready(problem) = self.interrupts.poll(cx) {
                return Poll::Ready(Next::Failed(problem));
            }
            match ready!(Pin::new(replies).poll_frame(cx)) {
                None if frames.is_cut() => {
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
                        if let Some(fault) = &self.interrupts.fault {
                            fault.moved();
                        }
                        frames.push(data);
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
