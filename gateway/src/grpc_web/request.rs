//! The body of a request of gRPC-Web as gRPC has it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame};
use tonic::{Code, Status};

use super::Coding;
use super::base64::{Decoder, Malformed};
use super::boundaries::Boundaries;
use crate::fault::Reporter;
use crate::limits::Limits;
use crate::linger::Lingering;
use crate::problem::Problem;
use crate::stream::Patience;

/// The frames of a request.
#[derive(Debug)]
pub(super) struct WebBody {
    body: Lingering,
    /// Only of text.
    decoder: Option<Decoder>,
    reporter: Reporter,
    patience: Patience,
    /// Only of a stream of messages.
    boundaries: Option<Boundaries>,
}

impl WebBody {
    pub(super) fn new(
        body: Lingering,
        coding: Coding,
        reporter: Reporter,
        streams: bool,
        limits: &Limits,
    ) -> Self {
        let decoder = (coding == Coding::Text).then(Decoder::default);
        let boundaries = streams.then(Boundaries::default);
        Self { body, decoder, reporter, patience: Patience::new(limits), boundaries }
    }

    /// Resolves when the client has taken too long for what comes next.
    fn late(&mut self, cx: &mut Context<'_>) -> Poll<Problem> {
        // one message has begun with its request, and is over with its body
        let begun = self.boundaries.as_ref().map_or(Some(1), Boundaries::begun);
        self.patience.poll(begun, self.reporter.last_moved(), cx)
    }

    /// The next bytes of messages, which have come.
    fn give(&mut self, data: Bytes) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(boundaries) = &mut self.boundaries {
            boundaries.push(&data);
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
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
            let polled = match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Ready(polled) => polled,
                Poll::Pending => {
                    let problem = ready!(this.late(cx));
                    return Poll::Ready(Some(Err(this.reporter.report(problem))));
                }
            };
            let data = match polled {
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
            this.reporter.moved();
            let Some(decoder) = &mut this.decoder else { return this.give(data) };
            let mut bytes = Vec::with_capacity(data.len() / 4 * 3 + 3);
            if let Err(error) = decoder.push(&data, &mut bytes) {
                return this.malformed(error);
            }
            if !bytes.is_empty() {
                return this.give(bytes.into());
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        // what is held of a cut text is still to be refused
        self.decoder.is_none() && self.body.is_end_stream()
    }
}
