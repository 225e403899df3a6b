//! What really works on this machine, found by running something in every tier.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::cgroup::{self, Parent, rlimits_only};
use crate::client::Client;
use crate::protocol::{Event, Message, Request, State};
use crate::record::{self, Enforced, Enforcement, ExitReason};
use crate::sandbox::host_binds;
use crate::spawn::spawn;
use crate::spec::{Limits, LogSpec, Network, Sandbox, Spec, Tier};

/// What this machine can do for runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// The highest tier in which a run really ran.
    pub isolation: Tier,
    /// Whether memory limits hold.
    pub memory: Enforcement,
    /// Whether processor limits hold.
    pub cpu: Enforcement,
    /// Whether the number of processes is limited.
    pub pids: Enforcement,
    /// Where to make control groups, for [`Limits::cgroup`].
    pub cgroup: Option<Parent>,
    /// What is missing and how to enable it, a sentence each.
    pub notes: Vec<String>,
}

const PATIENCE: Duration = Duration::from_secs(20);

/// Runs `/bin/true` in the best tier that this user could have, with limits, and looks at what became of it; nothing
/// is read from a setting of the kernel. `group` names the parent control group (see [`cgroup::prepare`]);
/// `dir` is an existing directory in which a subdirectory is made and removed. It blocks for some milliseconds.
///
/// # Errors
/// Where not even a plain process can be run.
pub fn probe(exe: &Path, dir: &Path, group: &str) -> io::Result<Probed> {
    let mut notes = Vec::new();
    let parent = cgroup::prepare(group, &mut notes);
    let root = rustix::process::geteuid().is_root();
    let best = if root { Tier::Full } else { Tier::UserNamespaces };
    let (isolation, limits) = match attempt(exe, dir, best, parent.as_ref()) {
        Ok(limits) => (best, limits),
        Err(error) => {
            notes.push(missing(best, &error));
            (Tier::Process, attempt(exe, dir, Tier::Process, parent.as_ref())?)
        }
    };
    for (name, limit) in [("memory", limits.memory), ("processor", limits.cpu), ("process", limits.pids)] {
        if limit != Enforcement::Enforced {
            notes.push(format!("{name} limits do not hold for a whole run: no control group can be used"));
        }
    }
    let Enforced { memory, cpu, pids } = limits;
    Ok(Probed { isolation, memory, cpu, pids, cgroup: parent, notes })
}

fn missing(tier: Tier, error: &io::Error) -> String {
    match tier {
        Tier::Full => format!("runs cannot be isolated: {error}; the server needs CAP_SYS_ADMIN"),
        _ => format!(
            "runs cannot be isolated: {error}; run as root, or allow user namespaces \
             (sysctl kernel.unprivileged_userns_clone=1, on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0)"
        ),
    }
}

fn attempt(exe: &Path, dir: &Path, tier: Tier, parent: Option<&Parent>) -> io::Result<Enforced> {
    use std::os::unix::fs::DirBuilderExt as _;

    let name = format!("probe-{}", std::process::id());
    let dir = dir.join(&name);
    fs::DirBuilder::new().mode(0o700).create(&dir)?;
    let result = spawn(exe, &dir, &spec(name, &dir, tier, parent), &[]).and_then(|()| outcome(&dir));
    fs::remove_dir_all(&dir)?;
    result
}

fn outcome(dir: &Path) -> io::Result<Enforced> {
    let mut client = Client::connect(dir)?;
    let mut exit = None;
    while let Some(message) = client.next(PATIENCE)? {
        if let Message::Event(
            Event::Exited { record } | Event::Welcome { state: State::Exited { record }, .. },
        ) = message
        {
            exit = Some(record);
            client.send(&Request::Acknowledge)?;
        }
    }
    match exit.map(|record| record.reason) {
        Some(ExitReason::Completed) => {
            Ok(record::read_started(dir)?.map_or_else(rlimits_only, |started| started.limits))
        }
        Some(ExitReason::CannotRun { message }) => Err(io::Error::other(message)),
        other => Err(io::Error::other(format!("the trial run ended as {other:?}"))),
    }
}

fn spec(name: String, dir: &Path, tier: Tier, parent: Option<&Parent>) -> Spec {
    Spec {
        instance: name,
        tool: "probe".to_owned(),
        user: "probe".to_owned(),
        argv: vec!["/bin/true".to_owned()],
        cwd: "/".into(),
        uid: 65_534,
        gid: 65_534,
        sandbox: Sandbox {
            tier,
            root: host_binds(),
            rootfs: None,
            home: None,
            hosts: None,
            hostname: "probe".to_owned(),
            network: if tier == Tier::Process { Network::Host } else { Network::Private },
        },
        limits: Limits {
            memory_bytes: Some(64 << 20),
            cpu_millis: Some(1000),
            cpu_request_millis: Some(100),
            pids: Some(16),
            nofile: None,
            cgroup: parent.cloned(),
        },
        grace: Duration::from_secs(1),
        deadline: Some(Duration::from_secs(10)),
        stdin: false,
        logs: LogSpec { dir: dir.join("logs"), max_segment_bytes: 64 << 10, max_total_bytes: 1 << 20 },
    }
}
