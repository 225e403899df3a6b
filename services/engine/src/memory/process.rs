//! The life of one pretended process: start, steps, probes, signals, end.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::script::{Script, Step};
use super::state::{Event, Run, State};
use crate::{
    Container, Exit, ExitReason, ExitStatus, InstanceId, Kind, Output, Phase, ProbeCheck, Signal, Stream,
};

impl State {
    /// The run, where the event is still about its present process.
    fn present(&mut self, id: &InstanceId, epoch: u64) -> Option<&mut Run> {
        self.runs.get_mut(id).filter(|run| run.epoch == epoch)
    }

    pub(super) fn start(&mut self, id: &InstanceId, epoch: u64) {
        let Some(run) = self.present(id, epoch).filter(|run| !run.instance.is_finished()) else {
            return;
        };
        run.epoch += 1;
        if let Some(reason) = run.script.cannot_run.clone() {
            return self.end(id, ExitStatus::Unknown, ExitReason::CannotRun, Some(reason));
        }
        run.alive = true;
        run.step = 0;
        run.started = run.workload.probe.is_none();
        run.failures = 0;
        run.stdin_closed = !run.workload.stdin;
        let (ready, epoch) = (run.started, run.epoch);
        let again = run.instance.last_exit.is_some();
        let started = self.now;
        self.change(id, |instance| {
            instance.phase = Phase::Running;
            instance.container = Container::Running { started };
            instance.ready = ready;
            instance.restarts += u32::from(again);
            instance.message = None;
        });
        self.soon(Event::Step(id.clone(), epoch));
        if ready {
            self.reconcile_of(id);
        } else {
            self.soon(Event::Probe(id.clone(), epoch));
        }
    }

    pub(super) fn step(&mut self, id: &InstanceId, epoch: u64) {
        while let Some(run) = self.present(id, epoch) {
            let step = run.script.steps.get(run.step).cloned();
            run.step += 1;
            match step {
                Some(Step::Wait(time)) => return self.later(time, Event::Step(id.clone(), epoch)),
                Some(Step::Write(stream, line)) => {
                    let bytes = Bytes::from(format!("{line}\n"));
                    run.attached.retain(|out| out.send(output(stream, bytes.clone())).is_ok());
                    self.keep(id, stream, line);
                }
                Some(Step::Copy) if run.stdin_closed => {}
                Some(Step::Copy) => {
                    run.step -= 1;
                    return;
                }
                Some(Step::Forever) => return,
                Some(Step::End(status, reason)) => return self.end(id, status, reason, None),
                None => return self.end(id, ExitStatus::Code(0), ExitReason::Completed, None),
            }
        }
    }

    /// Input from an attached client; none closes it.
    pub(super) fn input(&mut self, id: &InstanceId, input: Option<&Bytes>) {
        let Some(run) = self.runs.get_mut(id).filter(|run| run.alive && !run.stdin_closed) else {
            return;
        };
        let copying = matches!(run.script.steps.get(run.step), Some(Step::Copy));
        let Some(input) = input else {
            run.stdin_closed = true;
            let epoch = run.epoch;
            let rest = std::mem::take(&mut run.partial);
            if !rest.is_empty() {
                self.keep(id, Stream::Stdout, String::from_utf8_lossy(&rest).into_owned());
            }
            if copying {
                self.soon(Event::Step(id.clone(), epoch));
            }
            return;
        };
        if !copying {
            return;
        }
        run.attached.retain(|out| out.send(Output::Stdout(input.clone())).is_ok());
        run.partial.extend_from_slice(input);
        let mut lines: Vec<Vec<u8>> = run.partial.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        run.partial = lines.pop().unwrap_or_default();
        for line in lines {
            self.keep(id, Stream::Stdout, String::from_utf8_lossy(&line).into_owned());
        }
    }

    pub(super) fn probe(&mut self, id: &InstanceId, epoch: u64) {
        let now = self.now;
        let Some(run) = self.present(id, epoch).filter(|run| run.alive && run.stopping.is_none()) else {
            return;
        };
        let Some(probe) = run.workload.probe.clone() else {
            return;
        };
        let ran = ran(&run.instance.container, now);
        let healthy = match &probe.check {
            ProbeCheck::Exec(command) => Script::of(command).succeeds_within(probe.timeout),
            ProbeCheck::Http { .. } | ProbeCheck::Tcp { .. } => run.script.is_healthy(ran),
        };
        run.failures = if healthy { 0 } else { run.failures + 1 };
        let first = healthy && !run.started;
        run.started |= healthy;
        let (most, period) = if run.started {
            (probe.liveness_failures, probe.liveness_period)
        } else {
            (probe.startup_failures, probe.startup_period)
        };
        if run.failures >= most.max(1) {
            return self.stop(id, ExitReason::Unhealthy);
        }
        if first {
            self.change(id, |instance| instance.ready = true);
            self.reconcile_of(id);
        }
        self.later(period.max(Duration::from_millis(1)), Event::Probe(id.clone(), epoch));
    }

