//! After the end: tidying up, and staying a while for a supervisor that has not seen it yet.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use durable::Sync;
use rustix::event::{PollFd, poll};

use super::clients::{Clients, Wanted};
use crate::inner::timespec;
use crate::protocol::{Event, Request, State, VERSION};
use crate::record::{self, ExitRecord, names};
use crate::spec::{Spec, Tier};
use crate::sys;

/// How long an end may go unseen. It is in `exit.json` for whoever comes later.
const LINGER: Duration = Duration::from_mins(10);

/// How long to wait before an end that could not be written is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Writes `exit.json`.
pub(super) fn keep(dir: &Path, record: &ExitRecord) -> io::Result<()> {
    record::write(dir, names::EXIT, record, Sync::All)
}

/// Removes what the run needed, waits for [`Request::Acknowledge`], and lets go of the directory.
pub(super) fn leave(spec: &Spec, dir: &Path, record: &ExitRecord, mut clients: Clients, lock: File) {
    if spec.sandbox.tier > Tier::Process {
        // all that could hold on to it is dead
        let _ = fs::remove_dir_all(dir.join(names::SCRATCH));
    }
    // from here on there is nothing that a polite end could harm
    sys::default_signals();
    let end = Instant::now() + LINGER;
    let (mut seen, mut kept) = (false, dir.join(names::EXIT).exists());
    // an end that only we know of is kept as long as it takes
    while (Instant::now() < end || !kept) && !(seen && clients.are_served()) {
        let mut fds: Vec<PollFd<'_>> = Vec::new();
        clients.register(&mut fds, false);
        let left = if seen || !kept { RETRY } else { end.saturating_duration_since(Instant::now()) };
        let result = poll(&mut fds, Some(&timespec(left)));
        if seen && result == Ok(0) {
            break;
        }
        let flags: Vec<_> = fds.iter().map(PollFd::revents).collect();
        drop(fds);
        kept = kept || keep(dir, record).is_ok();
        for (client, wanted) in clients.serve(&flags) {
            seen |= answer(&mut clients, client, wanted, record);
        }
    }
    let _ = fs::remove_file(names::SOCKET);
    // whoever sees its connection end may remove the directory, or look for the lock
    drop(lock);
}

/// Whether the end was acknowledged.
fn answer(clients: &mut Clients, client: u64, wanted: Wanted, record: &ExitRecord) -> bool {
    let gone = || "the run has ended".to_owned();
    let event = match wanted {
        Wanted::Request(Request::Hello { .. }) => {
            clients.greet(client, true);
            let state = State::Exited { record: record.clone() };
            Event::Welcome { version: VERSION, shim: std::process::id().cast_signed(), state }
        }
        Wanted::Unknown(message) => Event::Refused { message },
        _ if !clients.greet(client, false) => Event::Refused { message: "say hello first".to_owned() },
        Wanted::Request(Request::Acknowledge) => return true,
        Wanted::Request(Request::Exec { id, .. }) => {
            Event::ExecDone { id, code: None, message: Some(gone()) }
        }
        Wanted::Request(Request::Connect { id, .. }) => Event::ConnectFailed { id, message: gone() },
        Wanted::Request(_) | Wanted::Input(_) => Event::Refused { message: gone() },
    };
    clients.send(client, &event, None);
    false
}
