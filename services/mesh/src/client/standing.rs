//! What an endpoint may be used for, as its owner has found out. Whoever marks an endpoint says of which connections it
//! has found so: another server may stand behind the next one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use super::Channel;

/// Bits of fitness below the count of ended connections.
const BITS: u32 = 8;

/// The fitness of one endpoint, and how many of its connections have ended.
#[derive(Debug)]
pub(super) struct Standing {
    /// The count above the bits.
    word: AtomicU64,
    /// Whether fitness ends with a connection.
    gated: bool,
    ended: watch::Sender<u64>,
}

impl Standing {
    pub(super) fn new(gated: bool) -> Self {
        let fitness = if gated { 0 } else { u8::MAX };
        Self { word: AtomicU64::new(fitness.into()), gated, ended: watch::Sender::new(0) }
    }

    /// Whether it is fit for all of this.
    pub(super) fn is_fit(&self, needs: u8) -> bool {
        self.word.load(Ordering::Acquire) & u64::from(needs) == u64::from(needs)
    }

    /// Counts a connection that has ended.
    pub(super) fn end(&self) {
        let gated = self.gated;
        let count = |word: u64| {
            let kept = if gated { 0 } else { word & u64::from(u8::MAX) };
            Some((((word >> BITS) + 1) << BITS) | kept)
        };
        let before = self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, count).unwrap_or_default();
        self.ended.send_if_modified(|ended| {
            let now = (before >> BITS) + 1;
            std::mem::replace(ended, now.max(*ended)) < now
        });
    }

    fn mark(&self, ended: u64, fitness: u8) -> bool {
        let mark = |word: u64| (word >> BITS == ended).then_some((ended << BITS) | u64::from(fitness));
        self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, mark).is_ok()
    }
}

/// Endpoints one by one, by their places.
impl Channel {
    /// How many endpoints there are.
    pub fn endpoints(&self) -> usize {
        self.inner.pool.subchannels.len()
    }

    /// Where an endpoint is, and why it could not be reached, where it cannot.
    pub fn place(&self, index: usize) -> Option<(String, Option<String>)> {
        self.inner.pool.subchannels.get(index).map(|one| one.place())
    }

    /// The same connections, with calls to this endpoint alone, whatever it is fit for. Without one at this place, every
    /// call fails.
    #[must_use]
    pub fn only(&self, index: usize) -> Self {
        let mut one = self.clone();
        one.view.only = Some(index);
        one.view.needs = None;
        one
    }

    /// The same connections, with calls only to endpoints that are marked as fit for all that `needs` says, a set of bits.
    /// It is asked anew whenever a waiting call looks for an endpoint.
    #[must_use]
    pub fn needing(&self, needs: impl Fn() -> u8 + Send + Sync + 'static) -> Self {
        let mut fit = self.clone();
        fit.view.needs = Some(Arc::new(needs));
        fit
    }

    /// How many connections of an endpoint have ended, or take no more calls.
    pub fn ended(&self, index: usize) -> u64 {
        self.inner
            .pool
            .subchannels
            .get(index)
            .map_or(0, |one| one.standing.word.load(Ordering::Acquire) >> BITS)
    }

    /// Resolves once more connections of an endpoint have ended than this.
    pub async fn more_ended(&self, index: usize, than: u64) {
        let Some(one) = self.inner.pool.subchannels.get(index) else { return std::future::pending().await };
        let mut ended = one.standing.ended.subscribe();
        // the sender lives as long as this
        let _ = ended.wait_for(|ended| *ended > than).await;
    }

    /// Marks an endpoint of a gated channel as fit for `fitness`, a set of bits, if no more of its connections have ended
    /// than `ended`; says whether that is so.
    pub fn mark(&self, index: usize, ended: u64, fitness: u8) -> bool {
        let Some(one) = self.inner.pool.subchannels.get(index) else { return false };
        let marked = one.standing.mark(ended, fitness);
        self.inner.pool.changed.send_replace(());
        marked
    }
}

#[cfg(test)]
mod tests {
    //! What a mark is worth once a connection has ended.

    use super::*;

    #[test]
    fn a_gated_endpoint_is_fit_for_what_it_was_marked_until_a_connection_ends() {
        let gated = Standing::new(true);
        assert!(gated.is_fit(0) && !gated.is_fit(1));
        assert!(gated.mark(0, 3));
        assert!(gated.is_fit(1) && gated.is_fit(3) && !gated.is_fit(4));
        gated.end();
        assert!(!gated.is_fit(1));
        assert!(!gated.mark(0, 3), "that was found of another connection");
        assert!(!gated.is_fit(1));
        assert!(gated.mark(1, 1) && gated.is_fit(1) && !gated.is_fit(2));
    }

    #[test]
    fn any_other_endpoint_stays_fit_for_everything() {
        let free = Standing::new(false);
        assert!(free.is_fit(u8::MAX));
        free.end();
        assert!(free.is_fit(u8::MAX));
    }

    #[test]
    fn ends_are_counted_and_told() {
        let gated = Standing::new(true);
        let told = gated.ended.subscribe();
        for _ in 0..3 {
            gated.end();
        }
        assert_eq!(*told.borrow(), 3);
        assert_eq!(gated.word.load(Ordering::Acquire) >> BITS, 3);
    }
}
