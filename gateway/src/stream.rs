//! Bodies of streamed replies: one record at a time, never ahead of the client.

mod source;

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame};
use tokio::time::timeout;
use tonic::Status;
use transcode::{StreamFormat, StreamWriter};

use crate::problem::Problem;
use crate::render::Render;
use crate::rest::broken;

use source::Next;
pub(crate) use source::Source;

/// Replies as records of JSON. A failure after the first record is an explicit last record, and a trailer.
pub(crate) struct RecordStream {
    source: Source,
    first: Option<Next>,
    writer: StreamWriter,
    render: Render,
    trailers: Option<HeaderMap>,
    ended: bool,
}

impl RecordStream {
    /// Waits a moment for the first record: a stream that fails at once is an error like any other. A stream that has
    /// nothing to say yet begins without it.
    pub(crate) async fn open(
        mut source: Source,
        format: StreamFormat,
        render: Render,
        wait: Duration,
    ) -> Result<Self, Problem> {
        let first = match timeout(wait, source.next()).await {
            Ok(Next::Failed(problem)) => return Err(*problem),
            Ok(next) => Some(next),
            Err(_) => None,
        };
        let writer = StreamWriter::new(format);
        Ok(Self { source, first, writer, render, trailers: None, ended: false })
    }

    fn fail(&mut self, problem: &Problem, out: &mut Vec<u8>) {
        self.ended = true;
        self.writer.error(out, &self.render.body(problem));
        self.trailers = Some(mesh::body::trailers(&Status::new(problem.code, problem.message.clone())));
    }
}

impl HttpBody for RecordStream {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))));
        }
        let next = match this.first.take() {
            Some(next) => next,
            None => ready!(this.source.poll(cx)),
        };
        let mut out = Vec::new();
        match next {
            Next::Message(message) => {
                let route = &this.source.route;
                let print = |out: &mut Vec<u8>| route.response(&message, out).map(drop);
                if let Err(error) = this.writer.message(&mut out, print) {
                    let problem = broken(&this.source.route, &error);
                    this.fail(&problem, &mut out);
                }
            }
            Next::End => {
                this.ended = true;
                this.writer.end(&mut out);
                if out.is_empty() {
                    return Poll::Ready(None);
                }
            }
            Next::Failed(problem) => this.fail(&problem, &mut out),
        }
        Poll::Ready(Some(Ok(Frame::data(out.into()))))
    }
}

/// Replies as bytes of the backend's choice (`google.api.HttpBody`).
pub(crate) struct RawStream {
    source: Source,
    first: Option<Vec<u8>>,
    failed: Option<Status>,
    ended: bool,
}

impl RawStream {
    /// Waits for the first message, which has the content type; a stream without one is empty.
    pub(crate) async fn open(mut source: Source) -> Result<(Self, String), Problem> {
        match source.next().await {
            Next::Message(message) => {
                let mut out = Vec::new();
                let form = source.route.response(&message, &mut out);
                let form = form.map_err(|error| broken(&source.route, &error))?;
                let content_type = form.content_type().into_owned();
                Ok((Self { source, first: Some(out), failed: None, ended: false }, content_type))
            }
            Next::End => Ok((
                Self { source, first: None, failed: None, ended: true },
                "application/octet-stream".to_owned(),
            )),
            Next::Failed(problem) => Err(*problem),
        }
    }
}

impl HttpBody for RawStream {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if let Some(first) = this.first.take().filter(|first| !first.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(first.into()))));
        }
        if this.ended {
            return Poll::Ready(this.failed.take().map(Err));
        }
        let problem = match ready!(this.source.poll(cx)) {
            Next::Message(message) => {
                let mut out = Vec::with_capacity(message.len());
                match this.source.route.response(&message, &mut out) {
                    Ok(_) => return Poll::Ready(Some(Ok(Frame::data(out.into())))),
                    Err(error) => broken(&this.source.route, &error),
                }
            }
            Next::End => {
                this.ended = true;
                return Poll::Ready(None);
            }
            Next::Failed(problem) => *problem,
        };
        // Nothing can be added to bytes of another kind: a failure is a body without its end, which no client takes
        // for a whole one. What was said before is sent first, because an error throws away what is not.
        this.ended = true;
        this.failed = Some(Status::new(problem.code, problem.message));
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
