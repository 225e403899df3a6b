//! Holding a run: one loop over its output, its first process, its supervisors and its clocks.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait};

use super::clients::{Clients, Wanted};
use super::ending::{self, End, Outcome};
use super::launch::{self, Launched};
use super::output::{Log, Stream, unix_millis};
use super::stdin::Stdin;
use crate::cgroup::Group;
use crate::inner::wire::{self, MAX_PACKET, Order, Report};
use crate::inner::{drain, timespec};
use crate::protocol::{Event, MAX_EXECS, Request, State, StopReason, VERSION};
use crate::record::{self, Enforced, ExitRecord, Started, names};
use crate::spec::{Spec, Tier};
use crate::sys;

/// Signals that may be sent to a run; SIGKILL is another thing.
const SIGNALS: [i32; 7] =
    [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGUSR1, libc::SIGUSR2, libc::SIGTERM, libc::SIGWINCH];

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
    // nothing else can be done where the disk does not take it: the supervisor still hears of it
    let _ = record::write(dir, names::EXIT, &record, true);
    clients.broadcast(&Event::Exited { record: record.clone() });
    record
}

/// A stop that was begun.
#[derive(Debug)]
struct Stop {
    reason: StopReason,
    kill_at: Instant,
}

/// A request that the first process works on.
#[derive(Debug)]
struct Pending {
    /// Our number for it.
    order: u64,
    client: u64,
    /// The client's number for it.
    id: u64,
    connects: bool,
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
        let reports = !self.is_ending();
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

    /// The first process has said its last word: its end of the connection may be gone.
    const fn is_ending(&self) -> bool {
        self.outcome.is_some()
    }

    fn signalled(&mut self) {
        if drain(&self.signals).contains(&libc::SIGTERM) {
            self.stop(StopReason::Stopped, self.spec.grace);
        }
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if pid == self.init {
                self.over = Some(status);
            }
        }
        if self.over.is_some() {
            self.reports();
        }
    }

    /// Everything that the first process has said so far.
    fn reports(&mut self) {
        let mut packet = vec![0; MAX_PACKET];
        while let Ok(Some((report, descriptor))) = wire::next(&self.control, &mut packet) {
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
        let _ = record::write(self.dir, names::STARTED, &started, false);
        self.clients.broadcast(&Event::Started { started: started.clone() });
        self.started = Some(started);
    }

    fn answer(&mut self, order: u64, event: impl FnOnce(u64) -> Event, descriptor: Option<OwnedFd>) {
        if let Some(at) = self.pending.iter().position(|pending| pending.order == order) {
            let pending = self.pending.swap_remove(at);
            self.clients.send(pending.client, &event(pending.id), descriptor);
        }
    }

    /// One buffer full of a stream. Whether there was any.
    fn output(&mut self, at: usize) -> bool {
        let Some(stream) = self.outputs.get_mut(at) else { return false };
        let kind = stream.kind;
        let Some(bytes) = stream.read(&mut self.buffer, &mut self.log) else { return false };
        self.clients.output(kind, bytes);
        true
    }

    fn wanted(&mut self, client: u64, wanted: Wanted) {
        let refused = match wanted {
            Wanted::Unknown(message) => Some(message),
            Wanted::Request(Request::Hello { .. }) => {
                self.clients.greet(client, true);
                let state = match &self.started {
                    None => State::Starting,
                    Some(started) => State::Running { started: started.clone() },
                };
                let shim = std::process::id().cast_signed();
                self.clients.send(client, &Event::Welcome { version: VERSION, shim, state }, None);
                None
            }
            _ if !self.clients.greet(client, false) => Some("say hello first".to_owned()),
            Wanted::Request(request) => self.request(client, request).err(),
            Wanted::Input(bytes) => {
                (!self.stdin.push(&bytes)).then(|| "standard input is not open".to_owned())
            }
        };
        if let Some(message) = refused {
            self.clients.send(client, &Event::Refused { message }, None);
        }
    }

    fn request(&mut self, client: u64, request: Request) -> Result<(), String> {
        match request {
            Request::Stop { grace, reason } => self.stop(reason, grace),
            Request::Signal { number: libc::SIGKILL } => self.kill(),
            Request::Signal { number } if SIGNALS.contains(&number) => {
                wire::send(&self.control, &Order::Signal { number }, None)
                    .map_err(|error| error.to_string())?;
            }
            Request::Signal { number } => return Err(format!("signal {number} cannot be sent to a run")),
            Request::Exec { id, argv, timeout } => {
                let order = self.order(client, id, false);
                self.pass_on(&Order::Exec { id: order, argv, timeout });
            }
            Request::Connect { id, port } => {
                let order = self.order(client, id, true);
                self.pass_on(&Order::Connect { id: order, port });
            }
            Request::Attach => self.clients.attach(client),
            Request::CloseInput => self.stdin.close(),
            Request::Acknowledge => return Err("the run has not ended".to_owned()),
            // answered before
            Request::Hello { .. } => {}
        }
        Ok(())
    }

    fn order(&mut self, client: u64, id: u64, connects: bool) -> u64 {
        self.orders += 1;
        self.pending.push(Pending { order: self.orders, client, id, connects });
        self.orders
    }

    /// Sends the newest pending request on, or answers it.
    fn pass_on(&mut self, order: &Order) {
        let failed = if self.pending.len() > 2 * MAX_EXECS {
            Some("too many requests at a time".to_owned())
        } else {
            wire::send(&self.control, order, None).err().map(|error| error.to_string())
        };
        if let Some(message) = failed
            && let Some(pending) = self.pending.pop()
        {
            self.clients.send(pending.client, &pending.fail(message), None);
        }
    }

    fn stop(&mut self, reason: StopReason, grace: Duration) {
        if self.is_ending() && self.stop.is_none() {
            return;
        }
        let now = Instant::now();
        // a grace beyond the end of time is a very long one
        let kill_at = now.checked_add(grace).unwrap_or(now + Duration::from_secs(1 << 31));
        if let Some(stop) = &mut self.stop {
            stop.kill_at = stop.kill_at.min(kill_at);
            return;
        }
        self.stop = Some(Stop { reason, kill_at });
        if !grace.is_zero() {
            // where it is not taken, the kill comes in time
            let _ = wire::send(&self.control, &Order::Stop, None);
        }
    }

    fn next_clock(&self) -> Option<Instant> {
        match &self.stop {
            Some(stop) => Some(stop.kill_at).filter(|_| !self.killed),
            None => self.deadline.filter(|_| !self.is_ending()),
        }
    }

    fn clocks(&mut self) {
        let now = Instant::now();
        if self.stop.is_none() && self.deadline.is_some_and(|deadline| deadline <= now) {
            self.stop(StopReason::DeadlineExceeded, self.spec.grace);
        }
        if !self.killed && self.stop.as_ref().is_some_and(|stop| stop.kill_at <= now) {
            self.kill();
        }
    }

    /// Kills the whole run. The first process has not been collected, so its number is still its own.
    fn kill(&mut self) {
        self.killed = true;
        if self.spec.sandbox.tier == Tier::Process {
            for pid in record::descendants(std::process::id().cast_signed()) {
                let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
            }
        }
        let _ = kill_process(self.init, Signal::KILL);
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

impl Pending {
    fn fail(&self, message: String) -> Event {
        if self.connects {
            Event::ConnectFailed { id: self.id, message }
        } else {
            Event::ExecDone { id: self.id, code: None, message: Some(message) }
        }
    }
}
