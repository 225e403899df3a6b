//! Bodies of streamed replies: one record at a time, never ahead of the client.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame};
use mesh::client::ResponseBody as Replies;
use tonic::Status;
use transcode::{Route, StreamFormat, StreamWriter};

use crate::call::failure;
use crate::frames::Frames;
use crate::handle::Render;
use crate::problem::Problem;
use crate::rest::broken;

/// What comes next out of a backend's stream.
enum Next {
    Message(Bytes),
    End,
    Failed(Problem),
}

/// A backend's stream, message by message.
struct Source {
    route: Route,
    replies: Pin<Box<Replies>>,
    frames: Frames,
}

impl Source {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        loop {
            match self.frames.next() {
                Ok(Some(message)) => return Poll::Ready(Next::Message(message)),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Next::Failed(broken(&self.route, &error))),
            }
            match ready!(self.replies.as_mut().poll_frame(cx)) {
                None if self.frames.is_cut() => {
                    return Poll::Ready(Next::Failed(broken(&self.route, &"a cut message")));
                }
                None => return Poll::Ready(Next::End),
                Some(Err(error)) => {
                    return Poll::Ready(Next::Failed(Problem::backend(&Status::from_error(error.into()))));
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.frames.push(&data),
                    Err(frame) => {
                        if let Some(status) = frame.trailers_ref().and_then(failure) {
                            return Poll::Ready(Next::Failed(Problem::backend(&status)));
                        }
                    }
                },
            }
        }
    }
}

/// Replies as records of JSON. A failure after the first record is an explicit last record, and a trailer.
pub(crate) struct RecordStream {
    source: Source,
    writer: StreamWriter,
    render: Render,
    trailers: Option<HeaderMap>,
    ended: bool,
}

impl RecordStream {
    pub(crate) fn new(
        route: Route,
        replies: Replies,
        frames: Frames,
        format: StreamFormat,
        render: Render,
    ) -> Self {
        let source = Source { route, replies: Box::pin(replies), frames };
        Self { source, writer: StreamWriter::new(format), render, trailers: None, ended: false }
    }

    fn fail(&mut self, problem: &Problem, out: &mut Vec<u8>) {
        self.ended = true;
        self.writer.error(out, &self.render.body(problem));
        self.trailers = Some(trailers(problem));
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
        let mut out = Vec::new();
        match ready!(this.source.poll(cx)) {
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
    trailers: Option<HeaderMap>,
    ended: bool,
}

impl RawStream {
    /// Waits for the first message, which has the content type; a stream without one is empty.
    pub(crate) async fn open(
        route: Route,
        replies: Replies,
        frames: Frames,
    ) -> Result<(Self, String), Problem> {
        let mut source = Source { route, replies: Box::pin(replies), frames };
        let stream = |source, first, ended| Self { source, first, trailers: None, ended };
        match std::future::poll_fn(|cx| source.poll(cx)).await {
            Next::Message(message) => {
                let mut out = Vec::new();
                let form = source
                    .route
                    .response(&message, &mut out)
                    .map_err(|error| broken(&source.route, &error))?;
                let content_type = form.content_type().into_owned();
                Ok((stream(source, Some(out), false), content_type))
            }
            Next::End => Ok((stream(source, None, true), "application/octet-stream".to_owned())),
            Next::Failed(problem) => Err(problem),
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
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first.into()))));
        }
        if this.ended {
            return Poll::Ready(this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))));
        }
        match ready!(this.source.poll(cx)) {
            Next::Message(message) => {
                let mut out = Vec::with_capacity(message.len());
                match this.source.route.response(&message, &mut out) {
                    Ok(_) => Poll::Ready(Some(Ok(Frame::data(out.into())))),
                    Err(error) => Poll::Ready(Some(Err(Status::internal(error.to_string())))),
                }
            }
            Next::End => Poll::Ready(None),
            Next::Failed(problem) => {
                // Nothing can be added to bytes of another kind: the trailer, and a body that ends in an error.
                this.ended = true;
                Poll::Ready(Some(Err(Status::new(problem.code, problem.message))))
            }
        }
    }
}

fn trailers(problem: &Problem) -> HeaderMap {
    Status::new(problem.code, problem.message.clone())
        .into_http::<tonic::body::Body>()
        .into_parts()
        .0
        .headers
        .into_iter()
        .filter_map(|(name, value)| Some((name?, value)))
        .filter(|(name, _)| name.as_str().starts_with("grpc-"))
        .collect()
}
