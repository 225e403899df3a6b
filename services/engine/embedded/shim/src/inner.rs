//! The first process of a run: it makes the sandbox around itself, starts the program, and stays as its parent.
//!
//! It is process 1 of the run's own numbers where there are namespaces, so the program itself has the
//! usual treatment of signals. It has given up all privileges before the program starts, cannot be traced, and dies with the
//! shim. What has to happen inside the run (probes, connections) happens here, on orders from the shim.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, AsRawFd, OwnedFd};
use std::path::Path;

use rustix::process::{Signal, getpid, set_child_subreaper, set_parent_process_death_signal};

use crate::record::Enforced;
use crate::sandbox::Attempt as _;
use crate::spec::{Network, Spec, Tier};
use crate::sys;

mod agent;
mod connect;
mod privileges;
mod program;
pub(crate) mod wire;

use agent::Agent;
pub(crate) use agent::{drain, timespec};
use program::{Place, Program, Streams};
use wire::Report;

/// What the shim gives to the first process.
#[derive(Debug)]
pub(crate) struct Inner<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) run: &'a Path,
    pub(crate) environment: &'a [(String, String)],
    pub(crate) control: OwnedFd,
    pub(crate) stdin: OwnedFd,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
    /// The network namespace to join.
    pub(crate) network: Option<File>,
    /// Ways into the run's control groups.
    pub(crate) doors: Vec<File>,
    pub(crate) enforced: Enforced,
}

/// The namespaces that a run gets.
pub(crate) fn namespaces(spec: &Spec) -> libc::c_int {
    let network = match spec.sandbox.network {
        Network::Private => libc::CLONE_NEWNET,
        Network::Namespace(_) | Network::Host => 0,
    };
    let own = libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS | network;
    match spec.sandbox.tier {
        Tier::Process => 0,
        Tier::UserNamespaces => own | libc::CLONE_NEWUSER,
        Tier::Full => own,
    }
}

/// Is the first process, until the end.
pub(crate) fn main(inner: Inner<'_>, outside: (u32, u32)) -> ! {
    let mut keep: Vec<_> = [&inner.control, &inner.stdin, &inner.stdout, &inner.stderr]
        .into_iter()
        .map(AsRawFd::as_raw_fd)
        .chain(inner.doors.iter().chain(&inner.network).map(AsRawFd::as_raw_fd))
        .collect();
    // the shim's lock and connections are not ours to keep
    sys::close_all_except(&mut keep);
    let started = enter(&inner, outside).and_then(|()| start(&inner));
    match started {
        Ok(agent) => {
            // only the program has its streams from here on, so that the shim sees their end
            drop((inner.stdin, inner.stdout, inner.stderr, inner.control));
            agent.run()
        }
        Err(error) => {
            let code = program::exec_code(&error);
            let _ = wire::send(&inner.control, &Report::Failed { code, message: error.to_string() }, None);
            sys::exit(1)
        }
    }
}

/// Makes the sandbox around this process. `outside` is the user and group of the shim.
fn enter(inner: &Inner<'_>, outside: (u32, u32)) -> io::Result<()> {
    let spec = inner.spec;
    // for the program, and for what the sandbox is made of
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    for mut door in &inner.doors {
        door.write_all(b"0").attempt("join the control group")?;
    }
    if std::fs::read_to_string("/proc/self/oom_score_adj").is_ok_and(|score| score.trim() != "0") {
        // the shim's own protection is not the run's
        let _ = std::fs::write("/proc/self/oom_score_adj", "0");
    }
    match spec.sandbox.tier {
        Tier::Process => set_child_subreaper(Some(getpid())).attempt("adopt orphans")?,
        Tier::UserNamespaces => {
            privileges::map_user(spec, outside).attempt("map the user")?;
            furnish(inner)?;
        }
        Tier::Full => furnish(inner)?,
    }
    rustix::process::setsid().attempt("begin a session")?;
    privileges::limit(spec, inner.enforced).attempt("set process limits")?;
    privileges::drop_all(spec)?;
    // a change of user takes this away, hence last; the end of the control connection says the same
    set_parent_process_death_signal(Some(Signal::KILL)).attempt("tie to the shim")
}

fn furnish(inner: &Inner<'_>) -> io::Result<()> {
    let spec = inner.spec;
    if let Some(network) = &inner.network {
        privileges::join_network(network.as_fd()).attempt("join the network namespace")?;
    } else if spec.sandbox.network == Network::Private {
        sys::loopback_up().attempt("bring up loopback")?;
    }
    privileges::own_control_groups().attempt("make a control group namespace")?;
    rustix::system::sethostname(spec.sandbox.hostname.as_bytes()).attempt("set the host name")?;
    crate::sandbox::enter(spec, inner.run)
}

fn start(inner: &Inner<'_>) -> io::Result<Agent> {
    let place = Place::new(inner.spec, inner.environment)?;
    let program = Program::new(&inner.spec.argv, &place)?;
    let streams = Streams { stdin: &inner.stdin, stdout: &inner.stdout, stderr: &inner.stderr };
    let signals = sys::signals(&[libc::SIGCHLD])?;
    let main = program.start(&streams)?;
    let control = inner.control.try_clone()?;
    wire::send(&control, &Report::Started, None)?;
    Ok(Agent::new(control, signals, place, main))
}
