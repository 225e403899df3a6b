//! An engine for tests: the port's semantics with pretended processes, on a clock that only the test moves.
//!
//! Nothing happens in the background. A call does at once what is due at the present time; all else happens while
//! [`ManualClock::advance`] runs, in order, each thing at its own time. The same calls give the same result always.

mod clock;
mod output;
mod process;
mod reconcile;
mod script;
mod state;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, Weak};
use std::task::Poll;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use tokio::sync::mpsc;

use self::clock::lock;
use self::state::State;
use crate::{
    Attachment, Capabilities, Clock, Condition, ConditionKind, Enforcement, Engine, Error, ExitReason,
    ExitStatus, Image, ImageState, InstanceId, Isolation, LogEntry, LogPage, LogQuery, Observation, Output,
    Signal, WebDefaults, Workload, WorkloadId,
};

pub use self::clock::{ManualClock, Timed};
pub use self::script::{Script, Step};

/// Decides what the process of a workload does, given how many instances it had before.
pub type Choose = Box<dyn Fn(&Workload, u32) -> Script + Send + Sync>;

/// What can be set when a memory engine is made.
pub struct Options {
    /// The catalogue.
    pub images: Vec<Image>,
    /// What the engine says that it enforces.
    pub capabilities: Capabilities,
    /// How many changes an observer may be behind before its stream is ended.
    pub observer_capacity: usize,
    /// The behaviour of processes; [`Script::of`] the command where a test has no other wish.
    pub choose: Choose,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("images", &self.images).finish_non_exhaustive()
    }
}

impl Default for Options {
    /// Two images, `bookworm` and `python3.11` (which has a web variant); commands are understood as shell.
    fn default() -> Self {
        Self {
            images: vec![image("bookworm", None), image("python3.11", Some(web()))],
            capabilities: Capabilities {
                isolation: Isolation::Full,
                memory: Enforcement::Enforced,
                cpu: Enforcement::Enforced,
                pids: Enforcement::Enforced,
                addresses: true,
                notes: Vec::new(),
            },
            observer_capacity: 4096,
            choose: Box::new(|workload, _| Script::of(&workload.command)),
        }
    }
}

/// A call that a test can make fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// [`Engine::apply`]
    Apply,
    /// [`Engine::delete`]
    Delete,
    /// [`Engine::retain`]
    Retain,
    /// [`Engine::restart`]
    Restart,
    /// [`Engine::signal`]
    Signal,
    /// [`Engine::observe`]
    Observe,
    /// [`Engine::logs`]
    Logs,
    /// [`Engine::follow`]
    Follow,
    /// [`Engine::attach`]
    Attach,
    /// [`Engine::images`]
    Images,
    /// [`Engine::capabilities`]
    Capabilities,
}

/// The engine. Clones are the same engine.
#[derive(Clone, Debug)]
pub struct Memory {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<ManualClock>,
    choose: Choose,
    state: Mutex<State>,
}

impl Memory {
    /// An engine on a clock, with everything else as usual.
    pub fn new(clock: &Arc<ManualClock>) -> Self {
        Self::with(clock, Options::default())
    }

    /// An engine as the test wants it.
    pub fn with(clock: &Arc<ManualClock>, mut options: Options) -> Self {
        let choose = std::mem::replace(&mut options.choose, Box::new(|_, _| Script::default()));
        let state = Mutex::new(State::new(options, clock.now()));
        let shared = Arc::new(Shared { clock: Arc::clone(clock), choose, state });
        let timed: Weak<dyn Timed> = Arc::downgrade(&(Arc::clone(&shared) as Arc<dyn Timed>));
        clock.register(timed);
        Self { shared }
    }

    /// Makes the next such call fail. May be asked several times.
    pub fn fail_next(&self, call: Call, error: Error) {
        lock(&self.shared.state).faults.push_back((call, error));
    }

    /// Refuses to make instances from now on and reports why as a condition; makes them again when none.
    pub fn refuse(&self, why: Option<ConditionKind>) {
        self.shared.act(|state| {
            state.refusal = why;
            let all: Vec<WorkloadId> = state.entries.keys().cloned().collect();
            for id in all {
                state.soon(state::Event::Reconcile(id));
            }
        });
    }

    /// Ends the process of an instance from outside, for example with [`ExitReason::Lost`].
    pub fn end(&self, id: &InstanceId, status: ExitStatus, reason: ExitReason) {
        self.shared.act(|state| state.end(id, status, reason, None));
    }

    /// Ends the streams of all observers, as an engine does that lost its connection.
    pub fn drop_observers(&self) {
        lock(&self.shared.state).observers.clear();
    }

    /// Adds an image, as a build does.
    pub fn add_image(&self, image: Image) {
        lock(&self.shared.state).options.images.push(image);
    }

    /// The workloads that were applied and not deleted, with their newest definition.
    pub fn workloads(&self) -> Vec<Workload> {
        lock(&self.shared.state).entries.values().map(|entry| entry.workload.clone()).collect()
    }
}

impl Shared {
    /// Does something, and whatever becomes due by it at the present time.
    fn act<T>(&self, action: impl FnOnce(&mut State) -> T) -> T {
        let now = self.clock.now();
        let mut state = lock(&self.state);
        state.now = state.now.max(now);
        let result = action(&mut state);
        state.run(now, &self.choose);
        result
    }
}

