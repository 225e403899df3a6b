//! The run's standard input, where it is kept open.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write as _;

/// More than this is not taken from clients until the run has read.
const MAX_WAITING: usize = 64 * 1024;

/// Bytes on their way into the run.
#[derive(Debug, Default)]
pub(super) struct Stdin {
    /// None where it was never open, or is closed.
    pub(super) pipe: Option<File>,
    waiting: VecDeque<u8>,
    closing: bool,
}

impl Stdin {
    /// `pipe` must not block.
    pub(super) fn new(pipe: Option<File>) -> Self {
        Self { pipe, ..Self::default() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_WAITING
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes bytes; false where nobody can read them.
    pub(super) fn push(&mut self, bytes: &[u8]) -> bool {
        if self.pipe.is_none() || self.closing {
            return false;
        }
        self.waiting.extend(bytes);
        self.write();
        true
    }

    /// No more will come.
    pub(super) fn close(&mut self) {
        self.closing = true;
        self.write();
    }

    /// Writes what the pipe takes.
    pub(super) fn write(&mut self) {
        while let (Some(pipe), false) = (&mut self.pipe, self.waiting.is_empty()) {
            match pipe.write(self.waiting.as_slices().0) {
                Ok(taken) => drop(self.waiting.drain(..taken)),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                // the run has closed it
                Err(_) => {
                    self.pipe = None;
                    self.waiting = VecDeque::new();
                }
            }
        }
        if self.closing {
            self.pipe = None;
        }
    }
}
