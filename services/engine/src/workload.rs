//! What an engine is asked to run.

use std::fmt;
use std::time::Duration;

/// The identity of a workload: the uid of a run, or of a job that always runs. Never used twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkloadId(pub String);

impl fmt::Display for WorkloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One thing to run, complete: an engine looks nowhere else, except for secret values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its identity.
    pub id: WorkloadId,
    /// Rises with every change of the definition; instances report the one they were started from.
    pub generation: u64,
    /// The tool that owns it: decides uid, home, limits of reach.
    pub tool: String,
    /// The job's name: names the service address, and the instances (`<name>-…`).
    pub name: String,
    /// Once or always.
    pub kind: Kind,
    /// The URL or short name of a catalogue image, or the reference of a built one.
    pub image: String,
    /// What to execute.
    pub command: Command,
    /// Plain environment, in order; no secret is ever here.
    pub env: Vec<(String, String)>,
    /// Whether the tool's secrets are given as environment, through the [`Secrets`](crate::Secrets) port.
    pub secrets: bool,
    /// Which file systems it sees.
    pub mounts: Mounts,
    /// Requests and limits.
    pub resources: Resources,
    /// How to tell that an instance has started and lives.
    pub probe: Option<Probe>,
    /// The port it listens on.
    pub port: Option<Port>,
    /// Where it is published.
    pub expose: Option<Expose>,
    /// Time between the polite signal and the kill.
    pub grace: Duration,
    /// Keep standard input open for [`attach`](crate::Engine::attach).
    pub stdin: bool,
}

impl Workload {
    /// Whether an instance of `other` is as good as one of this: they differ at most in generation, number of
    /// replicas and place of publication, for which no instance is replaced.
    pub fn runs_like(&self, other: &Self) -> bool {
        let same_kind = match (&self.kind, &other.kind) {
            (Kind::Always { .. }, Kind::Always { .. }) => true,
            (one, another) => one == another,
        };
        let adapted = Self {
            generation: self.generation,
            kind: self.kind.clone(),
            expose: self.expose.clone(),
            ..other.clone()
        };
        same_kind && adapted == *self
    }
}

/// How long a workload runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Until it ends; a failure is tried again.
    Once {
        /// How many more times after a failure; each is a new instance.
        retries: u32,
        /// Killed when it runs longer, all tries together.
        deadline: Option<Duration>,
    },
    /// For ever: restarted with back-off inside the same instance, replaced by surge then drain.
    Always {
        /// How many instances at a time.
        replicas: u32,
    },
}

/// What to execute (contract 3.18).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A script for `/bin/sh -c --`.
    Shell(String),
    /// A program with its arguments.
    Argv(Vec<String>),
    /// The same through the image's `launcher`, which knows the processes of a built image.
    Launcher(Vec<String>),
}

/// Which file systems a workload sees (contract 3.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mounts {
    /// The tool's home and what the site shares; the working directory is the home.
    All,
    /// The image alone.
    None,
}

/// Processor and memory (contract 3.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resources {
    /// Guaranteed share, in thousandths of a core.
    pub cpu_request_millis: u64,
    /// Most it may use, in thousandths of a core.
    pub cpu_limit_millis: u64,
    /// Guaranteed memory, in bytes.
    pub memory_request_bytes: u64,
    /// Killed above it, in bytes.
    pub memory_limit_bytes: u64,
}

/// A listening port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Port {
    /// Its number, never 0.
    pub number: u16,
    /// Its transport.
    pub protocol: Protocol,
}

/// The transport of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A health check, used for start and for life (contract 3.16).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What is checked.
    pub check: ProbeCheck,
    /// Each try ends after this.
    pub timeout: Duration,
    /// Period of the startup probe, which must succeed once.
    pub startup_period: Duration,
    /// Failures of the startup probe before the instance is restarted.
    pub startup_failures: u32,
    /// Period of the liveness probe.
    pub liveness_period: Duration,
    /// Failures in a row of the liveness probe before the instance is restarted.
    pub liveness_failures: u32,
}

impl Probe {
    /// The contract's timing (3.16) around a check.
    pub const fn new(check: ProbeCheck) -> Self {
        Self {
            check,
            timeout: Duration::from_secs(5),
            startup_period: Duration::from_secs(1),
            startup_failures: 120,
            liveness_period: Duration::from_secs(10),
            liveness_failures: 3,
        }
    }
}

/// What a probe does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeCheck {
    /// Executes a command inside the instance; exit code 0 is healthy.
    Exec(Command),
    /// GETs a path on a port; 200 to 399 is healthy.
    Http {
        /// Path, beginning with `/`.
        path: String,
        /// Port of the instance.
        port: u16,
    },
    /// Opens a TCP connection.
    Tcp {
        /// Port of the instance.
        port: u16,
    },
}

/// Where a workload is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expose {
    /// The first label of the host name: the tool.
    pub host: String,
    /// Path prefix, `/` for all.
    pub path: String,
}
