//! Every end has its name.

use super::*;

fn end(outcome: Outcome) -> End {
    End { outcome: Some(outcome), stop: None, killed: false, oom_kills: 0, started_ms: Some(1) }
}

fn exited(code: i32) -> Outcome {
    Outcome::Exited { code: Some(code), signal: None }
}

fn killed() -> Outcome {
    Outcome::Exited { code: None, signal: Some(9) }
}

#[test]
fn codes_and_reasons() {
    let failed = Outcome::Failed { code: Some(127), message: "cannot execute x".to_owned() };
    let stop = Some(StopReason::Stopped);
    let late = Some(StopReason::DeadlineExceeded);
    let sick = Some(StopReason::Unhealthy);
    let cannot = ExitReason::CannotRun { message: "cannot execute x".to_owned() };
    let table = [
        (end(exited(0)), Some(0), None, ExitReason::Completed),
        (End { oom_kills: 1, ..end(exited(0)) }, Some(0), None, ExitReason::Completed),
        (end(exited(3)), Some(3), None, ExitReason::Error),
        (end(killed()), Some(137), Some(9), ExitReason::Error),
        (End { oom_kills: 1, ..end(killed()) }, Some(137), Some(9), ExitReason::OutOfMemory),
        (End { oom_kills: 1, ..end(exited(137)) }, Some(137), None, ExitReason::OutOfMemory),
        (End { oom_kills: 1, killed: true, ..end(killed()) }, Some(137), Some(9), ExitReason::Error),
        (End { stop, killed: true, ..end(killed()) }, Some(137), Some(9), ExitReason::Stopped),
        (End { stop, ..end(exited(0)) }, Some(0), None, ExitReason::Stopped),
        (End { stop: late, ..end(exited(1)) }, Some(1), None, ExitReason::DeadlineExceeded),
        (End { stop: sick, ..end(exited(1)) }, Some(1), None, ExitReason::Unhealthy),
        (end(failed.clone()), Some(127), None, cannot),
        (End { stop, ..end(failed) }, Some(127), None, ExitReason::Stopped),
    ];
    for (end, code, signal, reason) in table {
        let record = record(&end);
        assert_eq!((record.code, record.signal, record.reason), (code, signal, reason), "{end:?}");
    }
}

#[test]
fn a_run_that_never_began_has_no_code() {
    let record = record(&End::never("no namespaces".to_owned()));
    assert_eq!((record.code, record.started_ms), (None, None));
    assert_eq!(record.reason, ExitReason::CannotRun { message: "no namespaces".to_owned() });
}
