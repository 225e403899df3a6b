//! The connections of a channel: one per endpoint, more where a server's stream limit asks for it, with pauses after failures.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tonic::Status;

use super::Times;
use super::connect::{self, Connection, Sender};
use super::endpoint::Endpoint;

/// Connections to one endpoint; calls beyond their streams wait (gRFC A105).
const MAX_CONNECTIONS: usize = 8;

#[derive(Debug)]
pub(super) struct Pool {
    subchannels: Vec<Arc<Subchannel>>,
    times: Arc<Times>,
    changed: Arc<watch::Sender<()>>,
    random: fn() -> u64,
}

/// A place on a connection, for one call until its last byte.
#[derive(Debug)]
pub struct Lease {
    connection: Arc<Connection>,
    subchannel: Arc<Subchannel>,
}

impl Lease {
    fn take(connection: &Arc<Connection>, subchannel: &Arc<Subchannel>) -> Self {
        connection.calls.fetch_add(1, Ordering::AcqRel);
        Self { connection: Arc::clone(connection), subchannel: Arc::clone(subchannel) }
    }

    pub(super) fn sender(&self) -> Sender {
        self.connection.sender()
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.subchannel.endpoint
    }

    /// Says that the connection takes no more streams.
    pub(super) fn retire(&self) {
        self.connection.retire();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.connection.calls.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Pool {
    pub(super) fn new(endpoints: Vec<Endpoint>, times: Times, random: fn() -> u64) -> Self {
        let subchannels = endpoints.into_iter().map(|endpoint| Arc::new(Subchannel::new(endpoint))).collect();
        Self { subchannels, times: Arc::new(times), changed: Arc::new(watch::Sender::new(())), random }
    }

    /// A pool of the same endpoints, without a connection.
    pub(super) fn apart(&self) -> Self {
        let endpoints = self.subchannels.iter().map(|one| one.endpoint.clone()).collect();
        Self::new(endpoints, (*self.times).clone(), self.random)
    }

    /// A place on a connection; waits for one at most as long as the channel's times say.
    pub(super) async fn lease(&self) -> Result<Lease, Status> {
        let until = Instant::now() + self.times.wait;
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            if let Some(lease) = self.pick() {
                return Ok(lease);
            }
            let again = self.subchannels.iter().filter_map(|one| one.state().retry_at).min();
            tokio::select! {
                _ = changed.changed() => {}
                () = sleep_until(again.unwrap_or(until).min(until)) => {
                    if Instant::now() >= until {
                        return Err(self.unavailable());
                    }
                }
            }
        }
    }

    /// The less busy of two endpoints that have a connection; the others begin to connect.
    fn pick(&self) -> Option<Lease> {
        let ready: Vec<_> = self.subchannels.iter().filter_map(|one| Some((one, self.ready(one)?))).collect();
        let (subchannel, connection) = match &ready[..] {
            [] => return None,
            [only] => only,
            many => {
                let count = many.len() as u64;
                let first = (self.random)() % count;
                let second = (first + 1 + (self.random)() % (count - 1)) % count;
                let at = |index: u64| &many[usize::try_from(index).unwrap_or_default()];
                let load = |index: u64| at(index).1.calls.load(Ordering::Acquire);
                if load(second) < load(first) { at(second) } else { at(first) }
            }
        };
        Some(Lease::take(connection, subchannel))
    }

    /// The least busy connection of an endpoint. Where there is none with room, another is begun.
    fn ready(&self, subchannel: &Arc<Subchannel>) -> Option<Arc<Connection>> {
        let mut state = subchannel.state();
        state.connections.retain(|connection| connection.is_usable());
        let least = state.connections.iter().min_by_key(|one| one.calls.load(Ordering::Acquire)).cloned();
        let full = state.connections.len() >= MAX_CONNECTIONS;
        match least {
            Some(connection) if full || connection.has_room() => Some(connection),
            other => {
                let due = state.retry_at.is_none_or(|at| at <= Instant::now());
                if !state.connecting && due {
                    state.connecting = true;
                    state.retry_at = None;
                    self.begin(subchannel);
                }
                // a full connection still serves where another cannot be had
                other.filter(|_| state.failures > 0)
            }
        }
    }

    fn begin(&self, subchannel: &Arc<Subchannel>) {
        let subchannel = Arc::clone(subchannel);
        let (times, changed, random) = (Arc::clone(&self.times), Arc::clone(&self.changed), self.random);
        tokio::spawn(async move {
            let opened = connect::open(&subchannel.endpoint, &times, Arc::clone(&changed)).await;
            let mut state = subchannel.state();
            state.connecting = false;
            match opened {
                Ok(connection) => {
                    state.failures = 0;
                    state.connections.push(Arc::new(connection));
                }
                Err(error) => {
                    tracing::debug!(endpoint = %subchannel.endpoint, %error, "no connection");
                    state.retry_at = Some(Instant::now() + pause(&times, state.failures, random()));
                    state.failures = state.failures.saturating_add(1);
                    state.error = Some(error.to_string());
                }
            }
            drop(state);
            changed.send_replace(());
        });
    }

    fn unavailable(&self) -> Status {
        let why = self.subchannels.iter().find_map(|one| {
            let error = one.state().error.clone()?;
            Some(format!("no connection to {}: {error}", one.endpoint))
        });
        Status::unavailable(why.unwrap_or_else(|| "no connection came about in time".into()))
    }
}

#[derive(Debug)]
struct Subchannel {
    endpoint: Endpoint,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    connections: Vec<Arc<Connection>>,
    connecting: bool,
    /// Failed attempts since the last connection.
    failures: u32,
    /// No attempt before this time.
    retry_at: Option<Instant>,
    error: Option<String>,
}

impl Subchannel {
    fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pause after so many failures: ×1.6 each, within 20 % (gRPC connection back-off, with shorter times).
fn pause(times: &Times, failures: u32, random: u64) -> Duration {
    let grown = (0..failures.min(32)).fold(times.min_pause, |pause, _| (pause * 8 / 5).min(times.max_pause));
    let permille = 800 + u32::try_from(random % 401).unwrap_or(200);
    grown / 1000 * permille
}

#[cfg(test)]
mod tests {
    //! The pauses.

    use super::*;

    #[test]
    fn pauses_grow_to_a_cap_and_vary_by_a_fifth() {
        let times = Times::default();
        let middle = |failures| pause(&times, failures, 200).as_millis();
        assert_eq!([middle(0), middle(1), middle(2)], [100, 160, 256]);
        assert_eq!(middle(99), 10_000);
        assert_eq!(pause(&times, 0, 0).as_millis(), 80);
        assert_eq!(pause(&times, 0, 400).as_millis(), 120);
    }
}
