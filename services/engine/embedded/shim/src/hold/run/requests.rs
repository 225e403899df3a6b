//! What supervisors ask of a run, and what the first process answers.

use std::os::fd::OwnedFd;

use super::Run;
use crate::hold::clients::Wanted;
use crate::inner::wire::{self, Order};
use crate::protocol::{Event, MAX_EXECS, Request, State, VERSION};

/// Signals that may be sent to a run; SIGKILL is another thing.
const SIGNALS: [i32; 7] =
    [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGUSR1, libc::SIGUSR2, libc::SIGTERM, libc::SIGWINCH];

/// A request that the first process works on.
#[derive(Debug)]
pub(super) struct Pending {
    /// Our number for it.
    order: u64,
    pub(super) client: u64,
    /// The client's number for it.
    id: u64,
    connects: bool,
}

impl Run<'_> {
    pub(super) fn wanted(&mut self, client: u64, wanted: Wanted) {
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

    pub(super) fn answer(
        &mut self,
        order: u64,
        event: impl FnOnce(u64) -> Event,
        descriptor: Option<OwnedFd>,
    ) {
        if let Some(at) = self.pending.iter().position(|pending| pending.order == order) {
            let pending = self.pending.swap_remove(at);
            self.clients.send(pending.client, &event(pending.id), descriptor);
        }
    }
}

impl Pending {
    pub(super) fn fail(&self, message: String) -> Event {
        if self.connects {
            Event::ConnectFailed { id: self.id, message }
        } else {
            Event::ExecDone { id: self.id, code: None, message: Some(message) }
        }
    }
}
