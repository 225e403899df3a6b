//! Reads one instance's output in the order it was written, and goes on when more is written.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::Path;

use engine::Stream;

use super::entry::{Place, Raw, is_wanted};
use super::index::Indexes;
use super::merge::Source;
use super::tree::{open_file, segments};
use crate::scan::{START, Scanner};
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
    /// There is nothing to read, unless it is written now.
    dormant: bool,
}

/// A place in a segment. The file is open only while there is something to read: a job may have many instances.
#[derive(Debug)]
struct Current {
    segment: Segment,
    /// Of the next frame.
    ordinal: u64,
    offset: u64,
    open: Option<(File, Scanner)>,
}

impl Forward {
    /// Before the first entry at or behind `from`; nothing is opened yet.
    pub(super) fn new(dir: &Path, from: Place, to: Place, stream: Option<Stream>) -> io::Result<Self> {
        let (segments, latest) = segments(dir)?;
        let newest = segments.last().copied();
        let before = segments.partition_point(|segment| segment.micros() < from.0).saturating_sub(1);
        Ok(Self {
            from,
            to,
            stream,
            later: segments.into_iter().skip(before).collect(),
            newest,
            current: None,
            at: from,
            head: None,
            dormant: latest < from.0,
        })
    }

    /// Looks for segments that were begun since.
    pub(super) fn refresh(&mut self, dir: &Path) -> io::Result<()> {
        for segment in segments(dir)?.0 {
            if self.newest.is_none_or(|newest| newest < segment) {
                self.later.push_back(segment);
                self.newest = Some(segment);
            }
        }
        Ok(())
    }

    /// The next entry, where one has been written.
    pub(super) fn next(&mut self, dir: &Path, indexes: &Indexes) -> io::Result<Option<Raw>> {
        let next = match self.head.take() {
            None => self.read(dir, indexes)?.filter(|raw| raw.place < self.to),
            head => head,
        };
        self.dormant = next.is_none();
        Ok(next)
    }

    fn read(&mut self, dir: &Path, indexes: &Indexes) -> io::Result<Option<Raw>> {
        loop {
            if self.current.is_none() {
                let Some(segment) = self.later.pop_front() else {
                    return Ok(None);
                };
                self.current = begin(dir, &segment, self.from, indexes)?;
            }
            let Some(current) = &mut self.current else {
                continue;
            };
            if let Some(raw) = current.read(dir, self.from, self.stream)? {
                self.at = raw.place;
                return Ok(Some(raw));
            }
            if self.later.is_empty() {
                return Ok(None);
            }
            // a later segment was seen before the end of this one: nothing is added to it any more
            self.current = None;
        }
    }
}

impl Current {
    /// The next entry that is asked for.
    fn read(&mut self, dir: &Path, from: Place, stream: Option<Stream>) -> io::Result<Option<Raw>> {
        let (file, mut scanner) = match self.open.take() {
            Some(open) => open,
            None => match open_file(dir, &self.segment)? {
                Some(file) => (file, Scanner::at(self.offset, Vec::new())),
                // retention was here
                None => return Ok(None),
            },
        };
        while let Some(frame) = scanner.next(&file)? {
            let place = (frame.micros, self.ordinal);
            self.ordinal += 1;
            if place >= from && is_wanted(frame.kind, stream) {
                let raw = Raw::new(&frame, place.1);
                self.offset = scanner.offset();
                self.open = Some((file, scanner));
                return Ok(Some(raw));
            }
        }
        self.offset = scanner.offset();
        Ok(None)
    }
}

impl Source for Forward {
    fn hint(&self) -> Option<Place> {
        if self.dormant {
            return None;
        }
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

/// A segment at the block where reading begins.
fn begin(dir: &Path, segment: &Segment, from: Place, indexes: &Indexes) -> io::Result<Option<Current>> {
    let beginning = Current { segment: *segment, ordinal: segment.ordinal, offset: START, open: None };
    if from <= (segment.micros(), segment.ordinal) {
        return Ok(Some(beginning));
    }
    let Some((_, index)) = indexes.open(dir, segment)? else {
        return Ok(None);
    };
    let Some(block) = index.block(from) else {
        return Ok(Some(beginning));
    };
    Ok(Some(Current { ordinal: block.place.1, offset: block.offset, ..beginning }))
}
