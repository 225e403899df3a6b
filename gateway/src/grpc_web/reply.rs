//! The body of an answer of gRPC-Web: the frames of gRPC, and one more that has the trailers.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame};
use tonic::Status;
use tonic::body::Body;

use super::{Coding, base64};
use crate::fault::Fault;

/// The flag of the frame that has the trailers (PROTOCOL-WEB, "Message framing").
const TRAILERS: u8 = 0x80;

/// The frames of an answer. However the call ends, the last frame says how.
#[derive(Debug)]
pub(super) struct Reply {
    /// Gone once the last frame was sent.
    source: Option<Body>,
    coding: Coding,
    fault: Fault,
}

impl Reply {
    pub(super) fn new(source: Body, coding: Coding, fault: Fault) -> Self {
        Self { source: Some(source), coding, fault }
    }

    fn write(&self, bytes: Bytes) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let bytes = if self.coding == Coding::Text { base64::encode(&bytes).into() } else { bytes };
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn end(&mut self, trailers: &HeaderMap) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.source = None;
        self.write(frame(trailers).into())
    }
}

impl HttpBody for Reply {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(source) = &mut this.source else { return Poll::Ready(None) };
        if let Poll::Ready(problem) = this.fault.poll(cx) {
            return this.end(&mesh::body::trailers(&Status::new(problem.code, problem.message)));
        }
        match ready!(Pin::new(source).poll_frame(cx)) {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => {
                    this.fault.moved();
                    this.write(data)
                }
                Err(frame) => this.end(&frame.into_trailers().unwrap_or_default()),
            },
            Some(Err(status)) => this.end(&mesh::body::trailers(&status)),
            None => {
                let status = Status::unknown("the service ended the call without a status");
                this.end(&mesh::body::trailers(&status))
            }
        }
    }
}

/// Trailers as a frame: flag, length, and a line for each field, whose name is in lower case.
fn frame(trailers: &HeaderMap) -> Vec<u8> {
    let mut out = vec![TRAILERS, 0, 0, 0, 0];
    for (name, value) in trailers {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    // trailers are bounded by the size of a header list, far below 4 GiB
    let length = u32::try_from(out.len() - 5).unwrap_or(u32::MAX);
    for (place, byte) in out.iter_mut().skip(1).zip(length.to_be_bytes()) {
        *place = byte;
    }
    out
}

#[cfg(test)]
mod tests {
    //! The last frame.

    use super::*;

    #[test]
    fn trailers_are_lines_in_a_frame() {
        let trailers = mesh::body::trailers(&Status::not_found("no\r\nway"));
        let frame = frame(&trailers);
        let text = "grpc-status: 5\r\ngrpc-message: no%0D%0Away\r\n";
        assert_eq!(frame, [&[0x80, 0, 0, 0, 43][..], text.as_bytes()].concat());
    }
}
