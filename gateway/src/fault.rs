//! A request that turns out to be broken while its call runs: whoever answers is told, and the call is cancelled. And
//! the other way round: once nobody answers any more, nothing more is read.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use h2::Reason;
use tokio::sync::oneshot;
use tokio::time::{Duration, Instant};
use tonic::Status;

use crate::problem::Problem;

/// The two ends: of the body of the call, and of the answer.
pub(crate) fn fault() -> (Reporter, Fault) {
    let (send, receive) = oneshot::channel();
    let moved = Moved::new();
    (Reporter { answer: Some(send), moved: moved.clone() }, Fault { told: Some(receive), moved })
}

/// When anything moved in either direction for the last time.
#[derive(Clone, Debug)]
struct Moved {
    began: Instant,
    /// Milliseconds since then.
    last: Arc<AtomicU64>,
}

impl Moved {
    fn new() -> Self {
        Self { began: Instant::now(), last: Arc::default() }
    }

    fn mark(&self) {
        let since = self.began.elapsed().as_millis();
        self.last.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn last(&self) -> Instant {
        self.began + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }
}

/// Where the body of a call says that what came from the client is broken.
#[derive(Debug)]
pub(crate) struct Reporter {
    answer: Option<oneshot::Sender<Box<Problem>>>,
    moved: Moved,
}

impl Reporter {
    /// Says what is wrong. With the error that comes back the body of the call must end.
    pub(crate) fn report(&mut self, problem: Problem) -> Status {
        if let Some(answer) = self.answer.take() {
            // an answer that is over needs to know nothing
            let _ = answer.send(Box::new(problem));
        }
        cancelled()
    }

    /// Resolves when nobody listens any more: the call is over, and its body must end with the error.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        match &mut self.answer {
            Some(answer) => answer.poll_closed(cx).map(|()| cancelled()),
            None => Poll::Ready(cancelled()),
        }
    }

    /// Notes that a part of the request has come.
    pub(crate) fn moved(&self) {
        self.moved.mark();
    }

    /// When a part of the request or of the answer has come for the last time.
    pub(crate) fn last_moved(&self) -> Instant {
        self.moved.last()
    }
}

/// Where the answer learns it. Dropping it ends the body of the call.
#[derive(Debug)]
pub(crate) struct Fault {
    told: Option<oneshot::Receiver<Box<Problem>>>,
    moved: Moved,
}

impl Fault {
    /// Resolves when the request is broken; never when it was read to its end.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Box<Problem>> {
        let Some(told) = &mut self.told else { return Poll::Pending };
        match Pin::new(told).poll(cx) {
            Poll::Ready(Ok(problem)) => Poll::Ready(problem),
            Poll::Ready(Err(_)) => {
                self.told = None;
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Notes that a part of the answer has come.
    pub(crate) fn moved(&self) {
        self.moved.mark();
    }

    /// The outcome of a future, unless the request turns out to be broken before; then the future is dropped.
    pub(crate) async fn unless<F: Future>(&mut self, future: F) -> Result<F::Output, Box<Problem>> {
        tokio::select! {
            biased;
            problem = std::future::poll_fn(|cx| self.poll(cx)) => Err(problem),
            output = future => Ok(output),
        }
    }
}

/// An error that resets the stream of the call with CANCEL (gRPC over HTTP/2, "Errors"), not with `INTERNAL_ERROR`.
pub(crate) fn cancelled() -> Status {
    let mut status = Status::cancelled("the request did not come to its end");
    status.set_source(Arc::new(h2::Error::from(Reason::CANCEL)));
    status
}
