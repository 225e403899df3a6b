//! Reads one instance's output in the order it was written, and goes on when more is written.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::Path;

use engine::Stream;

use super::entry::{Place, Raw, is_wanted};
use super::index::Indexes;
use super::merge::Source;
use super::tree::segments;
use crate::scan::Scanner;
use crate::segment::Segment;

/// A place in one instance's output, moving forward.
#[derive(Debug)]
pub(super) struct Forward {
    from: Place,
    to: Place,
    stream: Option<Stream>,
    /// Segments not yet begun, oldest first.
    later: VecDeque<Segment>,
    /// The newest segment that was listed.
    newest: Option<Segment>,
    current: Option<Current>,
    /// Of the entry that was read last.
    at: Place,
    head: Option<Raw>,
}

#[derive(Debug)]
struct Current {
    file: File,
    scanner: Scanner,
    /// Of the next frame.
    ordinal: u64,
}

impl Forward {
    /// Before the first entry at or behind `from`; nothing is opened yet.
    pub(super) fn new(dir: &Path, from: Place, to: Place, stream: Option<Stream>) -> io::Result<Self> {
        let mut new = Self {
            from,
            to,
            stream,
            later: VecDeque::new(),
            newest: None,
            current: None,
            at: from,
            head: None,
        };
        new.refresh(dir)?;
        let after = new.later.partition_point(|segment| segment.micros() < from.0);
        new.later.drain(..after.saturating_sub(1));
        Ok(new)
    }

    /// Looks for segments that were begun since.
    pub(super) fn refresh(&mut self, dir: &Path) -> io::Result<()> {
        for segment in segments(dir)? {
            if self.newest.is_none_or(|newest| newest < segment) {
                self.later.push_back(segment);
                self.newest = Some(segment);
            }
        }
        Ok(())
    }

    /// The next entry, where one has been written.
    pub(super) fn next(&mut self, dir: &Path, indexes: &Indexes) -> io::Result<Option<Raw>> {
        if let Some(head) = self.head.take() {
            return Ok(Some(head));
        }
        loop {
            if self.current.is_none() {
                let Some(segment) = self.later.pop_front() else {
                    return Ok(None);
                };
                self.current = open(dir, &segment, self.from, indexes)?;
                continue;
            }
            if let Some(raw) = self.read()? {
                return Ok(if raw.place < self.to { Some(raw) } else { None });
            }
            if self.later.is_empty() {
                return Ok(None);
            }
            // a later segment was seen before the end of this one: nothing is added to it any more
            self.current = None;
        }
    }

    /// Gives memory back until there is something to read.
    pub(super) fn release(&mut self) {
        if let Some(current) = &mut self.current {
            current.scanner.release();
        }
    }

    /// The next entry of the current segment that is asked for.
    fn read(&mut self) -> io::Result<Option<Raw>> {
        let Some(current) = &mut self.current else {
            return Ok(None);
        };
        while let Some(frame) = current.scanner.next(&current.file)? {
            let place = (frame.micros, current.ordinal);
            current.ordinal += 1;
            self.at = place;
            if place >= self.from && is_wanted(frame.kind, self.stream) {
                return Ok(Some(Raw::new(&frame, place.1)));
            }
        }
        Ok(None)
    }
}

impl Source for Forward {
    fn hint(&self) -> Option<Place> {
        match (&self.head, &self.current, self.later.front()) {
            (Some(head), _, _) => Some(head.place),
            (None, Some(_), _) => Some(self.at),
            (None, None, first) => Some(self.from.max((first?.micros(), 0))),
        }
    }

    fn load(&mut self, dir: &Path, indexes: &Indexes) -> io::Result<Option<Place>> {
        self.head = self.next(dir, indexes)?;
        Ok(self.head.as_ref().map(|head| head.place))
    }

    fn take(&mut self) -> Option<Raw> {
        self.head.take()
    }
}

/// Opens a segment at the block where reading begins.
fn open(dir: &Path, segment: &Segment, from: Place, indexes: &Indexes) -> io::Result<Option<Current>> {
    if from <= (segment.micros(), segment.ordinal) {
        // from its beginning: no index is needed
        let file = match File::open(segment.path(dir)) {
            Ok(file) => file,
            Err(error) if super::tree::is_absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let current = Current { file, scanner: Scanner::new(Vec::new()), ordinal: segment.ordinal };
        return Ok(Some(current));
    }
    let Some((file, index)) = indexes.open(dir, segment)? else {
        return Ok(None);
    };
    let (scanner, ordinal) = match index.block(from) {
        Some(block) => (Scanner::at(block.offset, Vec::new()), block.place.1),
        None => (Scanner::new(Vec::new()), segment.ordinal),
    };
    Ok(Some(Current { file, scanner, ordinal }))
}
