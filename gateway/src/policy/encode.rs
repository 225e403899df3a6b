//! Answers in a content coding: whole, or record by record as they come.

mod encoder;

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, HeaderMap, HeaderValue,
};
use http::{Response, StatusCode};
use http_body::{Body as HttpBody, Frame};
use tonic::Status;
use tonic::body::Body;

use super::coding::Coding;
use super::vary;
use encoder::Encoder;

/// So much is encoded before others have their turn.
const PIECE: usize = 64 << 10;

/// How answers are compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compression {
    /// The codings, in the order in which they are taken when a client likes them alike.
    pub codings: Vec<Coding>,
    /// A whole answer of fewer bytes stays as it is.
    pub min_bytes: u64,
    /// Also `text/event-stream`. Browsers ask for codings on every event stream, and the state of one takes 100 KiB and
    /// more for as long as the stream is open.
    pub event_streams: bool,
}

impl Default for Compression {
    fn default() -> Self {
        Self { codings: Coding::ALL.into(), min_bytes: 1 << 10, event_streams: false }
    }
}

/// Whether the kind and the size of an answer are worth a coding.
pub(super) fn fits(response: &Response<Body>, compression: &Compression) -> bool {
    let size = response.body().size_hint().exact();
    let is_large = size.is_none_or(|size| size >= compression.min_bytes && size > 0);
    is_large && is_open(response.headers(), response.status(), compression.event_streams)
}

/// Puts an answer that [`fits`] into a coding, and says on what that depends. One that has lost its body since says it alone.
pub(super) fn apply(response: Response<Body>, coding: Option<Coding>) -> Response<Body> {
    let size = response.body().size_hint().exact();
    let (mut parts, body) = response.into_parts();
    vary(&mut parts.headers, ACCEPT_ENCODING.as_str());
    let coding = coding.filter(|_| parts.status != StatusCode::NOT_MODIFIED);
    let Some(coding) = coding else { return Response::from_parts(parts, body) };
    let Ok(encoder) = Encoder::new(coding, size) else { return Response::from_parts(parts, body) };
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.remove(ACCEPT_RANGES);
    parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    let body = Encoded { body, state: State::Open(encoder), flush: size.is_none(), left: Bytes::new() };
    Response::from_parts(parts, Body::new(body))
}

/// Whether an answer may be put into a coding at all.
fn is_open(headers: &HeaderMap, status: StatusCode, event_streams: bool) -> bool {
    if headers.contains_key(CONTENT_ENCODING)
        || headers.contains_key(CONTENT_RANGE)
        || status.is_informational()
    {
        return false;
    }
    let is = |value: &HeaderValue, part: &str| value.to_str().is_ok_and(|text| text.contains(part));
    if headers.get_all(CACHE_CONTROL).iter().any(|value| is(value, "no-transform")) {
        return false;
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    match kind {
        "text/event-stream" => event_streams,
        "application/json"
        | "application/x-ndjson"
        | "application/xml"
        | "application/javascript"
        | "application/yaml"
        | "application/jsonl" => true,
        _ => kind.starts_with("text/") || kind.ends_with("+json") || kind.ends_with("+xml"),
    }
}

/// A body in a coding. Records of a stream can be read as soon as they have come.
struct Encoded {
    body: Body,
    state: State,
    /// Whether each frame must be readable at once.
    flush: bool,
    /// What of a frame is not encoded yet.
    left: Bytes,
}

enum State {
    Open(Encoder),
    /// What comes after the last data.
    Ended(Option<Frame<Bytes>>),
}

impl Encoded {
    /// Encodes a piece of what is left.
    fn piece(&mut self) -> Result<Bytes, Status> {
        let State::Open(encoder) = &mut self.state else { return Ok(Bytes::new()) };
        let piece = self.left.split_to(self.left.len().min(PIECE));
        encoder.write(&piece).map_err(failed)?;
        if self.flush && !self.left.has_remaining() {
            encoder.flush().map_err(failed)?;
        }
        Ok(encoder.take())
    }

    fn end(&mut self, last: Option<Frame<Bytes>>) -> Result<Bytes, Status> {
        match std::mem::replace(&mut self.state, State::Ended(last)) {
            State::Open(encoder) => encoder.finish().map_err(failed),
            State::Ended(_) => Ok(Bytes::new()),
        }
    }
}

impl HttpBody for Encoded {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        loop {
            if let State::Ended(last) = &mut this.state {
                return Poll::Ready(last.take().map(Ok));
            }
            let encoded = if this.left.has_remaining() {
                this.piece()
            } else {
                match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                    None => this.end(None),
                    Some(Err(status)) => {
                        this.state = State::Ended(None);
                        Err(status)
                    }
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(data) => {
                            this.left = data;
                            continue;
                        }
                        Err(trailers) => this.end(Some(trailers)),
                    },
                }
            };
            match encoded {
                Ok(data) if data.is_empty() => {}
                encoded => return Poll::Ready(Some(encoded.map(Frame::data))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Ended(None))
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: std::io::Error) -> Status {
    Status::internal(format!("cannot compress: {error}"))
}
