//! One page of output.

use std::io;
use std::path::Path;

use engine::{Direction, Error, InstanceId, LogPage, LogQuery, Position};
use jiff::Timestamp;

use super::Shared;
use super::backward::Backward;
use super::entry::{Place, Raw};
use super::forward::Forward;
use super::index::Indexes;
use super::merge::{Merge, Source};
use super::tree::{Leaf, leaves};
use super::window::{Key, Window};

/// A page ends early when its messages are as long together, in bytes.
const MOST_BYTES: usize = 4 << 20;
/// And after so many entries, whatever was asked for.
const MOST_ENTRIES: usize = 10_000;

pub(super) fn page(shared: &Shared, query: &LogQuery) -> Result<LogPage, Error> {
    let position = query.cursor.as_ref().map(Position::parse).transpose()?;
    read(shared, query, position.as_ref()).map_err(|error| Error::failed("reading output", error))
}

fn read(shared: &Shared, query: &LogQuery, position: Option<&Position>) -> io::Result<LogPage> {
    let leaves = leaves(&shared.root, query)?;
    let mut window = Window::of(query);
    let left = position.map_or(query.lines, |position| position.left);
    if left == Some(0) {
        return Ok(LogPage::default());
    }
    match (query.direction, position) {
        (Direction::NewestFirst, Some(position)) => window = window.before(position),
        (Direction::OldestFirst, Some(position)) => window = window.after(position),
        (Direction::OldestFirst, None) => {
            if let Some(lines) = left {
                window.from = most_recent(&shared.indexes, &leaves, &window, query, lines)?;
            }
        }
        (Direction::NewestFirst, None) => {}
    }
    match query.direction {
        Direction::NewestFirst => collect(shared, query, &leaves, left, &window, Backward::new),
        Direction::OldestFirst => collect(shared, query, &leaves, left, &window, Forward::new),
    }
}

type Open<S> = fn(&Path, Place, Place, Option<engine::Stream>) -> io::Result<S>;

/// Reads the entries of a page from sources of either direction.
fn collect<S: Source>(
    shared: &Shared,
    query: &LogQuery,
    leaves: &[Leaf],
    left: Option<u64>,
    window: &Window,
    open: Open<S>,
) -> io::Result<LogPage> {
    let mut sources = sources(leaves, window, query, open)?;
    let mut merge = Merge::new(query.direction, &shared.indexes, leaves, &mut sources);
    let most = left.and_then(|left| usize::try_from(left).ok()).unwrap_or(usize::MAX);
    let size = query.page_size.clamp(1, MOST_ENTRIES).min(most);
    let mut page = LogPage::default();
    let mut bytes = 0;
    let mut last = None;
    while page.entries.len() < size && bytes < MOST_BYTES {
        let Some((leaf, raw)) = merge.next()? else {
            return Ok(page);
        };
        last = Some((leaf, raw.place));
        let entry = raw.entry(leaf);
        bytes += entry.message.len();
        page.entries.push(entry);
    }
    let left = left.map(|left| left.saturating_sub(page.entries.len() as u64));
    if left != Some(0) && merge.has_more()? {
        page.next = last.and_then(|(leaf, place)| position(leaf, place, left)).map(|place| place.cursor());
    }
    Ok(page)
}

/// Where the so many most recent entries of a window begin.
pub(super) fn most_recent(
    indexes: &Indexes,
    leaves: &[Leaf],
    window: &Window,
    query: &LogQuery,
    lines: u64,
) -> io::Result<Key> {
    let mut sources = sources(leaves, window, query, Backward::new)?;
    let mut merge = Merge::new(Direction::NewestFirst, indexes, leaves, &mut sources);
    let mut first: Option<(&Leaf, Raw)> = None;
    for _ in 0..lines {
        match merge.next()? {
            Some(entry) => first = Some(entry),
            None => return Ok(window.from.clone()),
        }
    }
    let Some((leaf, raw)) = first else {
        return Ok(window.to.clone());
    };
    Ok(Key { micros: raw.place.0, instance: leaf.instance.clone(), ordinal: raw.place.1 })
}

/// A source for each leaf.
pub(super) fn sources<S>(
    leaves: &[Leaf],
    window: &Window,
    query: &LogQuery,
    open: Open<S>,
) -> io::Result<Vec<S>> {
    let open = |leaf: &Leaf| {
        let (from, to) = window.within(&leaf.instance);
        open(&leaf.dir, from, to, query.stream)
    };
    leaves.iter().map(open).collect()
}

fn position(leaf: &Leaf, place: Place, left: Option<u64>) -> Option<Position> {
    let time = Timestamp::from_microsecond(place.0).ok()?;
    Some(Position { time, instance: InstanceId(leaf.instance.clone()), ordinal: place.1, left })
}