    /// Asks the process to end, and kills it after its grace.
    pub(super) fn stop(&mut self, id: &InstanceId, reason: ExitReason) {
        let Some(run) = self.runs.get_mut(id).filter(|run| !run.instance.is_finished()) else {
            return;
        };
        if run.stopping.is_some() {
            return;
        }
        run.stopping = Some(reason);
        let (alive, stubborn, grace, epoch) = (run.alive, run.script.stubborn, run.workload.grace, run.epoch);
        if !alive {
            self.end(id, ExitStatus::Unknown, reason, None);
        } else if stubborn {
            self.change(id, |instance| instance.ready = false);
            self.later(grace, Event::Kill(id.clone(), epoch));
        } else {
            self.end(id, ExitStatus::Code(143), reason, None);
        }
    }

    pub(super) fn kill(&mut self, id: &InstanceId, epoch: u64) {
        if let Some(reason) = self.present(id, epoch).and_then(|run| run.stopping) {
            self.end(id, ExitStatus::Code(137), reason, None);
        }
    }

    /// A signal that a user sends; true when there is such an instance.
    pub(super) fn signal(&mut self, id: &InstanceId, signal: Signal) -> bool {
        let Some(run) = self.runs.get(id) else {
            return false;
        };
        let number = match signal {
            Signal::Hangup => 1,
            Signal::Interrupt => 2,
            Signal::Kill => 9,
            Signal::Terminate => 15,
        };
        let ignored = run.script.stubborn && signal == Signal::Terminate;
        if run.alive && !ignored {
            self.end(id, ExitStatus::Code(128 + number), run.stopping.unwrap_or(ExitReason::Stopped), None);
        }
        true
    }

    /// The process has ended, or could not be started: says so, and what becomes of the instance.
    pub(super) fn end(
        &mut self,
        id: &InstanceId,
        status: ExitStatus,
        reason: ExitReason,
        message: Option<String>,
    ) {
        let now = self.now;
        let Some(run) = self.runs.get_mut(id).filter(|run| !run.instance.is_finished()) else {
            return;
        };
        let started = match run.instance.container {
            Container::Running { started } => Some(started),
            _ => None,
        };
        run.epoch += 1;
        run.alive = false;
        for out in run.attached.drain(..) {
            // a client that has left does not matter
            let _ = out.send(Output::Exited(status));
        }
        let exit = Exit { status, reason, started, finished: now };
        let restart = matches!(run.workload.kind, Kind::Always { .. }) && !run.leaving;
        if restart {
            return self.restart_in_place(id, exit, message);
        }
        let leaving = run.leaving;
        let succeeded = status == ExitStatus::Code(0) && reason != ExitReason::DeadlineExceeded;
        self.change(id, |instance| {
            instance.phase = if succeeded { Phase::Succeeded } else { Phase::Failed };
            instance.container = Container::Terminated(exit);
            instance.ready = false;
            instance.message = message;
        });
        if leaving {
            self.forget_later(id);
        } else {
            self.reconcile_of(id);
        }
    }

    /// An instance of an `Always` workload starts again after its back-off.
    fn restart_in_place(&mut self, id: &InstanceId, exit: Exit, message: Option<String>) {
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        run.stopping = None;
        run.partial.clear();
        let started = exit.started.unwrap_or(exit.finished);
        let delay =
            run.backoff.after(Duration::try_from(exit.finished.duration_since(started)).unwrap_or_default());
        let epoch = run.epoch;
        let message = message
            .or_else(|| (!delay.is_zero()).then(|| format!("back-off {}s before restart", delay.as_secs())));
        self.change(id, |instance| {
            instance.container = Container::Terminated(exit.clone());
            instance.ready = false;
        });
        self.change(id, |instance| {
            instance.container = Container::Waiting { message: message.clone() };
            instance.last_exit = Some(exit);
            instance.message = message;
        });
        self.later(delay, Event::Start(id.clone(), epoch));
        self.reconcile_of(id);
    }

    /// Its end was told; now all it held is gone too.
    fn forget_later(&mut self, id: &InstanceId) {
        let workload = self.runs.get(id).map(|run| run.instance.workload.clone());
        self.forget(id);
        if let Some(workload) = workload {
            self.soon(Event::Reconcile(workload));
        }
    }

    pub(super) fn reconcile_of(&mut self, id: &InstanceId) {
        if let Some(run) = self.runs.get(id) {
            let workload = run.instance.workload.clone();
            self.soon(Event::Reconcile(workload));
        }
    }
}

fn ran(container: &Container, now: Timestamp) -> Duration {
    match container {
        Container::Running { started } => {
            Duration::try_from(now.duration_since(*started)).unwrap_or_default()
        }
        _ => Duration::ZERO,
    }
}

fn output(stream: Stream, bytes: Bytes) -> Output {
    match stream {
        Stream::Stdout => Output::Stdout(bytes),
        Stream::Stderr => Output::Stderr(bytes),
    }
}
