//! Merges the output of several instances by time.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::io;
use std::path::Path;

use engine::Direction;

use super::entry::{Place, Raw};
use super::index::Indexes;
use super::tree::Leaf;

/// One instance's output in one direction.
pub(super) trait Source {
    /// A place that is certainly not behind the next entry, in the direction; none when there is no entry.
    fn hint(&self) -> Option<Place>;
    /// Reads the next entry and says its place.
    fn load(&mut self, dir: &Path, indexes: &Indexes) -> io::Result<Option<Place>>;
    /// Takes the entry that was loaded.
    fn take(&mut self) -> Option<Raw>;
}

/// Where an instance comes next.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    place: Place,
    /// The number of the instance in the order of names.
    rank: usize,
    /// Its entry is really there; otherwise the place is a hint.
    loaded: bool,
    direction: Direction,
}

impl Head {
    fn key(&self) -> (i64, usize, u64) {
        (self.place.0, self.rank, self.place.1)
    }
}

impl Ord for Head {
    /// The greatest comes next; a hint before an entry at the same place.
    fn cmp(&self, other: &Self) -> Ordering {
        let newest = self.key().cmp(&other.key());
        let next = if self.direction == Direction::NewestFirst { newest } else { newest.reverse() };
        next.then(other.loaded.cmp(&self.loaded))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The entries of several instances in one order. Opens an instance's files only when its turn may have come.
#[derive(Debug)]
pub(super) struct Merge<'a, S> {
    indexes: &'a Indexes,
    leaves: &'a [Leaf],
    sources: &'a mut [S],
    heads: BinaryHeap<Head>,
    direction: Direction,
}

impl<'a, S: Source> Merge<'a, S> {
    /// `sources` are those of `leaves`, which are sorted by instance.
    pub(super) fn new(
        direction: Direction,
        indexes: &'a Indexes,
        leaves: &'a [Leaf],
        sources: &'a mut [S],
    ) -> Self {
        let hints = sources.iter().enumerate().filter_map(|(rank, source)| Some((rank, source.hint()?)));
        let heads = hints.map(|(rank, place)| Head { place, rank, loaded: false, direction }).collect();
        Self { indexes, leaves, sources, heads, direction }
    }

    /// Whether there is another entry.
    pub(super) fn has_more(&mut self) -> io::Result<bool> {
        while let Some(head) = self.heads.peek() {
            if head.loaded {
                return Ok(true);
            }
            let rank = head.rank;
            self.heads.pop();
            self.load(rank)?;
        }
        Ok(false)
    }

    /// The next entry, and whose it is.
    pub(super) fn next(&mut self) -> io::Result<Option<(&'a Leaf, Raw)>> {
        if !self.has_more()? {
            return Ok(None);
        }
        let Some((rank, raw)) =
            self.heads.pop().and_then(|h| Some((h.rank, self.sources.get_mut(h.rank)?.take()?)))
        else {
            return Ok(None);
        };
        self.load(rank)?;
        Ok(self.leaves.get(rank).map(|leaf| (leaf, raw)))
    }

    fn load(&mut self, rank: usize) -> io::Result<()> {
        let (Some(source), Some(leaf)) = (self.sources.get_mut(rank), self.leaves.get(rank)) else {
            return Ok(());
        };
        if let Some(place) = source.load(&leaf.dir, self.indexes)? {
            self.heads.push(Head { place, rank, loaded: true, direction: self.direction });
        }
        Ok(())
    }
}
