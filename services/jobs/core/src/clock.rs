//! Time and identities, as ports: no rule waits, guesses or rolls dice by itself.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::Uid;

/// The wall clock, and waiting on it.
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync {
    /// The moment that it is.
    fn now(&self) -> Timestamp;

    /// Waits for so long, by a clock that does not jump.
    async fn sleep(&self, duration: Duration);
}

/// Makes identities.
pub trait Ids: fmt::Debug + Send + Sync {
    /// One that was never made before; printable ASCII without space and `/`, at most 36 characters.
    fn uid(&self) -> Uid;
}

/// A moment later than another; the end of time where that is past it.
pub(crate) fn after(moment: Timestamp, duration: Duration) -> Timestamp {
    moment.checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// How long it is since a moment; nothing where the moment is yet to come.
pub(crate) fn since(moment: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(moment)).unwrap_or_default()
}
