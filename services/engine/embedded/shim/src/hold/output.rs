//! The run's output: cut into lines for the log, without ever making the run wait for more than the disk.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use engine_logs::{Limits, STDERR, STDOUT, Writer};

use crate::protocol::Kind;
use crate::spec::LogSpec;

/// Longest line; longer ones are cut.
const MAX_LINE: usize = 16 * 1024;

/// How long to wait before a log that could not be opened is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// One of the two streams.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) kind: Kind,
    /// None after its end.
    pub(super) pipe: Option<File>,
    line: Line,
}

impl Stream {
    /// `pipe` must not block.
    pub(super) fn new(kind: Kind, pipe: File) -> Self {
        Self { kind, pipe: Some(pipe), line: Line::default() }
    }

    /// Takes what is there, at most one buffer full. None: nothing more for now, or its end.
    pub(super) fn read<'b>(&mut self, buffer: &'b mut [u8], log: &mut Log) -> Option<&'b [u8]> {
        let got = match self.pipe.as_mut()?.read(buffer) {
            Ok(0) => {
                self.end(log);
                return None;
            }
            Ok(got) => got,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return None;
            }
            Err(_) => {
                self.end(log);
                return None;
            }
        };
        let bytes = buffer.get(..got)?;
        let number = self.number();
        self.line.feed(bytes, |line| log.push(number, line));
        Some(bytes)
    }

    /// Writes the last line, which has no end of its own.
    pub(super) fn end(&mut self, log: &mut Log) {
        self.pipe = None;
        let number = self.number();
        self.line.end(|line| log.push(number, line));
    }

    const fn number(&self) -> u8 {
        match self.kind {
            Kind::Stderr => STDERR,
            _ => STDOUT,
        }
    }
}

/// Bytes on their way to lines.
#[derive(Debug, Default)]
struct Line {
    begun: Vec<u8>,
}

impl Line {
    fn feed(&mut self, bytes: &[u8], mut whole: impl FnMut(&[u8])) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (mut text, ends) = match part.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (part, false),
            };
            while self.begun.len() + text.len() > MAX_LINE {
                let (head, rest) = text.split_at(MAX_LINE - self.begun.len());
                self.begun.extend_from_slice(head);
                let cut = boundary(&self.begun);
                let tail = self.begun.split_off(cut);
                whole(&self.begun);
                self.begun = tail;
                text = rest;
            }
            if !ends {
                self.begun.extend_from_slice(text);
            } else if self.begun.is_empty() {
                whole(text);
            } else {
                self.begun.extend_from_slice(text);
                whole(&self.begun);
                self.begun.clear();
            }
        }
    }

    fn end(&mut self, whole: impl FnOnce(&[u8])) {
        if !self.begun.is_empty() {
            whole(&self.begun);
        }
        self.begun = Vec::new();
    }
}

/// Where to cut, so that no UTF-8 character is cut; what is no UTF-8 is cut at its end.
fn boundary(bytes: &[u8]) -> usize {
    let start = bytes.iter().rev().take(4).position(|byte| byte & 0xc0 != 0x80);
    match start.and_then(|back| Some((back, *bytes.get(bytes.len() - 1 - back)?))) {
        Some((back, 0xc2..=0xdf)) if back < 1 => bytes.len() - 1 - back,
        Some((back, 0xe0..=0xef)) if back < 2 => bytes.len() - 1 - back,
        Some((back, 0xf0..=0xf4)) if back < 3 => bytes.len() - 1 - back,
        _ => bytes.len(),
    }
}

/// The log of a run. Where it cannot be opened, the run goes on without it until it can.
#[derive(Debug)]
pub(super) struct Log {
    dir: PathBuf,
    limits: Limits,
    writer: Option<Writer>,
    next_try: Instant,
}

impl Log {
    pub(super) fn new(spec: &LogSpec) -> Self {
        let limits = Limits { segment_bytes: spec.max_segment_bytes, total_bytes: spec.max_total_bytes };
        Self { dir: spec.dir.clone(), limits, writer: None, next_try: Instant::now() }
    }

    fn push(&mut self, stream: u8, line: &[u8]) {
        if self.writer.is_none() && Instant::now() >= self.next_try {
            self.writer = Writer::open(&self.dir, self.limits).ok();
            self.next_try = Instant::now() + RETRY;
        }
        if let Some(writer) = &mut self.writer {
            writer.push(stream, unix_micros(), line);
        }
    }

    pub(super) fn flush(&mut self) {
        if let Some(writer) = &mut self.writer {
            writer.flush();
        }
    }
}

fn unix_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Now, as Unix time in milliseconds.
pub(super) fn unix_millis() -> i64 {
    unix_micros() / 1000
}

#[cfg(test)]
mod tests;
