//! Starting the first process of a run.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, getegid, geteuid};

use super::output::Stream;
use crate::cgroup::{Group, rlimits_only};
use crate::inner::{self, Inner, wire};
use crate::protocol::Kind;
use crate::record::Enforced;
use crate::sandbox::{self, Attempt as _};
use crate::spec::{Network, Spec, Tier};
use crate::sys::{self, Side};

/// A run whose first process exists.
#[derive(Debug)]
pub(super) struct Launched {
    pub(super) init: Pid,
    pub(super) control: OwnedFd,
    pub(super) stdin: Option<File>,
    pub(super) outputs: [Stream; 2],
    pub(super) enforced: Enforced,
}

/// Makes the run's control group, where it gets one.
pub(super) fn group(spec: &Spec) -> (Option<Group>, Enforced) {
    match &spec.limits.cgroup {
        None => (None, rlimits_only()),
        Some(parent) => {
            let (group, enforced) = Group::create(parent, &spec.instance, &spec.limits);
            (Some(group), enforced)
        }
    }
}

/// Starts the first process. It reports by `control` what becomes of it.
pub(super) fn launch(
    spec: &Spec,
    dir: &Path,
    environment: &[(String, String)],
    group: Option<&Group>,
    enforced: Enforced,
) -> io::Result<Launched> {
    let outside = (geteuid().as_raw(), getegid().as_raw());
    if spec.sandbox.tier == Tier::UserNamespaces && outside.0 == 0 {
        // it would map the run's user to root
        return Err(io::Error::other("user namespaces are for servers that are not root"));
    }
    if spec.sandbox.tier != Tier::Process {
        sandbox::prepare(dir).attempt("make the scratch space")?;
    }
    let network = match &spec.sandbox.network {
        Network::Namespace(path) if spec.sandbox.tier != Tier::Process => {
            Some(File::open(path).attempt("open the network namespace")?)
        }
        _ => None,
    };
    let doors = group.map(Group::doors).transpose().attempt("open the control group")?.unwrap_or_default();
    let cradle = group.map(Group::cradle).transpose().attempt("open the control group")?.flatten();
    let (control, theirs) = wire::pair()?;
    let (stdin_read, stdin_write) = stdin(spec)?;
    let (stdout_read, stdout) = pipe_with(PipeFlags::CLOEXEC)?;
    let (stderr_read, stderr) = pipe_with(PipeFlags::CLOEXEC)?;
    let init = match sys::fork_into(inner::namespaces(spec), cradle.as_ref().map(AsFd::as_fd))
        .attempt("make the namespaces")?
    {
        Side::Parent(pid) => pid,
        Side::Child => inner::main(
            Inner {
                spec,
                run: dir,
                environment,
                control: theirs,
                stdin: stdin_read,
                stdout,
                stderr,
                network,
                doors,
                enforced,
            },
            outside,
        ),
    };
    let control = nonblocking(control)?;
    let outputs = [
        Stream::new(Kind::Stdout, File::from(nonblocking(stdout_read)?)),
        Stream::new(Kind::Stderr, File::from(nonblocking(stderr_read)?)),
    ];
    let stdin = stdin_write.map(nonblocking).transpose()?.map(File::from);
    Ok(Launched { init, control, stdin, outputs, enforced })
}

fn stdin(spec: &Spec) -> io::Result<(OwnedFd, Option<OwnedFd>)> {
    if spec.stdin {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        Ok((read, Some(write)))
    } else {
        Ok((File::open("/dev/null")?.into(), None))
    }
}

/// Our end only: the other end is an open file of its own.
fn nonblocking(fd: OwnedFd) -> io::Result<OwnedFd> {
    fcntl_setfl(&fd, fcntl_getfl(&fd)? | OFlags::NONBLOCK)?;
    Ok(fd)
}
