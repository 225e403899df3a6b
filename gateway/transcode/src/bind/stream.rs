//! A streamed request: each JSON value or chunk of bytes becomes one message.
//!
//! What path and query have bound goes into the first message and into no other, as Envoy does it (`google/api/http.proto`
//! says nothing about streams). A later message may repeat a bound field, but not with another value: who was let in by
//! what the path says must not go on with something else.

use bytes::Bytes;

use super::parts::Parts;
use super::tree::Tree;
use super::{BodyRule, Bound};
use crate::error::{RequestError, RequestErrorKind as K};
use crate::program::Route;
use crate::stream::{InputFormat, Record, StreamReader};

/// The messages of a streamed request as gRPC frames, while its body arrives. Made by [`Bound::stream`].
#[derive(Debug)]
pub struct RequestStream {
    route: Route,
    tree: Tree,
    input: Input,
    /// The longest JSON text or chunk of one message.
    limit: usize,
    sent: u64,
}

#[derive(Debug)]
enum Input {
    /// No body: one message in all.
    None,
    Json(StreamReader),
    /// Bytes for a `google.api.HttpBody`, with their content type.
    Raw(Option<String>),
}

impl Bound {
    /// The messages of a streamed request, read from a body of this `Content-Type`. The JSON text of one message has at
    /// most `limit` bytes; raw bytes are cut into messages of at most that many.
    ///
    /// A method without a body in its rule gets one message; a `google.api.HttpBody` gets the chunks as they come, with
    /// the content type in the first message (and one message even without any bytes); everything else gets one message
    /// for each JSON value, and none when there is no value.
    pub fn stream(self, content_type: Option<&str>, limit: usize) -> Result<RequestStream, RequestError> {
        let Self { route, tree, .. } = self;
        let parts = Parts { route: &route, tree: &tree };
        let input = if parts.is_raw() {
            Input::Raw(content_type.map(str::to_owned))
        } else if route.binding().body == BodyRule::None {
            Input::None
        } else {
            Input::Json(StreamReader::new(InputFormat::of(content_type)?, limit))
        };
        Ok(RequestStream { route, tree, input, limit: limit.max(1), sent: 0 })
    }
}

impl RequestStream {
    /// Takes the next message from the front of `chunk` as a whole gRPC frame; nothing when the chunk is used up and more
    /// is needed. To be called with the same chunk until it answers nothing; an error ends the stream.
    pub fn next(&mut self, chunk: &mut Bytes) -> Result<Option<Vec<u8>>, RequestError> {
        match &mut self.input {
            Input::Json(reader) => match reader.next(chunk)? {
                Some(record) => self.record(&record).map(Some),
                None => Ok(None),
            },
            _ if chunk.is_empty() => Ok(None),
            Input::Raw(_) => {
                let piece = chunk.split_to(chunk.len().min(self.limit));
                self.raw(&piece).map(Some)
            }
            Input::None => Err(RequestError::new(K::UnexpectedBody, "no body").got("one")),
        }
    }

    /// The body has ended: the last message, when the end is what completes it.
    pub fn end(&mut self) -> Result<Option<Vec<u8>>, RequestError> {
        match &mut self.input {
            Input::Json(reader) => match reader.end()? {
                Some(record) => self.record(&record).map(Some),
                None => Ok(None),
            },
            _ if self.sent > 0 => Ok(None),
            Input::Raw(_) => self.raw(&[]).map(Some),
            Input::None => {
                let frame = self.parts().without_body()?;
                self.count();
                Ok(Some(frame))
            }
        }
    }

    /// A message that comes framed (a WebSocket's): exactly one JSON value, or the bytes of one `google.api.HttpBody`.
    pub fn message(&mut self, data: &[u8]) -> Result<Vec<u8>, RequestError> {
        if data.len() > self.limit {
            let error = RequestError::new(K::Size, format!("messages of at most {} bytes", self.limit));
            return Err(error.in_record(self.sent + 1, 0));
        }
        if matches!(self.input, Input::Raw(_)) {
            return self.raw(data);
        }
        let frame = self.parts().json(data).map_err(|e| e.in_record(self.sent + 1, 0))?;
        self.count();
        Ok(frame)
    }

    /// Whether a part of the next message is there and the rest is not.
    pub fn has_begun(&self) -> bool {
        matches!(&self.input, Input::Json(reader) if reader.has_begun())
    }

    /// How many messages it has made.
    pub fn messages(&self) -> u64 {
        self.sent
    }

    fn parts(&self) -> Parts<'_> {
        Parts { route: &self.route, tree: &self.tree }
    }

    fn record(&mut self, record: &Record) -> Result<Vec<u8>, RequestError> {
        let frame = self.parts().json(&record.json);
        let frame = frame.map_err(|e| e.in_record(record.number, record.position))?;
        self.count();
        Ok(frame)
    }

    fn raw(&mut self, data: &[u8]) -> Result<Vec<u8>, RequestError> {
        let content_type = match &self.input {
            Input::Raw(content_type) => content_type.as_deref(),
            _ => None,
        };
        let frame = self.parts().raw(content_type, data)?;
        self.count();
        Ok(frame)
    }

    fn count(&mut self) {
        if self.sent == 0 {
            self.tree.mark_sent();
        }
        self.sent += 1;
    }
}
