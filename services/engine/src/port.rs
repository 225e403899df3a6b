//! The port itself: what every engine does.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::stream::BoxStream;
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::{
    Condition, Error, ExitStatus, Image, Instance, InstanceId, LogEntry, LogPage, LogQuery, Workload,
    WorkloadId,
};

/// Runs workloads. Every call is idempotent and may be repeated after a crash of the caller or of the engine.
#[async_trait]
pub trait Engine: Send + Sync + fmt::Debug {
    /// Makes the workload so. Returns once that is durable; instances follow by themselves. A `Once` workload that
    /// has finished is not started again; a lower generation than the applied one changes nothing.
    async fn apply(&self, workload: Workload) -> Result<(), Error>;

    /// Stops and forgets the workload: polite signal, grace, kill. Instances report their end, then
    /// [`Observation::Gone`]. An unknown workload is fine. Logs stay for their retention.
    async fn delete(&self, id: &WorkloadId) -> Result<(), Error>;

    /// Forgets every workload that is not listed: called once after a start, when all that is wanted was applied.
    async fn retain(&self, wanted: &[WorkloadId]) -> Result<(), Error>;

    /// Replaces every instance of an `Always` workload, a ready new one before an old one is drained. Repeating it
    /// with the same `at` does nothing.
    async fn restart(&self, id: &WorkloadId, at: Timestamp) -> Result<(), Error>;

    /// Sends a signal to an instance's processes.
    async fn signal(&self, id: &InstanceId, signal: Signal) -> Result<(), Error>;

    /// The current instances and conditions, then [`Observation::Synced`], then every change. A receiver that is too
    /// slow gets the stream ended, and asks again.
    async fn observe(&self) -> Result<BoxStream<'static, Observation>, Error>;

    /// One page of kept output.
    async fn logs(&self, query: LogQuery) -> Result<LogPage, Error>;

    /// Output kept so far within the query (oldest first), then what is written, until every instance of the job has
    /// ended (a job that always runs: until the receiver leaves). `page_size`, `direction` and `cursor` do not count.
    async fn follow(&self, query: LogQuery) -> Result<BoxStream<'static, Result<LogEntry, Error>>, Error>;

    /// Connects to the standard streams of an instance, from now on.
    async fn attach(&self, id: &InstanceId) -> Result<Attachment, Error>;

    /// The images that can be run now.
    async fn images(&self) -> Result<Vec<Image>, Error>;

    /// What this engine really enforces, found by trying it.
    async fn capabilities(&self) -> Result<Capabilities, Error>;
}

/// Secret values of a tool, asked for when an instance starts. The one way by which they reach an engine.
#[async_trait]
pub trait Secrets: Send + Sync + fmt::Debug {
    /// Names and values of the tool's secret environment, now.
    async fn environment(&self, tool: &str) -> Result<Vec<(String, String)>, Error>;
}

/// A signal that users may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Ask to end.
    Terminate,
    /// Interrupt, as Ctrl-C does.
    Interrupt,
    /// End now.
    Kill,
    /// Reload.
    Hangup,
}

/// One thing seen.
#[allow(clippy::large_enum_variant, reason = "nearly all that is seen are instances")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// An instance is now so.
    Instance(Instance),
    /// An instance and all it held is gone.
    Gone(InstanceId),
    /// A condition of a workload is now so.
    Condition(Condition),
    /// Everything that holds now was told.
    Synced,
}

/// A connection to an instance's standard streams.
pub struct Attachment {
    /// Standard input, where the workload keeps it open; dropping the sender closes it.
    pub input: Option<mpsc::Sender<Bytes>>,
    /// What the instance writes, and its end.
    pub output: BoxStream<'static, Output>,
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment").field("input", &self.input.is_some()).finish_non_exhaustive()
    }
}

/// What comes out of an attached instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Bytes of standard output.
    Stdout(Bytes),
    /// Bytes of standard error.
    Stderr(Bytes),
    /// The process ended; the last item.
    Exited(ExitStatus),
}

/// What an engine really enforces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// How far instances are kept apart.
    pub isolation: Isolation,
    /// Whether memory limits hold.
    pub memory: Enforcement,
    /// Whether processor limits hold.
    pub cpu: Enforcement,
    /// Whether the number of processes is limited.
    pub pids: Enforcement,
    /// Whether every instance has an address of its own.
    pub addresses: bool,
    /// What is missing and how to enable it, a sentence each.
    pub notes: Vec<String>,
}

/// How far instances are kept apart (`docs/` has the table).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isolation {
    /// A plain process: not a boundary between tools.
    Process,
    /// Namespaces in a user namespace, one uid for all tools.
    UserNamespaces,
    /// Namespaces with a uid per tool, or pods.
    Full,
}

/// Whether a limit holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Enforcement {
    /// By the kernel, for the whole instance.
    Enforced,
    /// By a per-process limit only.
    PerProcess,
    /// Not at all; the number is advice.
    Advisory,
}
