//! A streamed request body, cut into its JSON values while it arrives: one value in memory, every byte looked at once.

mod value;

use bytes::{Buf as _, Bytes};

use super::InputFormat;
use crate::error::{RequestError, RequestErrorKind as K};
use value::Value;

/// Splits a body into JSON values, chunk by chunk, wherever the chunks are cut.
///
/// It finds where each value ends and leaves it to the value's reader to refuse what is no JSON. A value that lies within
/// one chunk is not copied.
#[derive(Debug)]
pub struct StreamReader {
    format: InputFormat,
    /// The longest value, in bytes.
    limit: usize,
    state: State,
    /// The beginning of a value that goes on in the next chunk.
    kept: Vec<u8>,
    /// Bytes of the body that have been taken, and those before the value that is being read.
    taken: usize,
    start: usize,
    records: u64,
}

/// One value of a streamed body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its text, without white space before it.
    pub json: Bytes,
    /// Which message of the stream it is, from 1.
    pub number: u64,
    /// The offset of its first byte in the body.
    pub position: usize,
}

/// What comes next, when it is not white space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first byte of the body.
    Start,
    /// A value outside an array, or the end.
    Free,
    /// An array's first element, or its end.
    First,
    /// An element, for a comma stands before it.
    Element,
    /// A comma, or the array's end.
    After,
    /// The array has ended: nothing may follow.
    Ended,
    /// The rest of a value; then `State::After` when it is an element, else `State::Free`.
    Inside { value: Value, element: bool },
    /// Something was refused: the stream is over.
    Failed,
}

impl StreamReader {
    /// A reader for values of at most `limit` bytes each.
    pub fn new(format: InputFormat, limit: usize) -> Self {
        let state = if format == InputFormat::NdJson { State::Free } else { State::Start };
        Self { format, limit, state, kept: Vec::new(), taken: 0, start: 0, records: 0 }
    }

    /// Takes the next value from the front of `chunk`; nothing when the chunk is used up and more is needed.
    ///
    /// To be called with the same chunk until it answers nothing. After an error it answers the same kind of error.
    pub fn next(&mut self, chunk: &mut Bytes) -> Result<Option<Record>, RequestError> {
        loop {
            if let State::Inside { mut value, element } = self.state {
                let Some(len) = value.end(chunk) else {
                    self.state = State::Inside { value, element };
                    self.keep(chunk)?;
                    return Ok(None);
                };
                self.state = if element { State::After } else { State::Free };
                return self.complete(chunk.split_to(len)).map(Some);
            }
            let space = chunk.iter().take_while(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t')).count();
            self.taken += space;
            chunk.advance(space);
            match chunk.first() {
                None => return Ok(None),
                Some(byte) => self.begin(*byte, chunk)?,
            }
        }
    }

    /// The body has ended: the last value, if it is one whose end only the end of the body shows.
    pub fn end(&mut self) -> Result<Option<Record>, RequestError> {
        match self.state {
            State::Start | State::Free | State::Ended => Ok(None),
            State::Inside { element: false, value } if value.ends_with_body() => {
                self.state = State::Free;
                self.complete(Bytes::new()).map(Some)
            }
            State::First => Err(self.refuse("a value or the closing bracket", "the end of the input")),
            State::Element => Err(self.refuse("a value after the comma", "the end of the input")),
            State::After => Err(self.refuse("a comma or the closing bracket", "the end of the input")),
            State::Inside { .. } => Err(self.refuse("the rest of the value", "the end of the input")),
            State::Failed => Err(self.failed()),
        }
    }

    /// Whether a part of a value is there and the rest is not.
    pub fn has_begun(&self) -> bool {
        matches!(self.state, State::Inside { .. })
    }

    /// The bytes of the body that have been taken so far.
    pub fn position(&self) -> usize {
        self.taken
    }

    /// Goes on with the byte at the front of `chunk`, which is no white space and no part of a value that has begun.
    fn begin(&mut self, byte: u8, chunk: &mut Bytes) -> Result<(), RequestError> {
        let next = match (self.state, byte) {
            (State::Start, b'[') => State::First,
            (State::First | State::After, b']') => State::Ended,
            (State::After, b',') => State::Element,
            (State::After, _) => return Err(self.unexpected("a comma or the closing bracket", chunk)),
            (State::Ended, _) => return Err(self.unexpected("the end of the body", chunk)),
            (State::Failed, _) => return Err(self.failed()),
            (_, b']' | b'}' | b',' | b':') => return Err(self.unexpected("a JSON value", chunk)),
            (state, byte) => {
                self.start = self.taken;
                let element = matches!(state, State::First | State::Element);
                let value = if self.format == InputFormat::NdJson { Value::Line } else { Value::of(byte) };
                self.state = State::Inside { value, element };
                return Ok(());
            }
        };
        self.state = next;
        self.taken += 1;
        chunk.advance(1);
        Ok(())
    }

    /// Puts the whole chunk aside: the value in it is not complete.
    fn keep(&mut self, chunk: &mut Bytes) -> Result<(), RequestError> {
        self.check_size(chunk.len())?;
        self.kept.extend_from_slice(chunk);
        self.taken += chunk.len();
        chunk.clear();
        Ok(())
    }

    fn complete(&mut self, rest: Bytes) -> Result<Record, RequestError> {
        self.check_size(rest.len())?;
        self.taken += rest.len();
        let json = if self.kept.is_empty() {
            rest
        } else {
            self.kept.extend_from_slice(&rest);
            std::mem::take(&mut self.kept).into()
        };
        self.records += 1;
        Ok(Record { json, number: self.records, position: self.start })
    }

    fn check_size(&mut self, more: usize) -> Result<(), RequestError> {
        if self.kept.len().saturating_add(more) <= self.limit {
            return Ok(());
        }
        self.state = State::Failed;
        self.kept = Vec::new();
        let error = RequestError::new(K::Size, format!("messages of at most {} bytes", self.limit));
        Err(error.in_record(self.records + 1, self.start).at(self.start))
    }

    fn unexpected(&mut self, expected: &'static str, chunk: &Bytes) -> RequestError {
        let byte = chunk.first().copied().unwrap_or_default();
        let found = if byte.is_ascii_graphic() {
            format!("{:?}", char::from(byte))
        } else {
            format!("the byte 0x{byte:02x}")
        };
        self.refuse(expected, &found)
    }

    fn refuse(&mut self, expected: &'static str, found: &str) -> RequestError {
        self.state = State::Failed;
        self.kept = Vec::new();
        let number = self.records + 1;
        RequestError::new(K::Syntax, expected).got(found).in_record(number, 0).at(self.taken)
    }

    fn failed(&mut self) -> RequestError {
        self.refuse("nothing more after what was refused", "more")
    }
}
