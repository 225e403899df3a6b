//! gRPC message framing on request bodies: the size limit, and the first message for authorization.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tonic::Status;

/// What one message may measure, in bytes.
pub const MAX_MESSAGE: u32 = 4 << 20;

/// A compressed flag and a length of four bytes stand before every message.
const PREFIX: usize = 5;

/// A request body whose every message is within the limit and uncompressed; it fails before the first byte of another.
#[derive(Debug)]
pub struct Limited<B> {
    source: B,
    limit: u32,
    prefix: [u8; PREFIX],
    prefix_len: usize,
    /// Bytes of the current message that are still to come.
    rest: u32,
}

impl<B> Limited<B> {
    /// Limits the messages of a body.
    pub fn new(source: B, limit: u32) -> Self {
        Self { source, limit, prefix: [0; PREFIX], prefix_len: 0, rest: 0 }
    }

    fn follow(&mut self, mut data: &[u8]) -> Result<(), Status> {
        while !data.is_empty() {
            if self.rest > 0 {
                let step = data.len().min(self.rest as usize);
                data.advance(step);
                self.rest -= u32::try_from(step).unwrap_or(self.rest);
                continue;
            }
            self.prefix[self.prefix_len] = data[0];
            data.advance(1);
            self.prefix_len += 1;
            if self.prefix_len == PREFIX {
                self.rest = message_len(self.prefix, self.limit)?;
                self.prefix_len = 0;
            }
        }
        Ok(())
    }
}

impl<B> Body for Limited<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<tonic::codegen::StdError>,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        Poll::Ready(match std::task::ready!(Pin::new(&mut this.source).poll_frame(cx)) {
            Some(Ok(frame)) => match frame.data_ref().map(|data| this.follow(data)) {
                Some(Err(status)) => Some(Err(status)),
                _ => Some(Ok(frame)),
            },
            Some(Err(error)) => Some(Err(broken_off(Status::from_error(error.into())))),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.source.size_hint()
    }
}

/// A stream that its caller has cancelled is not one that has ended: tonic takes CANCELLED of a request body for its
/// end, and half an upload would be a whole one.
fn broken_off(status: Status) -> Status {
    match status.code() {
        tonic::Code::Cancelled => Status::aborted("the caller broke the request off"),
        _ => status,
    }
}

/// The first message of a request body, with a body that still begins with it.
#[derive(Debug)]
pub struct First<B> {
    /// The bytes of the message, without its prefix; `None` where the body ended before it.
    pub message: Option<Bytes>,
    /// The whole body again.
    pub body: Rewound<B>,
}

/// Reads the first message of a body that [`Limited`] bounds.
pub async fn first<B>(mut body: B) -> Result<First<B>, Status>
where
    B: Body<Data = Bytes, Error = Status> + Unpin,
{
    let mut head = BytesMut::new();
    let mut trailing = None;
    loop {
        if let Some(len) = complete(&head) {
            let head = head.freeze();
            let message = Some(head.slice(PREFIX..PREFIX + len));
            return Ok(First { message, body: Rewound { head, trailing, body } });
        }
        match body.frame().await {
            Some(frame) => match frame?.into_data() {
                Ok(data) => head.extend_from_slice(&data),
                Err(other) => trailing = Some(other),
            },
            None => {
                return Ok(First { message: None, body: Rewound { head: head.freeze(), trailing, body } });
            }
        }
    }
}

/// The length of the message at the beginning of these bytes, if all of it is there.
fn complete(head: &[u8]) -> Option<usize> {
    let (prefix, rest) = head.split_first_chunk::<PREFIX>()?;
    let [_, len @ ..] = *prefix;
    let len = u32::from_be_bytes(len) as usize;
    (rest.len() >= len).then_some(len)
}

/// The length in a message's prefix, if the message may be read.
fn message_len(prefix: [u8; PREFIX], limit: u32) -> Result<u32, Status> {
    let [compressed, len @ ..] = prefix;
    if compressed != 0 {
        return Err(Status::unimplemented(
            "compressed messages are not accepted: send grpc-encoding identity",
        ));
    }
    let len = u32::from_be_bytes(len);
    if len > limit {
        return Err(Status::resource_exhausted(format!(
            "a message of {len} bytes is over the limit of {limit} bytes"
        )));
    }
    Ok(len)
}

/// A body whose beginning was read and is given out again.
#[derive(Debug)]
pub struct Rewound<B> {
    head: Bytes,
    trailing: Option<Frame<Bytes>>,
    body: B,
}

impl<B> Body for Rewound<B>
where
    B: Body<Data = Bytes, Error = Status> + Unpin,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if !self.head.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.head)))));
        }
        if let Some(frame) = self.trailing.take() {
            return Poll::Ready(Some(Ok(frame)));
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.head.is_empty() && self.trailing.is_none() && self.body.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    //! Limits and first messages over every way of cutting bytes into frames.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::collections::VecDeque;

    use super::*;

    #[derive(Debug)]
    struct Pieces(VecDeque<Bytes>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
        }
    }

    fn pieces(bytes: &[u8], size: usize) -> Limited<Pieces> {
        Limited::new(Pieces(bytes.chunks(size).map(Bytes::copy_from_slice).collect()), 8)
    }

    const TWO: &[u8] = b"\0\0\0\0\x03abc\0\0\0\0\x08defghijk";

    #[tokio::test]
    async fn the_first_message_is_found_and_nothing_is_lost() {
        for size in 1..=TWO.len() {
            let first = first(pieces(TWO, size)).await.unwrap();
            assert_eq!(first.message.unwrap(), "abc");
            assert_eq!(first.body.collect().await.unwrap().to_bytes(), TWO, "in pieces of {size}");
        }
    }

    #[tokio::test]
    async fn a_body_that_ends_early_has_no_first_message() {
        for end in 0..8 {
            let first = first(pieces(&TWO[..end], 3)).await.unwrap();
            assert_eq!(first.message, None);
            assert_eq!(first.body.collect().await.unwrap().to_bytes(), &TWO[..end]);
        }
    }

    #[tokio::test]
    async fn a_message_over_the_limit_is_refused_wherever_it_stands() {
        let bytes = b"\0\0\0\0\x01a\0\0\0\0\x09";
        for size in 1..=bytes.len() {
            let status = pieces(bytes, size).collect().await.unwrap_err();
            assert_eq!(status.code(), tonic::Code::ResourceExhausted);
        }
    }

    #[tokio::test]
    async fn a_request_that_is_broken_off_does_not_end_well() {
        let cancelled = futures_util::stream::iter([
            Ok(Frame::data(Bytes::from_static(b"\0\0\0\0\x01a"))),
            Err(Status::cancelled("reset by the peer")),
        ]);
        let body = Limited::new(http_body_util::StreamBody::new(cancelled), 8);
        assert_eq!(body.collect().await.unwrap_err().code(), tonic::Code::Aborted);
    }

    #[tokio::test]
    async fn a_compressed_message_is_refused() {
        let status = first(pieces(b"\x01\0\0\0\x01a", 2)).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unimplemented);
    }
}
