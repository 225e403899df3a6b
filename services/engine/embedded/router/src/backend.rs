//! One instance as the router sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::connect::Connect;
use crate::pool::Pool;

/// One instance: how to connect, what is in flight, whether it takes more.
#[derive(Debug)]
pub struct Backend {
    id: String,
    connect: Box<dyn Connect>,
    in_flight: AtomicUsize,
    draining: AtomicBool,
    idle: Notify,
    pool: Pool,
}

impl Backend {
    /// An instance of this id, which logs show, reached in this way.
    pub fn new(id: impl Into<String>, connect: impl Connect + 'static) -> Arc<Self> {
        Arc::new(Self {
            id: id.into(),
            connect: Box::new(connect),
            in_flight: AtomicUsize::new(0),
            draining: AtomicBool::new(false),
            idle: Notify::new(),
            pool: Pool::default(),
        })
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Requests and tunnels that are going on.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Gives it no new request from now on, for ever, and closes connections that are idle.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
        self.pool.close();
    }

    /// Whether [`Self::drain`] was called.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Waits until nothing is in flight, and then is true; false when `grace` has passed before.
    pub async fn drained(&self, grace: Duration) -> bool {
        let empty = async {
            loop {
                let changed = self.idle.notified();
                if self.in_flight() == 0 {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(grace, empty).await.is_ok()
    }

    /// Room for one request, unless it drains.
    pub(crate) fn admit(self: &Arc<Self>) -> Option<Ticket> {
        // counted before the look: whoever drains either sees the count or is seen here
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        let ticket = Ticket(Arc::clone(self));
        (!self.is_draining()).then_some(ticket)
    }

    pub(crate) fn connector(&self) -> &dyn Connect {
        &*self.connect
    }

    pub(crate) const fn pool(&self) -> &Pool {
        &self.pool
    }
}

/// One request or tunnel in flight.
#[derive(Debug)]
pub(crate) struct Ticket(Arc<Backend>);

impl Ticket {
    pub(crate) const fn backend(&self) -> &Arc<Backend> {
        &self.0
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.0.in_flight.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::Tcp;

    fn backend() -> Arc<Backend> {
        Backend::new("a", Tcp(([127, 0, 0, 1], 1).into()))
    }

    #[tokio::test(start_paused = true)]
    async fn drained_waits_for_what_is_in_flight() {
        let backend = backend();
        let ticket = backend.admit().unwrap();
        backend.drain();
        assert!(backend.admit().is_none());
        assert_eq!(backend.in_flight(), 1, "a refused request is not in flight");
        let waiting = tokio::spawn({
            let backend = Arc::clone(&backend);
            async move { backend.drained(Duration::from_secs(9)).await }
        });
        tokio::task::yield_now().await;
        drop(ticket);
        assert!(waiting.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn grace_ends_the_waiting() {
        let backend = backend();
        let _ticket = backend.admit().unwrap();
        assert!(!backend.drained(Duration::from_secs(9)).await);
    }
}
