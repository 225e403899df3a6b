//! The body of a request of gRPC-Web as gRPC has it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame};
use tonic::{Code, Status};

use super::Coding;
use super::base64::{Decoder, Malformed};
use crate::fault::Reporter;
use crate::linger::Lingering;
use crate::problem::Problem;

/// The frames of a request.
#[derive(Debug)]
pub(super) struct WebBody {
    body: Lingering,
    /// Only of text.
    decoder: Option<Decoder>,
    reporter: Reporter,
}

impl WebBody {
    pub(super) fn new(body: Lingering, coding: Coding, reporter: Reporter) -> Self {
        let decoder = (coding == Coding::Text).then(Decoder::default);
        Self { body, decoder, reporter }
    }

    fn malformed(&mut self, error: Malformed) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let problem = Problem::new(Code::InvalidArgument, StatusCode::BAD_REQUEST, error.to_string());
        Poll::Ready(Some(Err(self.reporter.report(problem))))
    }
}

impl Body for WebBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        loop {
            if let Poll::Ready(status) = this.reporter.poll_over(cx) {
                return Poll::Ready(Some(Err(status)));
            }
            let data = match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                None => match this.decoder.as_ref().map_or(Ok(()), Decoder::finish) {
                    Ok(()) => return Poll::Ready(None),
                    Err(error) => return this.malformed(error),
                },
                // the client is gone: there is nobody to tell
                Some(Err(_)) => return Poll::Ready(Some(Err(crate::fault::cancelled()))),
                Some(Ok(frame)) => frame.into_data(),
            };
            // the trailers of a request mean nothing
            let Ok(data) = data else { continue };
            let Some(decoder) = &mut this.decoder else { return Poll::Ready(Some(Ok(Frame::data(data)))) };
            let mut bytes = Vec::with_capacity(data.len() / 4 * 3 + 3);
            if let Err(error) = decoder.push(&data, &mut bytes) {
                return this.malformed(error);
            }
            if !bytes.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(bytes.into()))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        // what is held of a cut text is still to be refused
        self.decoder.is_none() && self.body.is_end_stream()
    }
}
