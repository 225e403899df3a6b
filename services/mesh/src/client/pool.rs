//! The connections of a channel: one per endpoint, more where a server's stream limit asks for it, with pauses after failures.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mesh_http2::Sender;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tonic::Status;

use super::Times;
use super::connect::{self, Connection};
use super::endpoint::Endpoint;
use super::standing::Standing;

/// Connections to one endpoint; calls beyond their streams wait (gRFC A105).
const MAX_CONNECTIONS: usize = 64;

#[derive(Debug)]
pub(super) struct Pool {
    pub(super) subchannels: Vec<Arc<Subchannel>>,
    times: Arc<Times>,
    /// Told when a call that found no endpoint should look again.
    pub(super) changed: Arc<watch::Sender<()>>,
    random: fn() -> u64,
}

/// The endpoints that a call may use.
#[derive(Clone, Default)]
pub(super) struct View {
    /// The one at this place.
    pub(super) only: Option<usize>,
    /// Those that are fit for all of what this says; asked at every look, for a call may wait while it changes.
    pub(super) needs: Option<Arc<dyn Fn() -> u8 + Send + Sync>>,
}

impl View {
    fn needs(&self) -> u8 {
        self.needs.as_ref().map_or(0, |needs| needs())
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("only", &self.only).field("needs", &self.needs()).finish()
    }
}

/// A place on a connection, for one call until its last byte.
#[derive(Debug)]
pub(super) struct Lease {
    connection: Arc<Connection>,
    subchannel: Arc<Subchannel>,
}

impl Lease {
    fn take(connection: Arc<Connection>, subchannel: &Arc<Subchannel>) -> Self {
        connection.calls.fetch_add(1, Ordering::AcqRel);
        Self { connection, subchannel: Arc::clone(subchannel) }
    }

    pub(super) fn sender(&self) -> &Sender {
        &self.connection.sender
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.subchannel.endpoint
    }

    /// Takes the connection out of use.
    pub(super) fn retire(&self) {
        self.connection.retire();
    }

    /// Says that the connection has ended, or that its server wants it to.
    pub(super) fn closed(&self) {
        if self.connection.retire() {
            self.subchannel.standing.end();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.connection.calls.fetch_sub(1, Ordering::AcqRel);
        let changed = &self.subchannel.changed;
        if changed.receiver_count() > 0 {
            changed.send_replace(());
        }
    }
}

impl Pool {
    pub(super) fn new(endpoints: Vec<Endpoint>, times: Times, random: fn() -> u64) -> Self {
        let changed = Arc::new(watch::Sender::new(()));
        let subchannel = |endpoint| {
            let standing = Arc::new(Standing::new(false));
            Arc::new(Subchannel::new(endpoint, standing, Arc::clone(&changed)))
        };
        let subchannels = endpoints.into_iter().map(subchannel).collect();
        Self { subchannels, times: Arc::new(times), changed, random }
    }

    /// A pool of the same endpoints, without a connection. What one of them is fit for is known in both.
    pub(super) fn apart(&self) -> Self {
        self.again(Arc::clone(&self.changed), Arc::clone)
    }

    /// A pool of the same endpoints, without a connection, which are fit for nothing yet.
    pub(super) fn gated(&self) -> Self {
        self.again(Arc::new(watch::Sender::new(())), |_| Arc::new(Standing::new(true)))
    }

    fn again(
        &self,
        changed: Arc<watch::Sender<()>>,
        standing: impl Fn(&Arc<Standing>) -> Arc<Standing>,
    ) -> Self {
        let again = |one: &Arc<Subchannel>| {
            let standing = standing(&one.standing);
            Arc::new(Subchannel::new(one.endpoint.clone(), standing, Arc::clone(&changed)))
        };
        let subchannels = self.subchannels.iter().map(again).collect();
        Self { subchannels, times: Arc::clone(&self.times), changed, random: self.random }
    }

    /// A place on a connection; waits for one at most as long as the channel's times say.
    pub(super) async fn lease(&self, view: &View) -> Result<Lease, Status> {
        match self.pick(view) {
            Some(lease) => Ok(lease),
            // boxed: a timer would make the room of every call larger
            None => Box::pin(self.wait(view)).await,
        }
    }

