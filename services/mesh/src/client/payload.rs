//! Requests: a message that is ready is sent at once and can be sent again; a stream is sent by a task of its own, because
//! a caller that does not read responses must still be able to send.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::Body as _;
use mesh_http2::{Stream, Upload};
use tokio::task::AbortHandle;
use tonic::body::Body;

/// What is kept of a request body, to be sent again.
const MAX_KEPT: usize = 64 << 10;

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

    /// What of it is sent with the head, and whether that is all.
    pub(super) fn first(&self) -> (Bytes, bool) {
        match self {
            Self::Whole(bytes) => (bytes.clone(), true),
            Self::Once(..) => (Bytes::new(), false),
        }
    }

    /// Begins to send the rest, if there is any. It ends with the guard.
    pub(super) fn rest(&mut self, stream: &Stream) -> Option<Sending> {
        let Self::Once(head, rest) = self else { return None };
        let (head, rest, mut upload) = (std::mem::take(head), rest.take(), stream.upload());
        let task = tokio::spawn(async move {
            if pump(&mut upload, head, rest).await.is_err() {
                upload.cancel();
            }
        });
        Some(Sending(task.abort_handle()))
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

async fn pump(upload: &mut Upload, head: Vec<Bytes>, rest: Option<Body>) -> Result<(), Broken> {
    for piece in head {
        write(upload, piece).await?;
    }
    let mut body = rest.ok_or(Broken)?;
    while !body.is_end_stream() {
        let next = poll_fn(|cx| match Pin::new(&mut body).poll_frame(cx) {
            Poll::Pending => upload.poll_ended(cx).map(|()| Some(Err(Broken))),
            Poll::Ready(next) => Poll::Ready(next.map(|frame| frame.map_err(|_| Broken))),
        });
        let Some(frame) = next.await else { break };
        let Ok(data) = frame?.into_data() else { break };
        write(upload, data).await?;
    }
    upload.send(Bytes::new(), true);
    Ok(())
}

/// Sends bytes when the peer has taken those before.
async fn write(upload: &mut Upload, data: Bytes) -> Result<(), Broken> {
    poll_fn(|cx| upload.poll_ready(cx)).await.map_err(|_| Broken)?;
    upload.send(data, false);
    Ok(())
}
