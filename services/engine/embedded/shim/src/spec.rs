//! What a shim is asked to run: written to `spec.json` by [`spawn`](crate::spawn). No secret is ever in it.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cgroup::Parent;

/// One run of one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The instance's name; names its control groups.
    pub instance: String,
    /// The tool that owns it.
    pub tool: String,
    /// The login name that the uid has inside, and `USER`; for example `tools.alpha`.
    pub user: String,
    /// What to execute; `argv[0]` is looked up on the run's `PATH` when it has no slash.
    pub argv: Vec<String>,
    /// Working directory, as the run sees it.
    pub cwd: PathBuf,
    /// The user to run as. Below [`Tier::Full`] it is only a name for the user of the shim.
    pub uid: u32,
    /// The group to run as.
    pub gid: u32,
    /// What it can see.
    pub sandbox: Sandbox,
    /// What it can use.
    pub limits: Limits,
    /// Time between the polite signal and the kill, where a deadline ends the run.
    pub grace: Duration,
    /// The run is stopped when it takes longer than this.
    pub deadline: Option<Duration>,
    /// Keep standard input open for [`encode_input`](crate::protocol::encode_input); else it is empty.
    pub stdin: bool,
    /// Where its output goes.
    pub logs: LogSpec,
}

/// What a run can see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandbox {
    /// How far it is kept apart.
    pub tier: Tier,
    /// The allow-list: everything of the host that it sees, see [`host_binds`](crate::host_binds).
    /// Applied in order, after `rootfs` and before everything the sandbox makes by itself.
    pub root: Vec<Bind>,
    /// An unpacked image as the root. Writes go to a layer that is thrown away with the run.
    pub rootfs: Option<PathBuf>,
    /// The tool's home.
    pub home: Option<Home>,
    /// A file that is `/etc/hosts` inside. It has to be updated in place (same inode) to be seen.
    pub hosts: Option<PathBuf>,
    /// The host name inside.
    pub hostname: String,
    /// Which network it has.
    pub network: Network,
}

/// How far a run is kept apart (reference 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// A plain process in a session of its own, without new privileges. Not a boundary between tools.
    Process,
    /// Namespaces inside a user namespace that maps a single uid; needs no root.
    UserNamespaces,
    /// Namespaces and a uid of its own; needs root.
    Full,
}

/// Something of the host inside the sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// Path on the host. A symbolic link is repeated as a link, not followed.
    pub source: PathBuf,
    /// Absolute path inside.
    pub target: PathBuf,
    /// Cannot be written to, whatever is mounted below it.
    pub read_only: bool,
    /// Left out where the host does not have it.
    pub optional: bool,
}

/// A tool's home: writable, and the value of `HOME`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// Path on the host.
    pub source: PathBuf,
    /// Path inside, for example `/data/project/alpha`.
    pub target: PathBuf,
}

/// Which network a run has. In the tier `Process` it is always the host's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// A new one with nothing but loopback.
    Private,
    /// An existing network namespace, by the path of its file; needs root.
    Namespace(PathBuf),
    /// The host's: reaches everything that listens on the machine's loopback.
    Host,
}

/// What a run can use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Killed above it, in bytes.
    pub memory_bytes: Option<u64>,
    /// Most processor time, in thousandths of a core.
    pub cpu_millis: Option<u64>,
    /// Share of a busy processor, in thousandths of a core.
    pub cpu_request_millis: Option<u64>,
    /// Most processes and threads.
    pub pids: Option<u64>,
    /// Most open files of a process.
    pub nofile: Option<u64>,
    /// Where the run's control group is made; without one, limits hold for each process only.
    pub cgroup: Option<Parent>,
}

/// Where output goes, see `engine_logs::Writer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSpec {
    /// Directory of the segments.
    pub dir: PathBuf,
    /// A segment is closed at this size.
    pub max_segment_bytes: u64,
    /// The oldest segments go when all are larger than this.
    pub max_total_bytes: u64,
}