impl Timed for Shared {
    fn next(&self) -> Option<Timestamp> {
        lock(&self.state).next()
    }

    fn run(&self, now: Timestamp) {
        lock(&self.state).run(now, &self.choose);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("clock", &self.clock).finish_non_exhaustive()
    }
}

#[async_trait]
impl Engine for Memory {
    async fn apply(&self, workload: Workload) -> Result<(), Error> {
        self.shared.act(|state| {
            state.fault(Call::Apply)?;
            state.apply(workload)
        })
    }

    async fn delete(&self, id: &WorkloadId) -> Result<(), Error> {
        self.shared.act(|state| {
            state.fault(Call::Delete)?;
            state.delete(id);
            Ok(())
        })
    }

    async fn retain(&self, wanted: &[WorkloadId]) -> Result<(), Error> {
        self.shared.act(|state| {
            state.fault(Call::Retain)?;
            let all: Vec<WorkloadId> = state.entries.keys().cloned().collect();
            for id in all.into_iter().filter(|id| !wanted.contains(id)) {
                state.delete(&id);
            }
            Ok(())
        })
    }

    async fn restart(&self, id: &WorkloadId, at: Timestamp) -> Result<(), Error> {
        self.shared.act(|state| {
            state.fault(Call::Restart)?;
            state.restart(id, at)
        })
    }

    async fn signal(&self, id: &InstanceId, signal: Signal) -> Result<(), Error> {
        self.shared.act(|state| {
            state.fault(Call::Signal)?;
            if state.signal(id, signal) { Ok(()) } else { Err(Error::UnknownInstance(id.clone())) }
        })
    }

    async fn observe(&self) -> Result<BoxStream<'static, Observation>, Error> {
        self.shared.act(|state| {
            state.fault(Call::Observe)?;
            let (sender, receiver) = mpsc::channel(state.options.observer_capacity.max(1));
            state.observers.push(sender);
            let instances = state.runs.values().map(|run| Observation::Instance(run.instance.clone()));
            let now = state.now;
            let conditions = state.entries.values().filter_map(|entry| {
                let (workload, kind) = (entry.workload.id.clone(), entry.condition.clone()?);
                Some(Observation::Condition(Condition { workload, kind, since: now }))
            });
            let known: Vec<_> = instances.chain(conditions).chain([Observation::Synced]).collect();
            let changes = stream::unfold(receiver, async |mut receiver| {
                receiver.recv().await.map(|seen| (seen, receiver))
            });
            Ok(stream::iter(known).chain(changes).boxed())
        })
    }

    async fn logs(&self, query: LogQuery) -> Result<LogPage, Error> {
        self.shared.act(|state| {
            state.fault(Call::Logs)?;
            state.page(&query)
        })
    }

    async fn follow(&self, query: LogQuery) -> Result<BoxStream<'static, Result<LogEntry, Error>>, Error> {
        self.shared.act(|state| {
            state.fault(Call::Follow)?;
            Ok(state.follow(query))
        })
    }

    async fn attach(&self, id: &InstanceId) -> Result<Attachment, Error> {
        let (sender, output) = mpsc::unbounded_channel();
        let stdin = self.shared.act(|state| {
            state.fault(Call::Attach)?;
            let run = state.runs.get_mut(id).filter(|run| !run.instance.is_finished());
            let run = run.ok_or_else(|| Error::UnknownInstance(id.clone()))?;
            run.attached.push(sender);
            Ok::<bool, Error>(run.workload.stdin)
        })?;
        let (sender, receiver) = mpsc::channel(16);
        let input = stdin.then_some(sender);
        let output = pump(Arc::clone(&self.shared), id.clone(), receiver, output);
        Ok(Attachment { input, output })
    }

    async fn images(&self) -> Result<Vec<Image>, Error> {
        self.shared.act(|state| {
            state.fault(Call::Images)?;
            Ok(state.options.images.clone())
        })
    }

    async fn capabilities(&self) -> Result<Capabilities, Error> {
        self.shared.act(|state| {
            state.fault(Call::Capabilities)?;
            Ok(state.options.capabilities.clone())
        })
    }
}

/// The output of an attached instance; it takes the input along when it is polled, because there is no thread to do so.
fn pump(
    shared: Arc<Shared>,
    id: InstanceId,
    input: mpsc::Receiver<Bytes>,
    mut output: mpsc::UnboundedReceiver<Output>,
) -> BoxStream<'static, Output> {
    let mut input = Some(input);
    let polled = stream::poll_fn(move |context| {
        while let Some(Poll::Ready(bytes)) = input.as_mut().map(|input| input.poll_recv(context)) {
            shared.act(|state| state.input(&id, bytes.as_ref()));
            if bytes.is_none() {
                input = None;
            }
        }
        output.poll_recv(context)
    });
    polled.boxed()
}

fn image(shortname: &str, web: Option<WebDefaults>) -> Image {
    let url = format!("registry.example.org/{shortname}:latest");
    Image {
        shortname: shortname.to_owned(),
        variant_urls: vec![url.trim_end_matches(":latest").to_owned()],
        url,
        aliases: vec![format!("tf-{shortname}")],
        state: ImageState::Stable,
        web,
    }
}

fn web() -> WebDefaults {
    let command = ["webservice-runner", "--port", "{port}"].map(str::to_owned).to_vec();
    WebDefaults { command, port: 8000, memory: None }
}
