#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use engine::{ExitStatus, InstanceId, WorkloadId};

use super::*;
use crate::tests::{job, moment, one_off, run_of};

const CREATED: &str = "2026-11-23T10:00:00Z";
const NOW: &str = "2026-11-23T10:05:00Z";

fn instance(number: i64, phase: Phase, container: Container) -> Instance {
    let created = jiff::Timestamp::from_second(moment(CREATED).as_second() + number).unwrap();
    Instance {
        id: InstanceId(format!("a-{number}")),
        workload: WorkloadId("run-uid".to_owned()),
        generation: 1,
        tool: "alpha".to_owned(),
        name: "a".to_owned(),
        phase,
        container,
        last_exit: None,
        restarts: 0,
        ready: false,
        created,
        changed: created,
        message: Some("it said".to_owned()),
    }
}

fn ended(number: i64, code: Option<i32>, reason: ExitReason) -> Instance {
    let exit = Exit {
        status: code.map_or(ExitStatus::Unknown, ExitStatus::Code),
        reason,
        started: Some(moment("2026-11-23T10:00:10Z")),
        finished: moment("2026-11-23T10:01:00Z"),
    };
    let phase = if code == Some(0) { Phase::Succeeded } else { Phase::Failed };
    instance(number, phase, Container::Terminated(exit))
}

fn run(retries: u32, cancelled_at: Option<&str>) -> Run {
    let run = run_of(&job(&one_off("a", "x"), CREATED), CREATED);
    Run { retries, cancelled_at: cancelled_at.map(moment), ..run }
}

fn judged(run: &Run, instances: &[Instance]) -> (RunState, Option<i32>, Option<String>) {
    let judged = judge(run, instances, false, moment(NOW));
    (judged.state, judged.exit_code, judged.message)
}

#[test]
fn a_run_is_pending_until_it_executes() {
    let pending = run(0, None);
    assert_eq!(judge(&pending, &[], false, moment(NOW)), pending);
    let waiting = [instance(0, Phase::Pending, Container::Waiting { message: None })];
    assert_eq!(judged(&pending, &waiting).0, RunState::Pending);
    let started = moment("2026-11-23T10:00:10Z");
    let running = [instance(0, Phase::Running, Container::Running { started })];
    let found = judge(&pending, &running, false, moment(NOW));
    assert_eq!((found.state, found.started, found.attempts), (RunState::Running, Some(started), 1));
    assert_eq!(judge(&found, &[], true, moment(NOW)), found, "nothing seen is not an end");
}

#[test]
fn it_fails_with_its_last_try() {
    let one = [ended(0, Some(1), ExitReason::Error)];
    let two = [ended(0, Some(1), ExitReason::Error), ended(1, Some(2), ExitReason::Error)];
    let better = [ended(0, Some(1), ExitReason::Error), ended(1, Some(0), ExitReason::Completed)];
    let said = Some("it said".to_owned());
    assert_eq!(judged(&run(0, None), &one), (RunState::Failed, Some(1), said.clone()));
    assert_eq!(judged(&run(1, None), &one).0, RunState::Running);
    assert_eq!(judged(&run(1, None), &two), (RunState::Failed, Some(2), said.clone()));
    assert_eq!(judged(&run(1, None), &better), (RunState::Succeeded, Some(0), said));
    let late = [ended(0, Some(137), ExitReason::DeadlineExceeded)];
    let text = Some("it ran longer than its timeout".to_owned());
    assert_eq!(judged(&run(5, None), &late), (RunState::Failed, Some(137), text));
}

#[test]
fn an_end_is_explained_where_the_code_does_not_tell() {
    for (reason, text) in [
        (ExitReason::OutOfMemory, "it passed its memory limit"),
        (ExitReason::Stopped, "it was stopped"),
        (ExitReason::Unhealthy, "its health check failed"),
        (ExitReason::CannotRun, "it said"),
        (ExitReason::Lost, "what held its process died"),
        (ExitReason::Reboot, "the machine was restarted"),
    ] {
        let found = judged(&run(0, None), &[ended(0, None, reason)]);
        assert_eq!(found, (RunState::Failed, None, Some(text.to_owned())));
    }
}

#[test]
fn a_cancelled_run_is_cancelled_unless_it_had_ended_before() {
    let stopped = [ended(0, Some(143), ExitReason::Stopped)];
    let before = run(0, Some("2026-11-23T10:00:30Z"));
    assert_eq!(judged(&before, &stopped).0, RunState::Cancelled);
    let polite = [ended(0, Some(0), ExitReason::Stopped)];
    assert_eq!(judged(&before, &polite).0, RunState::Cancelled);
    let after = run(0, Some("2026-11-23T10:02:00Z"));
    assert_eq!(judged(&after, &[ended(0, Some(0), ExitReason::Completed)]).0, RunState::Succeeded);
    let found = judge(&before, &[], true, moment(NOW));
    assert_eq!((found.state, found.finished), (RunState::Cancelled, Some(moment(NOW))));
    assert_eq!(judge(&before, &[], false, moment(NOW)).state, RunState::Pending);
}

#[test]
fn what_has_ended_is_not_judged_again() {
    let over = Run { state: RunState::Failed, ..run(0, None) };
    assert_eq!(judge(&over, &[ended(0, Some(0), ExitReason::Completed)], true, moment(NOW)), over);
}
