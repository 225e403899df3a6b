//! The process that holds one run of one instance: sandbox, limits, output, exit code.
//!
//! It is the server's own binary, executed again in a session of its own, so that runs go on and their exit codes are
//! known whatever happens to the server (reference 4.5). A server uses it so:
//!
//! 1. [`dispatch`] is the first thing in `main`, before any runtime.
//! 2. [`probe`] once at start, for the tier, the limits and the parent of control groups.
//! 3. [`spawn`] per run, in a directory of its own; then [`connect`] and the [`protocol`].
//! 4. After a restart, per directory: [`liveness`] held → connect; free → [`read_exit`], else [`clear`] what a lost
//!    shim left.
//!
//! A directory has `spec.json`, `lock`, `shim.sock`, `started.json`, `exit.json` (durable) and, during the run,
//! `scratch/`. It may be removed when the connection has ended after [`protocol::Event::Exited`].

mod cgroup;
mod clear;
mod client;
mod hold;
mod inner;
mod probe;
pub mod protocol;
mod record;
mod sandbox;
mod spawn;
mod spec;
mod sys;

/// Becomes a shim, for good, where this process was started as one by [`spawn`]; else returns at once. Call it first
/// in `main`: before any thread, runtime or open file.
pub fn dispatch() {
    if std::env::args_os().next().is_some_and(|name| name == spawn::ARGV0) {
        hold::main();
    }
}

pub use cgroup::{Parent, prepare};
pub use clear::clear;
pub use client::{Client, connect};
pub use probe::{Probed, probe};
pub use record::{
    Enforced, Enforcement, ExitReason, ExitRecord, Liveness, Started, liveness, read_exit, read_spec,
    read_started,
};
pub use sandbox::host_binds;
pub use spawn::spawn;
pub use spec::{Bind, Home, Limits, LogSpec, Network, Sandbox, Spec, Tier};
