//! Reads one instance's output from the newest entry on, block by block.

use std::io;
use std::path::Path;
use std::sync::Arc;

use engine::Stream;

use super::entry::{Place, Raw, is_wanted};
use super::index::{Index, Indexes};
use super::merge::Source;
use super::tree::{open_file, segments};
use crate::scan::Scanner;
use crate::segment::Segment;

/// A place in one instance's output, moving backward.
#[derive(Debug)]
pub(super) struct Backward {
    from: Place,
    to: Place,
    stream: Option<Stream>,
    /// Segments not yet read, oldest first.
    earlier: Vec<Segment>,
    /// No entry of the last of `earlier` is later.
    latest: i64,
    current: Option<Current>,
    /// Entries of the block that was read last, oldest first.
    entries: Vec<Raw>,
}

#[derive(Debug)]
struct Current {
    segment: Segment,
    index: Arc<Index>,
    /// So many blocks from the beginning are not yet read.
    blocks: usize,
}

impl Backward {
    /// Behind the last entry before `to`; nothing is opened yet.
    pub(super) fn new(dir: &Path, from: Place, to: Place, stream: Option<Stream>) -> io::Result<Self> {
        let (mut earlier, latest) = segments(dir)?;
        if latest < from.0 {
            earlier.clear();
        }
        let after = earlier.partition_point(|segment| segment.micros() <= to.0);
        let latest = earlier.get(after).map_or(latest, Segment::micros).min(to.0);
        earlier.truncate(after);
        Ok(Self { from, to, stream, earlier, latest, current: None, entries: Vec::new() })
    }

    /// Reads blocks until one has an entry that is asked for; false when there is none.
    fn fill(&mut self, dir: &Path, indexes: &Indexes) -> io::Result<bool> {
        while self.entries.is_empty() {
            let Some(current) = &mut self.current else {
                let Some(segment) = self.earlier.pop() else {
                    return Ok(false);
                };
                self.current = open(dir, &segment, self.to, indexes)?;
                continue;
            };
            if current.blocks == 0 {
                // what is in earlier segments is not after the beginning of this one
                if current.index.blocks.first().is_some_and(|first| first.place < self.from) {
                    self.earlier.clear();
                }
                self.current = None;
                continue;
            }
            current.blocks -= 1;
            self.entries = read(dir, current, self.from, self.to, self.stream)?;
            if current.index.blocks.get(current.blocks).is_some_and(|block| block.place < self.from) {
                current.blocks = 0;
            }
        }
        Ok(true)
    }
}

impl Source for Backward {
    fn hint(&self) -> Option<Place> {
        (!self.earlier.is_empty()).then_some((self.latest, u64::MAX))
    }

    fn load(&mut self, dir: &Path, indexes: &Indexes) -> io::Result<Option<Place>> {
        self.fill(dir, indexes)?;
        Ok(self.entries.last().map(|entry| entry.place))
    }

    fn take(&mut self) -> Option<Raw> {
        self.entries.pop()
    }
}

fn open(dir: &Path, segment: &Segment, to: Place, indexes: &Indexes) -> io::Result<Option<Current>> {
    let Some((_, index)) = indexes.open(dir, segment)? else {
        return Ok(None);
    };
    let blocks = index.blocks.partition_point(|block| block.place < to);
    Ok(Some(Current { segment: *segment, index, blocks }))
}

/// The entries of a block within the window. The file is open no longer than that: a job may have many instances.
fn read(
    dir: &Path,
    current: &Current,
    from: Place,
    to: Place,
    stream: Option<Stream>,
) -> io::Result<Vec<Raw>> {
    let (Some(block), Some(file)) =
        (current.index.blocks.get(current.blocks), open_file(dir, &current.segment)?)
    else {
        return Ok(Vec::new());
    };
    let end = current.index.blocks.get(current.blocks + 1).map_or(current.index.end, |next| next.offset);
    let mut scanner = Scanner::at(block.offset, Vec::new());
    let mut ordinal = block.place.1;
    let mut entries = Vec::new();
    while scanner.offset() < end {
        let Some(frame) = scanner.next(&file)? else {
            break;
        };
        let place = (frame.micros, ordinal);
        ordinal += 1;
        if place >= from && place < to && is_wanted(frame.kind, stream) {
            entries.push(Raw::new(&frame, place.1));
        }
    }
    Ok(entries)
}