    async fn wait(&self, view: &View) -> Result<Lease, Status> {
        let until = Instant::now() + self.times.wait;
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            if let Some(lease) = self.pick(view) {
                return Ok(lease);
            }
            let again = self.within(view).filter_map(|one| one.state().retry_at).min();
            tokio::select! {
                _ = changed.changed() => {}
                () = sleep_until(again.unwrap_or(until).min(until)) => {
                    if Instant::now() >= until {
                        return Err(self.unavailable(view));
                    }
                }
            }
        }
    }

    /// The endpoints of a view.
    fn within(&self, view: &View) -> impl Iterator<Item = &Arc<Subchannel>> {
        let all = match view.only {
            Some(index) => self.subchannels.get(index..=index).unwrap_or_default(),
            None => &self.subchannels[..],
        };
        let needs = view.needs();
        all.iter().filter(move |one| one.standing.is_fit(needs))
    }

    /// The less busy of two endpoints that have a connection; the others begin to connect.
    fn pick(&self, view: &View) -> Option<Lease> {
        if let [only] = &self.subchannels[..] {
            let fit = view.only.unwrap_or(0) == 0 && only.standing.is_fit(view.needs());
            return fit.then(|| self.ready(only)).flatten().map(|found| Lease::take(found, only));
        }
        let mut ready: Vec<_> = self.within(view).filter_map(|one| Some((self.ready(one)?, one))).collect();
        let index = match ready.len() {
            0 => return None,
            1 => 0,
            count => {
                let count = count as u64;
                let first = (self.random)() % count;
                let second = (first + 1 + (self.random)() % (count - 1)) % count;
                let [first, second] = [first, second].map(|one| usize::try_from(one).unwrap_or_default());
                let load = |index: usize| ready[index].0.calls.load(Ordering::Acquire);
                if load(second) < load(first) { second } else { first }
            }
        };
        let (connection, subchannel) = ready.swap_remove(index);
        Some(Lease::take(connection, subchannel))
    }

    /// The least busy connection of an endpoint. Where there is none with room, another is begun.
    fn ready(&self, subchannel: &Arc<Subchannel>) -> Option<Arc<Connection>> {
        let mut state = subchannel.state();
        if let [only] = &state.connections[..]
            && only.is_usable()
            && only.has_room()
        {
            return Some(Arc::clone(only));
        }
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
            let (owner, told) = (Arc::clone(&subchannel), Arc::clone(&changed));
            let ended = move |was_used: bool| {
                if was_used {
                    owner.standing.end();
                }
                told.send_replace(());
            };
            let opened = connect::open(&subchannel.endpoint, &times, ended).await;
            let mut state = subchannel.state();
            state.connecting = false;
            match opened {
                Ok(connection) => {
                    state.failures = 0;
                    state.error = None;
                    state.connections.push(connection);
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

    fn unavailable(&self, view: &View) -> Status {
        let all = View { only: view.only, needs: None };
        let why = self.within(&all).find_map(|one| {
            let error = one.state().error.clone()?;
            Some(format!("no connection to {}: {error}", one.endpoint))
        });
        Status::unavailable(why.unwrap_or_else(|| "no connection came about in time".into()))
    }
}

#[derive(Debug)]
pub(super) struct Subchannel {
    endpoint: Endpoint,
    pub(super) standing: Arc<Standing>,
    /// As the pool has it.
    changed: Arc<watch::Sender<()>>,
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
    /// Where it is, and why it could not be reached, where there is no connection.
    pub(super) fn place(&self) -> (String, Option<String>) {
        let state = self.state();
        let error = state.error.clone().filter(|_| state.connections.is_empty());
        (self.endpoint.to_string(), error)
    }

    fn new(endpoint: Endpoint, standing: Arc<Standing>, changed: Arc<watch::Sender<()>>) -> Self {
        Self { endpoint, standing, changed, state: Mutex::default() }
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
