//! What comes next for a workload that runs once.

use std::time::Duration;

use engine::{Exit, ExitReason};
use jiff::Timestamp;

/// One try, in the order of their creation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Try<'a> {
    /// When it was created.
    pub(crate) created: Timestamp,
    /// How it ended, where it has.
    pub(crate) end: Option<&'a Exit>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Start a new instance.
    Start,
    /// Ask again at that time.
    Wait(Timestamp),
    /// An instance runs.
    Running,
    /// Nothing, ever again.
    Finished,
}

/// Decides from what became of the tries so far.
pub(crate) fn next(retries: u32, deadline: Option<Duration>, tries: &[Try<'_>], now: Timestamp) -> Next {
    let (Some(first), Some(last)) = (tries.first(), tries.last()) else { return Next::Start };
    let Some(end) = last.end else { return Next::Running };
    if matches!(end.reason, ExitReason::Completed | ExitReason::Stopped | ExitReason::DeadlineExceeded) {
        return Next::Finished;
    }
    let failures = u32::try_from(tries.len()).unwrap_or(u32::MAX);
    if failures > retries {
        return Next::Finished;
    }
    let due = later(end.finished, engine::retry_delay(failures));
    // the deadline ends waiting too: a try that could not run before it is not begun
    if deadline.is_some_and(|deadline| due.max(now) >= later(first.created, deadline)) {
        return Next::Finished;
    }
    if due <= now { Next::Start } else { Next::Wait(due) }
}

/// What is left of the deadline for a new run; none where there is no deadline.
pub(crate) fn remaining(deadline: Option<Duration>, first: Timestamp, now: Timestamp) -> Option<Duration> {
    let end = later(first, deadline?);
    Some(Duration::try_from(now.until(end).ok()?).unwrap_or(Duration::ZERO))
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use engine::ExitStatus;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn exit(second: i64, reason: ExitReason) -> Exit {
        Exit { status: ExitStatus::Unknown, reason, started: None, finished: at(second) }
    }

    #[test]
    fn a_failure_is_tried_again_after_a_while_until_none_is_left() {
        let failed = exit(5, ExitReason::Lost);
        let one = Try { created: at(0), end: Some(&failed) };
        assert_eq!(next(1, None, &[], at(0)), Next::Start);
        assert_eq!(next(1, None, &[Try { end: None, ..one }], at(1)), Next::Running);
        assert_eq!(next(1, None, &[one], at(6)), Next::Wait(at(15)));
        assert_eq!(next(1, None, &[one], at(15)), Next::Start);
        assert_eq!(next(1, None, &[one, one], at(100)), Next::Finished);
        assert_eq!(next(0, None, &[one], at(100)), Next::Finished);
    }

    #[test]
    fn a_good_end_and_a_told_end_are_final() {
        for reason in [ExitReason::Completed, ExitReason::Stopped, ExitReason::DeadlineExceeded] {
            let end = exit(5, reason);
            let tries = [Try { created: at(0), end: Some(&end) }];
            assert_eq!(next(5, None, &tries, at(100)), Next::Finished, "{reason:?}");
        }
    }

    #[test]
    fn the_deadline_is_over_all_tries() {
        let failed = exit(5, ExitReason::Error);
        let tries = [Try { created: at(0), end: Some(&failed) }];
        let deadline = Some(Duration::from_secs(15));
        assert_eq!(next(5, deadline, &tries, at(6)), Next::Finished);
        assert_eq!(next(5, Some(Duration::from_secs(16)), &tries, at(6)), Next::Wait(at(15)));
        assert_eq!(next(5, Some(Duration::from_secs(16)), &tries, at(20)), Next::Finished);
        assert_eq!(remaining(deadline, at(0), at(6)), Some(Duration::from_secs(9)));
        assert_eq!(remaining(deadline, at(0), at(60)), Some(Duration::ZERO));
        assert_eq!(remaining(None, at(0), at(60)), None);
    }
}
