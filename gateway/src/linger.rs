//! Bodies that are not read to their end: over HTTP/1.1 the rest is read nevertheless, so that the sender lives to see
//! the answer.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::EXPECT;
use http::{Request, Version};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// What is read of such a body: most bytes, and time.
const LIMITS: (usize, Duration) = (16 << 20, Duration::from_secs(10));

/// Reads what is left of a body over HTTP/1.1: a connection that is closed over unread bytes is reset, and the client
/// may never see why. A client that expects to be asked for its body has not sent it.
pub(crate) fn linger(request: Request<Incoming>) {
    drop(request.map_lingering());
}

/// Turns the body of a request into one that lingers.
pub(crate) trait MapLingering {
    /// The same request.
    fn map_lingering(self) -> Request<Lingering>;
}

impl MapLingering for Request<Incoming> {
    fn map_lingering(self) -> Request<Lingering> {
        let lingers = self.version() != Version::HTTP_2 && !self.headers().contains_key(EXPECT);
        self.map(|body| Lingering { body: Some(body), lingers })
    }
}

/// A body whose rest is read after it was dropped.
#[derive(Debug)]
pub(crate) struct Lingering {
    body: Option<Incoming>,
    lingers: bool,
}

impl Body for Lingering {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Some(mut body) = self.body.take().filter(|body| self.lingers && !body.is_end_stream()) else {
            return;
        };
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(timeout(LIMITS.1, async move {
            let mut left = LIMITS.0;
            while let Some(Ok(frame)) = body.frame().await {
                left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
                if left == 0 {
                    return;
                }
            }
        }));
    }
}
