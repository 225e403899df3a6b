//! Requests: a message that is ready is sent at once and can be sent again; a stream is sent by a task of its own, because
//! a caller that does not read responses must still be able to send.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http_body::Body as _;
use tokio::task::AbortHandle;
use tonic::body::Body;

/// What is kept of a request body, to be sent again.
const MAX_KEPT: usize = 64 << 10;

/// What is asked of flow control at a time.
const STEP: usize = 64 << 10;

/// A request's body before it is sent.
#[derive(Debug)]
pub(super) enum Payload {
    /// All of it; it can be sent any number of times.
    Whole(Bytes),
    /// A stream, or more than is kept: the beginning, and the rest. It can be sent once.
    Once(Vec<Bytes>, Option<Body>),
}

impl Payload {
    /// Takes from a body what it has at once.
    pub(super) fn collect(mut body: Body) -> Self {
        let mut head: Vec<Bytes> = Vec::new();
        let mut kept = 0;
        let mut cx = Context::from_waker(Waker::noop());
        while kept <= MAX_KEPT {
            if body.is_end_stream() {
                return Self::all(head);
            }
            match Pin::new(&mut body).poll_frame(&mut cx) {
                Poll::Ready(None) => return Self::all(head),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        kept += data.len();
                        head.push(data);
                    }
                    // the trailers of a request mean nothing in gRPC
                    Err(_) => return Self::all(head),
                },
                Poll::Ready(Some(Err(_))) => return Self::Once(head, None),
                Poll::Pending => break,
            }
        }
        Self::Once(head, Some(body))
    }

    fn all(mut pieces: Vec<Bytes>) -> Self {
        match pieces.len() {
            0 => Self::Whole(Bytes::new()),
            1 => Self::Whole(pieces.swap_remove(0)),
            _ => Self::Whole(pieces.concat().into()),
        }
    }

    /// Whether it can be sent again after it was sent.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Self::Whole(_))
    }

    /// Sends it, or begins to. What begins ends with the guard.
    pub(super) fn send(&mut self, mut stream: SendStream<Bytes>) -> Result<Option<Sending>, h2::Error> {
        match self {
            // what does not fit the peer's windows waits within the stream
            Self::Whole(bytes) => stream.send_data(bytes.clone(), true).map(|()| None),
            Self::Once(head, rest) => {
                let (head, rest) = (std::mem::take(head), rest.take());
                let task = tokio::spawn(async move {
                    if pump(&mut stream, head, rest).await.is_err() {
                        stream.send_reset(Reason::CANCEL);
                    }
                });
                Ok(Some(Sending(task.abort_handle())))
            }
        }
    }
}

/// A request stream that is being sent. It is broken off when this is dropped: the call is over.
#[derive(Debug)]
pub(super) struct Sending(AbortHandle);

impl Drop for Sending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The body failed, or the peer takes no more of it.
struct Broken;

async fn pump(stream: &mut SendStream<Bytes>, head: Vec<Bytes>, rest: Option<Body>) -> Result<(), Broken> {
    for piece in head {
        write(stream, piece).await?;
    }
    let mut body = rest.ok_or(Broken)?;
    while !body.is_end_stream() {
        let next = poll_fn(|cx| match Pin::new(&mut body).poll_frame(cx) {
            Poll::Pending => stream.poll_reset(cx).map(|_| Some(Err(Broken))),
            Poll::Ready(next) => Poll::Ready(next.map(|frame| frame.map_err(|_| Broken))),
        });
        let Some(frame) = next.await else { break };
        let Ok(data) = frame?.into_data() else { break };
        write(stream, data).await?;
    }
    stream.send_data(Bytes::new(), true).map_err(|_| Broken)
}

/// Sends bytes as the peer's windows allow.
async fn write(stream: &mut SendStream<Bytes>, mut data: Bytes) -> Result<(), Broken> {
    while !data.is_empty() {
        stream.reserve_capacity(data.len().min(STEP));
        match poll_fn(|cx| stream.poll_capacity(cx)).await {
            Some(Ok(capacity)) => {
                let step = data.split_to(capacity.min(data.len()));
                stream.send_data(step, false).map_err(|_| Broken)?;
            }
            _ => return Err(Broken),
        }
    }
    Ok(())
}
