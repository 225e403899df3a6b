//! The loop of the first process: children to collect, orders to follow, connections to make.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process_group, wait};

use super::connect::Connecting;
use super::program::{Place, Program, Streams};
use super::wire::{self, MAX_PACKET, Order, Report};
use crate::protocol::MAX_EXECS;
use crate::sys;

/// A probe that runs.
#[derive(Debug)]
struct Exec {
    id: u64,
    pid: Pid,
    deadline: Instant,
}

/// The first process once the program runs.
#[derive(Debug)]
pub(super) struct Agent {
    control: OwnedFd,
    signals: OwnedFd,
    place: Place,
    main: Pid,
    /// The main program has not ended.
    runs: bool,
    stopping: bool,
    execs: Vec<Exec>,
    connects: Vec<Connecting>,
}

impl Agent {
    pub(super) fn new(control: OwnedFd, signals: OwnedFd, place: Place, main: Pid) -> Self {
        let (execs, connects) = (Vec::new(), Vec::new());
        Self { control, signals, place, main, runs: true, stopping: false, execs, connects }
    }

    /// Goes on until the run is over or the shim has gone.
    pub(super) fn run(mut self) -> ! {
        let mut buffer = vec![0; MAX_PACKET];
        let Err(_) = self.cycle(&mut buffer);
        // in a process namespace everything ends with us; without one this is the best that can be done here
        let _ = kill_process_group(self.main, Signal::KILL);
        sys::exit(0)
    }

    fn cycle(&mut self, buffer: &mut [u8]) -> Result<Infallible, Over> {
        loop {
            let ready = self.wait()?;
            if ready.children {
                drain(&self.signals);
            }
            self.collect()?;
            if ready.orders {
                self.order(buffer)?;
            }
            self.connected(&ready.connects)?;
            self.expire()?;
        }
    }

