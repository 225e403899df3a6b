//! Bodies of streamed replies: one record at a time, never ahead of the client.

mod patience;
mod source;
mod upload;

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tonic::Status;
use transcode::{StreamFormat, StreamWriter};

use crate::problem::Problem;
use crate::render::Render;
use crate::rest::broken;

pub(crate) use patience::Patience;
pub(crate) use source::{Called, Next, Source};
pub(crate) use upload::Upload;

/// Records that are there already go on together, up to so many bytes.
const TOGETHER: usize = 16 << 10;

/// Replies as records of JSON. A failure after the first record is an explicit last record, and a trailer.
pub(crate) struct RecordStream {
    source: Source,
    /// What is there before anybody has asked.
    begun: Vec<u8>,
    writer: StreamWriter,
    render: Render,
    trailers: Option<HeaderMap>,
    ended: bool,
    silence: Silence,
}

impl RecordStream {
    /// Waits so long for the first record: a stream that fails at once is an error like any other. A stream that has
    /// nothing to say yet begins without it.
    pub(crate) async fn open(
        mut source: Source,
        format: StreamFormat,
        render: Render,
        wait: Duration,
        keep_alive: Duration,
    ) -> Result<Self, Problem> {
        let first = timeout(wait, source.next()).await;
        let (writer, silence) = (StreamWriter::new(format), Silence::new(keep_alive));
        let begun = Vec::new();
        let mut stream = Self { source, begun, writer, render, trailers: None, ended: false, silence };
        match first {
            Ok(Next::Message(message)) => stream.begin(&message)?,
            Ok(Next::End) => {
                stream.ended = true;
                stream.writer.end(&mut stream.begun);
            }
            Ok(Next::Failed(problem)) => return Err(*problem),
            Err(_) => {}
        }
        Ok(stream)
    }

    /// Prints the first record before anything is said: one that cannot be printed is an error like any other.
    fn begin(&mut self, message: &[u8]) -> Result<(), Problem> {
        let route = &self.source.route;
        let print = |out: &mut Vec<u8>| route.response(message, out).map(drop);
        self.writer.message(&mut self.begun, print).map_err(|error| broken(route, &error))
    }

    /// Appends what is there now; pending when that is nothing.
    fn write(&mut self, out: &mut Vec<u8>, cx: &mut Context<'_>) -> Poll<()> {
        while !self.ended && out.len() < TOGETHER {
            let next = match self.source.poll(cx) {
                Poll::Ready(next) => next,
                Poll::Pending if out.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            };
            self.append(next, out);
        }
        self.silence.broken();
        Poll::Ready(())
    }

    fn append(&mut self, next: Next, out: &mut Vec<u8>) {
        match next {
            Next::Message(message) => {
                // JSON is two to three times as long; one piece is not much longer than its limit
                out.reserve(((message.len() + self.source.waiting()) * 3).min(TOGETHER + message.len() * 3));
                let route = &self.source.route;
                let print = |out: &mut Vec<u8>| route.response(&message, out).map(drop);
                if let Err(error) = self.writer.message(out, print) {
                    let problem = broken(&self.source.route, &error);
                    self.fail(&problem, out);
                }
            }
            Next::End => {
                self.ended = true;
                self.writer.end(out);
            }
            Next::Failed(problem) => self.fail(&problem, out),
        }
    }

    fn fail(&mut self, problem: &Problem, out: &mut Vec<u8>) {
        self.ended = true;
        self.writer.error(out, &self.render.record(problem));
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
        let mut out = std::mem::take(&mut this.begun);
        if !this.ended && this.write(&mut out, cx).is_pending() {
            if this.writer.format() == StreamFormat::NdJson {
                // this form has nothing that means nothing
                return Poll::Pending;
            }
            ready!(this.silence.poll(cx));
            this.writer.keep_alive(&mut out);
            if out.is_empty() {
                // an array that has not begun; the next record wakes it
                return Poll::Pending;
            }
        }
        if !out.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(out.into()))));
        }
        Poll::Ready(this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }
}

/// How long nothing was said. It has a timer only once there was a wait.
struct Silence {
    limit: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether something was said since the timer was set.
    broken: bool,
}

impl Silence {
    fn new(limit: Duration) -> Self {
        Self { limit, timer: None, broken: false }
    }

    fn broken(&mut self) {
        self.broken = true;
    }

    /// Resolves each time that the silence has lasted for its limit.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let limit = self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(limit)));
        if std::mem::take(&mut self.broken) {
            timer.as_mut().reset(Instant::now() + limit);
        }
        ready!(timer.as_mut().poll(cx));
        timer.as_mut().reset(Instant::now() + limit);
        Poll::Ready(())
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
