//! The shim itself: takes its directory, holds the run, records its end, and waits until that was seen.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, flock};
use rustix::process::{DumpableBehavior, getpid, set_child_subreaper, set_dumpable_behavior, setsid, umask};

use crate::record::{self, names};
use crate::sandbox::Attempt as _;
use crate::spawn::{BUSY, READY};
use crate::spec::Spec;
use crate::sys::{self, Side};

mod clients;
mod ending;
mod launch;
mod linger;
mod output;
mod run;
mod stdin;

use clients::Clients;

/// Most bytes of an environment.
const MAX_ENVIRONMENT: u64 = 4 << 20;

/// How often, and how long between, a taken lock is tried.
const LOCK_TRIES: u32 = 5;
const LOCK_PAUSE: Duration = Duration::from_millis(2);

/// Is a shim, until the end.
pub(crate) fn main() -> ! {
    match sys::fork() {
        // the server collects this process; the shim is nobody's child
        Ok(Side::Parent(_)) => sys::exit(0),
        Ok(Side::Child) => sys::exit(i32::from(hold().is_none())),
        Err(_) => sys::exit(1),
    }
}

/// A directory that is ours.
#[derive(Debug)]
struct Held {
    dir: PathBuf,
    /// Closing it lets go of the directory.
    lock: File,
    spec: Spec,
    environment: Vec<(String, String)>,
    clients: Clients,
}

fn hold() -> Option<()> {
    let server = rustix::io::fcntl_dupfd_cloexec(io::stdin(), 3).ok()?;
    // what the server forgot to close is not ours
    sys::close_all_except(&mut [server.as_raw_fd()]);
    let held = match detach().and_then(|()| take(&server)) {
        Ok(held) => held,
        Err(error) => {
            let _ = rustix::io::write(&server, error.to_string().as_bytes());
            return None;
        }
    };
    // whether the server hears it or not, the run begins: it was asked for
    let _ = rustix::io::write(&server, READY);
    drop(server);
    let Held { dir, lock, spec, environment, mut clients } = held;
    let record = run::run(&spec, &dir, environment, &mut clients);
    linger::leave(&spec, &dir, &record, clients, lock);
    Some(())
}

/// Leaves the server's session, and everything of it that was inherited.
fn detach() -> io::Result<()> {
    setsid()?;
    rustix::thread::set_name(c"toolforged-shim")?;
    set_child_subreaper(Some(getpid()))?;
    // secrets of the run pass through here
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    umask(Mode::from_raw_mode(0o077));
    let null = File::options().read(true).write(true).open("/dev/null")?;
    for standard in 0..3 {
        sys::become_standard(null.as_fd(), standard)?;
    }
    // the kernel should look elsewhere when the machine is out of memory; only root may ask so
    let _ = fs::write("/proc/self/oom_score_adj", "-900");
    Ok(())
}

/// Takes the directory in which we were started.
fn take(server: &OwnedFd) -> io::Result<Held> {
    let dir = std::env::current_dir()?;
    // also when we are to refuse: unread bytes would cut our answer off
    let environment = environment(server).attempt("read the environment")?;
    let lock = File::options().write(true).create(true).truncate(false).open(names::LOCK)?;
    let mut tries = (0..LOCK_TRIES).map(|_| flock(&lock, FlockOperation::NonBlockingLockExclusive));
    // whoever asks for our liveness has the lock for an instant
    if tries.all(|taken| taken.inspect_err(|_| thread::sleep(LOCK_PAUSE)).is_err()) {
        return Err(io::Error::other(BUSY));
    }
    for earlier in [names::STARTED, names::EXIT] {
        if Path::new(earlier).exists() {
            return Err(io::Error::other(format!("the directory has the {earlier} of an earlier run")));
        }
    }
    let spec = record::read_spec(&dir)?.ok_or_else(|| io::Error::other("spec.json cannot be read"))?;
    let clients = Clients::new(listen().attempt("listen")?);
    Ok(Held { dir, lock, spec, environment, clients })
}

fn environment(server: &OwnedFd) -> io::Result<Vec<(String, String)>> {
    let mut bytes = Vec::new();
    File::from(server.try_clone()?).take(MAX_ENVIRONMENT).read_to_end(&mut bytes)?;
    // a message of the parser could quote a secret
    serde_json::from_slice(&bytes).map_err(|_| io::Error::other("it is not a list of names and values"))
}

/// Listens on a short name in our directory, for addresses end at 108 bytes.
fn listen() -> io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt as _;

    match fs::remove_file(names::SOCKET) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(names::SOCKET)?;
    fs::set_permissions(names::SOCKET, fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
