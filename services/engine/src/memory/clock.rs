//! A clock that only a test moves.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;

use crate::Clock;

/// Something that has work to do at certain times.
pub trait Timed: Send + Sync + std::fmt::Debug {
    /// When it wants to be called next.
    fn next(&self) -> Option<Timestamp>;
    /// Does everything that is due at `now`.
    fn run(&self, now: Timestamp);
}

/// Time that stands still until a test advances it. What happens meanwhile happens in order, each thing at its time.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<Timestamp>,
    timed: Mutex<Vec<Weak<dyn Timed>>>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { now: Mutex::new(now), timed: Mutex::default() }
    }

    /// Lets `time` pass.
    pub fn advance(&self, time: Duration) {
        let target = self.now().checked_add(time).unwrap_or(Timestamp::MAX);
        self.advance_to(target);
    }

    /// Lets time pass until `target`; a time in the past does nothing.
    pub fn advance_to(&self, target: Timestamp) {
        let timed: Vec<_> = lock(&self.timed).iter().filter_map(Weak::upgrade).collect();
        while let Some((due, first)) = next(&timed).filter(|(due, _)| *due <= target) {
            let now = self.now().max(due);
            *lock(&self.now) = now;
            first.run(now);
        }
        let mut now = lock(&self.now);
        *now = target.max(*now);
    }

    /// Calls `timed` as time passes, for as long as it lives.
    pub fn register(&self, timed: Weak<dyn Timed>) {
        lock(&self.timed).push(timed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *lock(&self.now)
    }
}

fn next(timed: &[Arc<dyn Timed>]) -> Option<(Timestamp, &Arc<dyn Timed>)> {
    timed.iter().filter_map(|one| Some((one.next()?, one))).min_by_key(|(due, _)| *due)
}

pub(super) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