    fn wait(&self) -> Result<Ready, Over> {
        let mut fds =
            vec![PollFd::new(&self.signals, PollFlags::IN), PollFd::new(&self.control, PollFlags::IN)];
        fds.extend(self.connects.iter().map(|connecting| PollFd::new(&connecting.socket, PollFlags::OUT)));
        let deadlines = self.execs.iter().map(|exec| exec.deadline);
        let next = deadlines.chain(self.connects.iter().map(|connecting| connecting.deadline)).min();
        let timeout = next.map(|at| timespec(at.saturating_duration_since(Instant::now())));
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return Err(Over),
        }
        let mut flags = fds.iter().map(|fd| !fd.revents().is_empty());
        Ok(Ready {
            children: flags.next().unwrap_or(false),
            orders: flags.next().unwrap_or(false),
            connects: flags.collect(),
        })
    }

    /// Collects children; the run is over with its program, or with all it started where it was asked to stop.
    fn collect(&mut self) -> Result<(), Over> {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(None) => break,
                Ok(Some((pid, status))) => self.ended(pid, status)?,
                Err(Errno::INTR) => {}
                Err(_) if self.runs => break,
                Err(_) => return Err(Over),
            }
        }
        if self.runs || self.stopping { Ok(()) } else { Err(Over) }
    }

    fn ended(&mut self, pid: Pid, status: WaitStatus) -> Result<(), Over> {
        let (code, signal) = (status.exit_status(), status.terminating_signal());
        if pid == self.main {
            self.runs = false;
            return self.report(&Report::Exited { code, signal });
        }
        let Some(at) = self.execs.iter().position(|exec| exec.pid == pid) else { return Ok(()) };
        let exec = self.execs.swap_remove(at);
        let code = code.or(signal.map(|signal| 128 + signal));
        self.report(&Report::ExecDone { id: exec.id, code, message: None })
    }

    fn order(&mut self, buffer: &mut [u8]) -> Result<(), Over> {
        match wire::next(&self.control, buffer) {
            Ok(Some((Order::Stop, _))) => {
                self.stopping = true;
                self.signal(libc::SIGTERM);
                Ok(())
            }
            Ok(Some((Order::Signal { number }, _))) => {
                self.signal(number);
                Ok(())
            }
            Ok(Some((Order::Exec { id, argv, timeout }, _))) => match self.exec(id, &argv, timeout) {
                Ok(()) => Ok(()),
                Err(error) => {
                    let code = super::program::exec_code(&error);
                    self.report(&Report::ExecDone { id, code, message: Some(error.to_string()) })
                }
            },
            Ok(Some((Order::Connect { id, port }, _))) => match self.connect(id, port) {
                Ok(()) => Ok(()),
                Err(error) => self.report(&Report::ConnectFailed { id, message: error.to_string() }),
            },
            // the shim has gone, or speaks nonsense
            Ok(None) | Err(_) => Err(Over),
        }
    }

    /// The whole group, as a terminal would: the program may be a shell around the real one.
    fn signal(&self, number: i32) {
        if let Some(signal) = Signal::from_named_raw(number).filter(|_| self.runs) {
            let _ = kill_process_group(self.main, signal);
        }
    }

    fn exec(&mut self, id: u64, argv: &[String], timeout: Duration) -> io::Result<()> {
        if self.execs.len() >= MAX_EXECS {
            return Err(io::Error::other("too many commands run beside the program"));
        }
        let nowhere: OwnedFd = File::options().read(true).write(true).open("/dev/null")?.into();
        let streams = Streams { stdin: &nowhere, stdout: &nowhere, stderr: &nowhere };
        let pid = Program::new(argv, &self.place)?.start(&streams)?;
        let now = Instant::now();
        let deadline = now.checked_add(timeout).unwrap_or(now);
        self.execs.push(Exec { id, pid, deadline });
        Ok(())
    }

    fn connect(&mut self, id: u64, port: u16) -> io::Result<()> {
        if self.connects.len() >= MAX_EXECS {
            return Err(io::Error::other("too many connections are being made"));
        }
        self.connects.push(Connecting::begin(id, port, Instant::now())?);
        Ok(())
    }

    fn connected(&mut self, ready: &[bool]) -> Result<(), Over> {
        let now = Instant::now();
        // from the end, so that places before it stay
        for at in (0..self.connects.len()).rev() {
            let is_ready = ready.get(at).copied().unwrap_or(false);
            if !is_ready && self.connects.get(at).is_some_and(|connecting| connecting.deadline > now) {
                continue;
            }
            let connecting = self.connects.swap_remove(at);
            let id = connecting.id;
            let made =
                if is_ready { connecting.finish() } else { Err(io::Error::from(io::ErrorKind::TimedOut)) };
            match made {
                Ok(socket) => {
                    let report = Report::Connected { id };
                    wire::send(&self.control, &report, Some(socket.as_fd())).map_err(|_| Over)?;
                }
                Err(error) => self.report(&Report::ConnectFailed { id, message: error.to_string() })?,
            }
        }
        Ok(())
    }

    /// Kills probes that take too long; they are collected like any child.
    fn expire(&mut self) -> Result<(), Over> {
        let now = Instant::now();
        for at in (0..self.execs.len()).rev() {
            if self.execs.get(at).is_some_and(|exec| exec.deadline <= now) {
                let exec = self.execs.swap_remove(at);
                let _ = kill_process_group(exec.pid, Signal::KILL);
                let message = Some("it took too long".to_owned());
                self.report(&Report::ExecDone { id: exec.id, code: None, message })?;
            }
        }
        Ok(())
    }

    fn report(&self, report: &Report) -> Result<(), Over> {
        wire::send(&self.control, report, None).map_err(|_| Over)
    }
}

/// The end of the loop.
#[derive(Debug)]
struct Over;

#[derive(Debug)]
struct Ready {
    children: bool,
    orders: bool,
    connects: Vec<bool>,
}

/// Takes everything from a signal descriptor: the numbers (signalfd(2)).
pub(crate) fn drain(signals: &OwnedFd) -> Vec<i32> {
    let mut buffer = [0_u8; 4 * size_of::<libc::signalfd_siginfo>()];
    let mut seen = Vec::new();
    while let Ok(got @ 1..) = rustix::io::read(signals, &mut buffer) {
        let records = buffer.get(..got).unwrap_or_default().chunks(size_of::<libc::signalfd_siginfo>());
        // the number is the first field
        let numbers = records.filter_map(|record| record.first_chunk::<4>());
        seen.extend(numbers.map(|bytes| u32::from_ne_bytes(*bytes).cast_signed()));
    }
    seen
}

/// A time span for `poll`.
pub(crate) fn timespec(span: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: span.subsec_nanos().into(),
    }
}
