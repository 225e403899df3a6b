//! The clocks of a run: its deadline, and the grace of a stop.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::Run;
use crate::inner::wire::{self, Order};
use crate::protocol::StopReason;
use crate::record;
use crate::spec::Tier;

/// A stop that was begun.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) reason: StopReason,
    pub(super) kill_at: Instant,
}

impl Run<'_> {
    pub(super) fn stop(&mut self, reason: StopReason, grace: Duration) {
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

    pub(super) fn next_clock(&self) -> Option<Instant> {
        match &self.stop {
            Some(stop) => Some(stop.kill_at).filter(|_| !self.killed),
            None => self.deadline.filter(|_| !self.is_ending()),
        }
    }

    pub(super) fn clocks(&mut self) {
        let now = Instant::now();
        if self.stop.is_none() && self.deadline.is_some_and(|deadline| deadline <= now) {
            self.stop(StopReason::DeadlineExceeded, self.spec.grace);
        }
        if !self.killed && self.stop.as_ref().is_some_and(|stop| stop.kill_at <= now) {
            self.kill();
        }
    }

    /// Kills the whole run. The first process has not been collected, so its number is still its own.
    pub(super) fn kill(&mut self) {
        self.killed = true;
        if self.spec.sandbox.tier == Tier::Process {
            for pid in record::descendants(std::process::id().cast_signed()) {
                let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
            }
        }
        let _ = kill_process(self.init, Signal::KILL);
    }
}
