//! Connections to one instance that wait for their next request.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use hyper::client::conn::http1::SendRequest;
use tokio::time::Instant;

use crate::backend::Backend;
use crate::body::Outgoing;

/// More than these are closed.
const IDLE: usize = 32;
/// Usual servers close an idle connection after five seconds or more; the few that close sooner meet a retry.
const KEEP: Duration = Duration::from_secs(4);
/// What cannot be sent twice goes only by a connection that was busy this lately.
const LATELY: Duration = Duration::from_secs(1);

/// Idle connections, the latest last.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    idle: VecDeque<Idle>,
    closed: bool,
    reaping: bool,
}

#[derive(Debug)]
struct Idle {
    sender: SendRequest<Outgoing>,
    since: Instant,
}

impl Pool {
    /// A connection that takes a request at once. One that could not be repeated (`once`) only gets a connection
    /// that was in use just now, because the other end may be about to close an older one.
    pub(crate) fn take(&self, once: bool) -> Option<SendRequest<Outgoing>> {
        let oldest = Instant::now().checked_sub(if once { LATELY } else { KEEP })?;
        let mut state = self.state();
        while let Some(candidate) = state.idle.pop_back() {
            if candidate.since < oldest {
                // older ones are before it; those that are still good stay for others
                if once {
                    state.idle.push_back(candidate);
                } else {
                    state.idle.clear();
                }
                return None;
            }
            if candidate.sender.is_ready() {
                return Some(candidate.sender);
            }
        }
        None
    }

    /// No connection is kept from now on.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.idle.clear();
    }

    /// Keeps a connection that is ready for its next request.
    pub(crate) fn put(&self, backend: &Arc<Backend>, sender: SendRequest<Outgoing>) {
        let mut state = self.state();
        if state.closed {
            return;
        }
        state.idle.push_back(Idle { sender, since: Instant::now() });
        if state.idle.len() > IDLE {
            state.idle.pop_front();
        }
        if !state.reaping {
            state.reaping = true;
            tokio::spawn(reap(Arc::downgrade(backend)));
        }
    }

    /// Closes what has been idle too long; when to look again, if anything is left.
    fn expire(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut state = self.state();
        while state.idle.front().is_some_and(|first| first.since + KEEP <= now) {
            state.idle.pop_front();
        }
        let next = state.idle.front().map(|first| first.since + KEEP);
        state.reaping = next.is_some();
        next
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs while an instance has idle connections.
async fn reap(backend: Weak<Backend>) {
    loop {
        let Some(next) = backend.upgrade().and_then(|backend| backend.pool().expire()) else { return };
        tokio::time::sleep_until(next).await;
    }
}
