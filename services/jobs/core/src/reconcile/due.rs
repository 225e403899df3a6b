//! Which due times have passed, and what is to become of each.

use std::time::Duration;

use jiff::Timestamp;

use crate::cron::DueTimes;
use crate::{CatchUp, Concurrency, Job, SkipReason, clock};

/// No run that is later than this is started, nor later than the period.
const DEADLINE_MAX: Duration = Duration::from_hours(1);
/// As late as this is in time even where nothing is made up for.
const IN_TIME: Duration = Duration::from_secs(30);
/// Of an outage at most so many due times are recorded, the latest ones.
const RECORDED_MAX: usize = 100;

/// What is to become of a due time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Start,
    /// Starts, and open runs are cancelled.
    Replace,
    /// Starts when the open run has ended.
    Queue,
    Missed,
    Skip(SkipReason),
}

/// What runs of a job already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) running: usize,
    pub(super) queued: usize,
}

/// The due times that were not dealt with, oldest first, each with what is to become of it. The last one is where
/// counting goes on: a clock that goes back finds everything dealt with.
pub(super) fn plan(
    job: &Job,
    times: &dyn DueTimes,
    now: Timestamp,
    mut open: Open,
) -> Vec<(Timestamp, Decision)> {
    let passed = passed(times, job.scheduled_until, now);
    let Some(latest) = passed.last().copied() else { return Vec::new() };
    let period = times.next_after(latest).map_or(DEADLINE_MAX, |next| clock::since(latest, next));
    let deadline = period.min(DEADLINE_MAX);
    let decide = |due: Timestamp| {
        let is_latest = due == latest;
        let decision = match timely(job, is_latest, clock::since(due, now), deadline) {
            Some(decision) => decision,
            None => concurrent(job, is_latest, open),
        };
        match decision {
            Decision::Start => open.running += 1,
            Decision::Replace => open = Open { running: 1, queued: 0 },
            Decision::Queue => open.queued += 1,
            Decision::Missed | Decision::Skip(_) => {}
        }
        (due, decision)
    };
    passed.into_iter().map(decide).collect()
}

/// Due times after one moment and not after another, oldest first.
fn passed(times: &dyn DueTimes, from: Timestamp, now: Timestamp) -> Vec<Timestamp> {
    let before = |due: &Timestamp| times.last_until(due.checked_sub(Duration::from_secs(1)).ok()?);
    let mut passed: Vec<Timestamp> = std::iter::successors(times.last_until(now), before)
        .take_while(|due| *due > from)
        .take(RECORDED_MAX)
        .collect();
    passed.reverse();
    passed
}

/// What becomes of it because of the time, if that decides.
fn timely(job: &Job, is_latest: bool, late: Duration, deadline: Duration) -> Option<Decision> {
    if job.definition.suspended == Some(true) {
        return Some(Decision::Skip(SkipReason::Suspended));
    }
    let too_late = match job.definition.catch_up.unwrap_or(CatchUp::Latest) {
        CatchUp::None => late > IN_TIME,
        CatchUp::Latest => !is_latest || late > deadline,
        CatchUp::All => false,
    };
    match (too_late, is_latest) {
        (false, _) => None,
        (true, true) => Some(Decision::Skip(SkipReason::Deadline)),
        (true, false) => Some(Decision::Missed),
    }
}

