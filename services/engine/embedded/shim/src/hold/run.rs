//! Holding a run: one loop over its output, its first process, its supervisors and its clocks.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, WaitOptions, WaitStatus, wait};

use super::clients::Clients;
use super::ending::{self, End, Outcome};
use super::launch::{self, Launched};
use super::linger;
use super::output::{Log, Stream, unix_millis};
use super::stdin::Stdin;
use crate::cgroup::Group;
use crate::inner::wire::{self, MAX_PACKET, Report};
use crate::inner::{drain, timespec};
use crate::protocol::{Event, StopReason};
use crate::record::{self, Enforced, ExitRecord, Started, names};
use crate::spec::Spec;
use crate::sys;

mod clocks;
mod requests;

use clocks::Stop;
use requests::Pending;

/// Bytes read from a stream at a time.
const BUFFER: usize = 32 * 1024;

/// Starts the run, and returns when it is over and its end is recorded.
pub(super) fn run(
    spec: &Spec,
    dir: &Path,
    environment: Vec<(String, String)>,
    clients: &mut Clients,
) -> ExitRecord {
    let (group, enforced) = launch::group(spec);
    let begun = sys::signals(&[libc::SIGCHLD, libc::SIGTERM]).and_then(|signals| {
        Ok((signals, launch::launch(spec, dir, &environment, group.as_ref(), enforced)?))
    });
    // the first process has its own copy
    drop(environment);
    let end = match begun {
        Ok((signals, launched)) => Run::new(spec, dir, signals, launched, group, clients).hold(),
        Err(error) => {
            if let Some(group) = group {
                group.remove();
            }
            End::never(error.to_string())
        }
    };
    let record = ending::record(&end);
    // where the disk does not take it now, lingering tries again
    let _ = linger::keep(dir, &record);
    clients.broadcast(&Event::Exited { record: record.clone() });
    record
}

#[derive(Debug)]
struct Run<'a> {
    spec: &'a Spec,
    dir: &'a Path,
    signals: OwnedFd,
    init: Pid,
    control: OwnedFd,
    stdin: Stdin,
    outputs: [Stream; 2],
    log: Log,
    enforced: Enforced,
    group: Option<Group>,
    clients: &'a mut Clients,
    started: Option<Started>,
    stop: Option<Stop>,
    killed: bool,
    deadline: Option<Instant>,
    pending: Vec<Pending>,
    orders: u64,
    /// The first process has closed its end of `control`.
    silent: bool,
    /// What the first process said of the end.
    outcome: Option<Outcome>,
    /// How the first process itself ended: everything is over then.
    over: Option<WaitStatus>,
    buffer: Vec<u8>,
}

/// What happened while waiting.
#[derive(Debug)]
struct Ready {
    signals: bool,
    reports: bool,
    outputs: [bool; 2],
    input: bool,
    clients: Vec<PollFlags>,
}

impl<'a> Run<'a> {
    fn new(
        spec: &'a Spec,
        dir: &'a Path,
        signals: OwnedFd,
        launched: Launched,
        group: Option<Group>,
        clients: &'a mut Clients,
    ) -> Self {
        let Launched { init, control, stdin, outputs, enforced } = launched;
        Self {
            spec,
            dir,
            signals,
            init,
            control,
            stdin: Stdin::new(stdin),
            outputs,
            log: Log::new(&spec.logs),
            enforced,
            group,
            clients,
            started: None,
            stop: None,
            killed: false,
            deadline: spec.deadline.and_then(|deadline| Instant::now().checked_add(deadline)),
            pending: Vec::new(),
            orders: 0,
            silent: false,
            outcome: None,
            over: None,
            buffer: vec![0; BUFFER],
        }
    }

    fn hold(mut self) -> End {
        while self.over.is_none() {
            let ready = self.wait();
            if ready.signals {
                self.signalled();
            }
            if ready.reports {
                self.reports();
            }
            for (at, is_ready) in ready.outputs.into_iter().enumerate() {
                if is_ready {
                    self.output(at);
                }
            }
            self.log.flush();
            if ready.input {
                self.stdin.write();
            }
            for (client, wanted) in self.clients.serve(&ready.clients) {
                self.wanted(client, wanted);
            }
            self.clocks();
        }
        self.finish()
    }

