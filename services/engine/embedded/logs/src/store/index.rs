//! Where blocks of frames begin in a segment, remembered while the segment does not change.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::entry::Place;
use super::tree::open_file;
use crate::scan::{Scanner, has_magic};
use crate::segment::Segment;

/// Frames are found within so many bytes.
const BLOCK: u64 = 32 * 1024;

/// How many segments are remembered: about 1 KiB each.
const MOST: usize = 2048;

/// A frame at which reading can begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) offset: u64,
    /// Of its first frame.
    pub(super) place: Place,
}

/// What a segment holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// At least one when there is any frame.
    pub(super) blocks: Vec<Block>,
    /// Where the last whole frame ends.
    pub(super) end: u64,
    /// The place after the last frame.
    next: Place,
}

impl Index {
    /// The block in which the first frame at or behind a place is, or before which it would be.
    pub(super) fn block(&self, from: Place) -> Option<Block> {
        let after = self.blocks.partition_point(|block| block.place < from);
        self.blocks.get(after.saturating_sub(1)).copied()
    }

    /// Reads on from where it ends.
    fn extend(&mut self, file: &File, segment: &Segment) -> io::Result<()> {
        let mut scanner = if self.blocks.is_empty() {
            if !has_magic(file)? {
                return Ok(());
            }
            self.next = (segment.micros(), segment.ordinal);
            Scanner::new(Vec::new())
        } else {
            Scanner::at(self.end, Vec::new())
        };
        loop {
            let offset = scanner.offset();
            let Some(frame) = scanner.next(file)? else {
                self.end = offset;
                return Ok(());
            };
            let place = (frame.micros, self.next.1);
            if self.blocks.last().is_none_or(|block| offset >= block.offset + BLOCK) {
                self.blocks.push(Block { offset, place });
            }
            self.next = (place.0, place.1 + 1);
        }
    }
}

/// The indexes of the segments that were read last.
#[derive(Debug, Default)]
pub(super) struct Indexes {
    kept: Mutex<HashMap<PathBuf, Arc<Index>>>,
}

impl Indexes {
    /// The index of a segment as it is now, and its file; none where it has been removed.
    pub(super) fn open(&self, dir: &Path, segment: &Segment) -> io::Result<Option<(File, Arc<Index>)>> {
        let path = segment.path(dir);
        let Some(file) = open_file(dir, segment)? else {
            self.lock().remove(&path);
            return Ok(None);
        };
        let length = file.metadata()?.len();
        let kept = self.lock().get(&path).cloned();
        let mut index = match kept {
            // a torn tail may have been replaced by one of the same length: it is looked at again
            Some(index) if index.end == length => return Ok(Some((file, index))),
            Some(index) if index.end < length => (*index).clone(),
            _ => Index::default(),
        };
        index.extend(&file, segment)?;
        let index = Arc::new(index);
        self.keep(path, Arc::clone(&index));
        Ok(Some((file, index)))
    }

    fn keep(&self, path: PathBuf, index: Arc<Index>) {
        let mut kept = self.lock();
        if kept.len() >= MOST {
            // which ones does not matter: they are cheap to make again
            let mut even = false;
            kept.retain(|_, _| {
                even = !even;
                even
            });
        }
        kept.insert(path, index);
    }

    /// How many segments are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Arc<Index>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
