//! Starting a shim.

use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use durable::Sync;

use crate::record::{self, names};
use crate::spec::Spec;

/// `argv[0]` of a shim.
pub(crate) const ARGV0: &str = "toolforged-shim";

/// What a shim says when it holds its directory and listens.
pub(crate) const READY: &[u8] = b"ready\n";

/// How long a shim may take until it holds its directory.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts a shim for `spec` in `dir` (made by the caller, mode 0700) and returns once the shim holds the directory's
/// lock and listens on its socket. The run itself starts by itself; connect to see it.
///
/// `exe` is the running binary, which calls [`dispatch`](crate::dispatch) first in `main`; `/proc/self/exe` is right
/// even when the file was replaced since. `environment` reaches the
/// shim through an inherited socket: it is in no argv and no file. It blocks for some milliseconds.
///
/// # Errors
/// `ResourceBusy` where another shim holds `dir`; `InvalidInput` where the environment or the specification is not
/// possible; else what the operating system or the shim said. [`liveness`](crate::liveness) tells whether a shim that
/// did not answer in time is there after all.
pub fn spawn(exe: &Path, dir: &Path, spec: &Spec, environment: &[(String, String)]) -> io::Result<()> {
    check(spec, environment)?;
    record::write(dir, names::SPEC, spec, Sync::Nothing)?;
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_read_timeout(Some(PATIENCE))?;
    ours.set_write_timeout(Some(PATIENCE))?;
    let mut child = Command::new(exe)
        .arg0(ARGV0)
        .current_dir(dir)
        .env_clear()
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let said = serde_json::to_writer(&ours, environment).map_err(io::Error::from).and_then(|()| {
        ours.shutdown(std::net::Shutdown::Write)?;
        let mut said = Vec::new();
        (&ours).take(4096).read_to_end(&mut said)?;
        Ok(said)
    });
    // the child that we started ends as soon as the shim has left our session
    child.wait()?;
    let said = said?;
    match said.as_slice() {
        READY => Ok(()),
        [] => Err(io::Error::other("the shim ended without a word")),
        said => Err(refusal(&String::from_utf8_lossy(said))),
    }
}

/// What a second shim in a directory says.
pub(crate) const BUSY: &str = "the directory is held by another shim";

fn refusal(said: &str) -> io::Error {
    let kind = if said == BUSY { io::ErrorKind::ResourceBusy } else { io::ErrorKind::Other };
    io::Error::new(kind, said.to_owned())
}

fn check(spec: &Spec, environment: &[(String, String)]) -> io::Result<()> {
    let invalid = |what: String| Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    for (name, value) in environment {
        if name.is_empty() || name.contains(['=', '\0']) {
            return invalid(format!("environment name {name:?} is not possible"));
        }
        if value.contains('\0') {
            return invalid(format!("the value of environment variable {name} has a NUL byte"));
        }
    }
    if spec.argv.first().is_none_or(String::is_empty) {
        return invalid("argv is empty".to_owned());
    }
    if spec.argv.iter().any(|word| word.contains('\0')) {
        return invalid("argv has a NUL byte".to_owned());
    }
    if spec.instance.is_empty() || spec.instance.contains(['/', '\0']) || spec.instance.starts_with('.') {
        return invalid(format!("instance name {:?} is not possible", spec.instance));
    }
    Ok(())
}