    fn wait(&self) -> Ready {
        let mut fds = vec![PollFd::new(&self.signals, PollFlags::IN)];
        let reports = !self.silent;
        if reports {
            fds.push(PollFd::new(&self.control, PollFlags::IN));
        }
        fds.extend(
            self.outputs.iter().filter_map(|stream| Some(PollFd::new(stream.pipe.as_ref()?, PollFlags::IN))),
        );
        let input = self.stdin.pipe.as_ref().filter(|_| self.stdin.has_waiting());
        fds.extend(input.map(|pipe| PollFd::new(pipe, PollFlags::OUT)));
        self.clients.register(&mut fds, self.stdin.is_full());
        let timeout = self.next_clock().map(|at| timespec(at.saturating_duration_since(Instant::now())));
        let result = poll(&mut fds, timeout.as_ref());
        // after a signal the flags mean nothing
        let mut flags = fds.iter().map(|fd| if result.is_ok() { fd.revents() } else { PollFlags::empty() });
        let mut next = |is_there: bool| is_there && flags.next().is_some_and(|flags| !flags.is_empty());
        let signals = next(true);
        let reports = next(reports);
        let outputs = [next(self.outputs[0].pipe.is_some()), next(self.outputs[1].pipe.is_some())];
        let input = next(input.is_some());
        Ready { signals, reports, outputs, input, clients: flags.collect() }
    }

    /// The program has ended, or never began: there is nothing left to stop.
    const fn is_ending(&self) -> bool {
        self.outcome.is_some()
    }

    fn signalled(&mut self) {
        if drain(&self.signals).contains(&libc::SIGTERM) {
            self.stop(StopReason::Stopped, self.spec.grace);
        }
        // while its number is its own; and once more, for what it said between
        self.reports();
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if pid == self.init {
                self.over = Some(status);
            }
        }
        self.reports();
    }

    /// Everything that the first process has said so far.
    fn reports(&mut self) {
        let mut packet = vec![0; MAX_PACKET];
        while !self.silent {
            let (report, descriptor) = match wire::next(&self.control, &mut packet) {
                Ok(Some(said)) => said,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(None) | Err(_) => {
                    self.silent = true;
                    return;
                }
            };
            match report {
                Report::Started => self.started(),
                Report::Failed { code, message } => self.outcome = Some(Outcome::Failed { code, message }),
                Report::Exited { code, signal } => self.outcome = Some(Outcome::Exited { code, signal }),
                Report::ExecDone { id, code, message } => {
                    self.answer(id, |id| Event::ExecDone { id, code, message }, None);
                }
                Report::Connected { id } => self.answer(id, |id| Event::Connected { id }, descriptor),
                Report::ConnectFailed { id, message } => {
                    self.answer(id, |id| Event::ConnectFailed { id, message }, None);
                }
            }
        }
    }

    fn started(&mut self) {
        let pid = self.init.as_raw_nonzero().get();
        let started = Started {
            pid,
            start_time: record::process(pid).map_or(0, |process| process.start_time),
            boot_id: record::boot_id().unwrap_or_default(),
            at: unix_millis(),
            tier: self.spec.sandbox.tier,
            limits: self.enforced,
        };
        // where it cannot be written the run goes on: it dies with the shim, so nobody will miss it
        let _ = record::write(self.dir, names::STARTED, &started, durable::Sync::Nothing);
        self.clients.broadcast(&Event::Started { started: started.clone() });
        self.started = Some(started);
    }

    /// One buffer full of a stream. Whether there was any.
    fn output(&mut self, at: usize) -> bool {
        let Some(stream) = self.outputs.get_mut(at) else { return false };
        let kind = stream.kind;
        let Some(bytes) = stream.read(&mut self.buffer, &mut self.log) else { return false };
        self.clients.output(kind, bytes);
        true
    }

    /// Everything that belongs to the run is gone after this, and all it wrote is kept.
    fn finish(mut self) -> End {
        ending::kill_rest(self.spec.sandbox.tier, self.group.as_ref());
        for at in 0..self.outputs.len() {
            while self.output(at) {}
        }
        let Self { outputs, mut log, group, clients, pending, .. } = self;
        for mut stream in outputs {
            stream.end(&mut log);
        }
        log.flush();
        for pending in pending {
            clients.send(pending.client, &pending.fail("the run has ended".to_owned()), None);
        }
        let oom_kills = group.as_ref().map_or(0, Group::oom_kills);
        if let Some(group) = group {
            group.remove();
        }
        End {
            outcome: self.outcome.or_else(|| self.over.map(Outcome::of_first_process)),
            stop: self.stop.map(|stop| stop.reason),
            killed: self.killed,
            oom_kills,
            started_ms: self.started.map(|started| started.at),
        }
    }
}
