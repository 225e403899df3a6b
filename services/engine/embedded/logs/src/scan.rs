//! Reads the frames of one segment in order, in bounded memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::frame::{Decoded, Frame, HEAD, MAGIC, decode};

const CHUNK: usize = 32 * 1024;

/// Where the first frame of a segment is.
pub(crate) const START: u64 = MAGIC.len() as u64;

/// A place in a segment, moving forward over whole frames.
#[derive(Debug)]
pub(crate) struct Scanner {
    buffer: Vec<u8>,
    /// The part of `buffer` that was read and not yet consumed.
    start: usize,
    end: usize,
    /// Where in the file `start` is.
    offset: u64,
}

impl Scanner {
    /// Begins at the first frame, using `buffer` for what is read.
    pub(crate) fn new(buffer: Vec<u8>) -> Self {
        Self::at(START, buffer)
    }

    /// Begins at a frame boundary.
    pub(crate) fn at(offset: u64, mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        Self { buffer, start: 0, end: 0, offset }
    }

    /// Where the next frame begins: after the last one, the end of what is valid so far.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Gives the buffer back.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }

    /// The next whole frame; none at the end, at a torn tail and at damage. May be asked again when the file grew.
    pub(crate) fn next(&mut self, file: &File) -> io::Result<Option<Frame<'_>>> {
        let (micros, kind, size) = loop {
            let need = match decode(&self.buffer[self.start..self.end]) {
                Decoded::Frame(frame) => break (frame.micros, frame.kind, frame.size()),
                Decoded::Incomplete(need) => need,
                Decoded::Invalid => usize::MAX,
            };
            if need == usize::MAX || !self.fill(file, need)? {
                // what was read may be the half of a write: look again when asked again
                self.start = self.end;
                return Ok(None);
            }
        };
        let payload = &self.buffer[self.start + HEAD..self.start + size];
        self.start += size;
        self.offset += size as u64;
        Ok(Some(Frame { micros, kind, payload }))
    }

    /// Reads until `need` bytes are there; false when the file ends before.
    fn fill(&mut self, file: &File, need: usize) -> io::Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < need {
            self.buffer.resize(need.max(CHUNK), 0);
        }
        while self.end < need {
            let read = match file.read_at(&mut self.buffer[self.end..], self.offset + self.end as u64) {
                Ok(0) => return Ok(false),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.end += read;
        }
        Ok(true)
    }
}

/// Whether the file begins as a segment of ours.
pub(crate) fn has_magic(file: &File) -> io::Result<bool> {
    let mut magic = [0; MAGIC.len()];
    match file.read_exact_at(&mut magic, 0) {
        Ok(()) => Ok(magic == MAGIC),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
