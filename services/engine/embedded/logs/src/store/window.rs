//! The part of a job's output between two places.

use engine::{LogQuery, Position};
use jiff::Timestamp;

use super::entry::Place;

/// A place between entries of a job, in the order (time, instance, ordinal).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) micros: i64,
    pub(super) instance: String,
    pub(super) ordinal: u64,
}

impl Key {
    /// Before every entry of this microsecond.
    const fn before(micros: i64) -> Self {
        Self { micros, instance: String::new(), ordinal: 0 }
    }

    /// The first place in one instance that is not before this.
    fn within(&self, instance: &str) -> Place {
        match self.instance.as_str().cmp(instance) {
            std::cmp::Ordering::Greater => (self.micros.saturating_add(1), 0),
            std::cmp::Ordering::Equal => (self.micros, self.ordinal),
            std::cmp::Ordering::Less => (self.micros, 0),
        }
    }
}

/// From a place on, and before another.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) from: Key,
    pub(super) to: Key,
}

impl Window {
    /// What a query asks for, regardless of its cursor.
    pub(super) fn of(query: &LogQuery) -> Self {
        let from = query.since.map_or(i64::MIN, ceiling);
        let to = query.until.map_or(i64::MAX, |until| floor(until).saturating_add(1));
        Self { from: Key::before(from), to: Key::before(to) }
    }

    /// Nothing up to and including the entry at a position.
    pub(super) fn after(mut self, position: &Position) -> Self {
        let mut key = key(position);
        key.ordinal = key.ordinal.saturating_add(1);
        self.from = self.from.max(key);
        self
    }

    /// Nothing from the entry at a position on.
    pub(super) fn before(mut self, position: &Position) -> Self {
        self.to = self.to.min(key(position));
        self
    }

    /// The same for one instance.
    pub(super) fn within(&self, instance: &str) -> (Place, Place) {
        (self.from.within(instance), self.to.within(instance))
    }
}

fn key(position: &Position) -> Key {
    let micros = position.time.as_microsecond();
    Key { micros, instance: position.instance.0.clone(), ordinal: position.ordinal }
}

fn floor(time: Timestamp) -> i64 {
    let micros = time.as_microsecond();
    // towards the past, also before 1970
    if time.as_nanosecond() < i128::from(micros) * 1000 { micros - 1 } else { micros }
}

fn ceiling(time: Timestamp) -> i64 {
    let micros = floor(time);
    if time.as_nanosecond() > i128::from(micros) * 1000 { micros + 1 } else { micros }
}