/// What becomes of it beside other runs.
fn concurrent(job: &Job, is_latest: bool, open: Open) -> Decision {
    let is_idle = open.running == 0 && open.queued == 0;
    match job.definition.concurrency.unwrap_or(Concurrency::Forbid) {
        Concurrency::Allow => Decision::Start,
        // of several at once only the last would survive
        Concurrency::Replace if is_latest => Decision::Replace,
        Concurrency::Queue if !is_idle && open.queued == 0 => Decision::Queue,
        Concurrency::Forbid | Concurrency::Queue if is_idle => Decision::Start,
        Concurrency::Forbid | Concurrency::Queue | Concurrency::Replace => {
            Decision::Skip(SkipReason::Overlap)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use super::*;
    use crate::cases::calendar;
    use crate::tests::{moment, scheduled_job};

    const START: (&str, Decision) = ("", Decision::Start);

    fn decisions(job: &Job, now: &str, open: Open) -> Vec<(String, Decision)> {
        let calendar = calendar(job).unwrap();
        let planned = plan(job, &calendar, moment(now), open);
        planned
            .into_iter()
            .map(|(due, decision)| (crate::moment_text(due)[11..16].to_owned(), decision))
            .collect()
    }

    fn expect(job: &Job, now: &str, open: Open, wanted: &[(&str, Decision)]) {
        let wanted: Vec<(String, Decision)> =
            wanted.iter().map(|(due, decision)| ((*due).to_owned(), *decision)).collect();
        assert_eq!(decisions(job, now, open), wanted);
    }

    /// Made at 10:00:00, every ten minutes.
    fn job() -> Job {
        scheduled_job("*/10 * * * *", "2026-11-23T10:00:00Z")
    }

    #[test]
    fn a_due_time_starts_once_and_a_clock_that_goes_back_repeats_nothing() {
        let mut job = job();
        expect(&job, "2026-11-23T10:09:59.999Z", Open::default(), &[]);
        expect(&job, "2026-11-23T10:10:00Z", Open::default(), &[("10:10", START.1)]);
        job.scheduled_until = moment("2026-11-23T10:10:00Z");
        for now in ["2026-11-23T10:10:01Z", "2026-11-23T10:05:00Z", "2026-11-22T00:00:00Z"] {
            expect(&job, now, Open::default(), &[]);
        }
    }

    #[test]
    fn after_an_outage_the_latest_is_made_up_for_unless_it_is_too_late() {
        let mut job = job();
        let now = "2026-11-23T10:35:00Z";
        let missed = Decision::Missed;
        expect(
            &job,
            now,
            Open::default(),
            &[("10:10", missed), ("10:20", missed), ("10:30", Decision::Start)],
        );
        let late = Decision::Skip(SkipReason::Deadline);
        job.definition.catch_up = Some(CatchUp::None);
        expect(&job, now, Open::default(), &[("10:10", missed), ("10:20", missed), ("10:30", late)]);
        expect(
            &job,
            "2026-11-23T10:20:30Z",
            Open::default(),
            &[("10:10", missed), ("10:20", Decision::Start)],
        );
        let daily = scheduled_job("0 11 * * *", "2026-11-23T10:00:00Z");
        expect(&daily, "2026-11-23T12:00:00Z", Open::default(), &[("11:00", Decision::Start)]);
        expect(&daily, "2026-11-23T12:00:01Z", Open::default(), &[("11:00", late)]);
    }

    #[test]
    fn all_are_made_up_for_under_the_rule_of_concurrency() {
        let mut job = job();
        job.definition.catch_up = Some(CatchUp::All);
        let overlap = Decision::Skip(SkipReason::Overlap);
        let now = "2026-11-23T10:30:00Z";
        let cases = [
            (Concurrency::Forbid, [Decision::Start, overlap, overlap]),
            (Concurrency::Allow, [Decision::Start; 3]),
            (Concurrency::Replace, [overlap, overlap, Decision::Replace]),
            (Concurrency::Queue, [Decision::Start, Decision::Queue, overlap]),
        ];
        for (concurrency, [a, b, c]) in cases {
            job.definition.concurrency = Some(concurrency);
            expect(&job, now, Open::default(), &[("10:10", a), ("10:20", b), ("10:30", c)]);
        }
    }

    #[test]
    fn an_open_run_decides_by_the_rule_of_concurrency() {
        let overlap = Decision::Skip(SkipReason::Overlap);
        let one = Open { running: 1, queued: 0 };
        let full = Open { running: 1, queued: 1 };
        for (concurrency, open, decision) in [
            (None, one, overlap),
            (Some(Concurrency::Forbid), one, overlap),
            (Some(Concurrency::Allow), one, Decision::Start),
            (Some(Concurrency::Replace), one, Decision::Replace),
            (Some(Concurrency::Queue), one, Decision::Queue),
            (Some(Concurrency::Queue), full, overlap),
        ] {
            let mut job = job();
            job.definition.concurrency = concurrency;
            expect(&job, "2026-11-23T10:10:05Z", open, &[("10:10", decision)]);
        }
    }

    #[test]
    fn suspended_jobs_record_each_due_time() {
        let mut job = job();
        job.definition.suspended = Some(true);
        let suspended = Decision::Skip(SkipReason::Suspended);
        expect(&job, "2026-11-23T10:20:00Z", Open::default(), &[("10:10", suspended), ("10:20", suspended)]);
    }

    #[test]
    fn a_long_outage_is_bounded() {
        let job = scheduled_job("* * * * *", "2026-01-01T00:00:00Z");
        let planned = decisions(&job, "2026-11-23T10:00:00Z", Open::default());
        assert_eq!(planned.len(), 100);
        assert_eq!(planned.last().unwrap(), &("10:00".to_owned(), Decision::Start));
        assert!(planned[..99].iter().all(|(_, decision)| *decision == Decision::Missed));
    }
}
