//! What an embedded engine is given when it is opened.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::{Clock, Error, Secrets};

/// Who a tool is on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user that its instances run as, where the engine runs as root.
    pub uid: u32,
    /// The group that its instances run as, where the engine runs as root.
    pub gid: u32,
    /// Its home on this machine; instances see it as `/data/project/<tool>`.
    pub home: PathBuf,
}

/// Knows who a tool is. Given by the composition, which makes homes and numbers.
#[async_trait]
pub trait Identities: Send + Sync + fmt::Debug {
    /// The tool's user, group and home.
    ///
    /// # Errors
    /// The tool is not known, or cannot be looked up now; instances wait and ask again.
    async fn identity(&self, tool: &str) -> Result<Identity, Error>;
}

/// Told the name of every durable step, after it was made; for tests that end the process there.
pub type OnStep = Arc<dyn Fn(&'static str) + Send + Sync>;

/// Bits for names that must not repeat.
pub type Entropy = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Everything an engine needs to know.
#[derive(Clone)]
pub struct Config {
    /// The data directory; the engine keeps `engine/` and `images/` in it.
    pub data: PathBuf,
    /// The server's own binary, executed again as the holder of each run.
    pub exe: PathBuf,
    /// Where secret environment comes from.
    pub secrets: Arc<dyn Secrets>,
    /// Who tools are.
    pub identities: Arc<dyn Identities>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Randomness for the names of instances.
    pub entropy: Entropy,
    /// Below this the engine refuses to run instances of a second tool.
    pub apart: Apart,
    /// Addresses of instances.
    pub network: engine_network::Options,
    /// Directories of programs in which languages are looked for when the image catalogue is made.
    pub programs: Vec<PathBuf>,
    /// Limits that workloads do not choose.
    pub limits: Limits,
    /// Told every durable step.
    pub on_step: Option<OnStep>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("data", &self.data).field("exe", &self.exe).finish_non_exhaustive()
    }
}

/// What to do where tools cannot be kept apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Apart {
    /// Where instances are plain processes, only one tool may run any.
    #[default]
    Required,
    /// Run them all the same: an operator said that the tools trust each other.
    Trusted,
}

/// Limits that workloads do not choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most processes and threads of an instance.
    pub pids: u64,
    /// Most open files of a process.
    pub nofile: u64,
    /// Size at which a log segment is closed, in bytes.
    pub log_segment_bytes: u64,
    /// Most output kept of an instance, in bytes.
    pub log_total_bytes: u64,
    /// How much output is kept of all instances together, and how long.
    pub logs: engine_logs::Retention,
    /// How long requests may go on in an instance that is replaced, before it is stopped.
    pub drain: Duration,
    /// How long things without a workload may stay after the start.
    pub orphans: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pids: 1024,
            nofile: 65_536,
            log_segment_bytes: 1 << 20,
            log_total_bytes: 64 << 20,
            logs: engine_logs::Retention::default(),
            drain: Duration::from_secs(30),
            orphans: Duration::from_mins(1),
        }
    }
}

/// Randomness of the operating system.
pub fn system_entropy() -> Entropy {
    use std::hash::{BuildHasher, Hasher, RandomState};
    // every RandomState has keys of its own, drawn by the standard library
    Arc::new(|| RandomState::new().build_hasher().finish())
}
