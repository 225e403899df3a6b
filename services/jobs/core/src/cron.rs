//! When a schedule is due; the one place that knows the cron library.
//!
//! In a time zone with summer time, a job at a fixed time of day runs once a day: at the first moment after a gap, at
//! the earlier of two equal wall clock times. A job at intervals runs at every matching moment that exists.

use std::fmt;

use croner::{Cron, parser::CronParser};
use jiff::{Timestamp, tz::TimeZone};

use crate::schedule::ActualSchedule;

/// The due times of a schedule, in UTC.
pub trait DueTimes: fmt::Debug + Send + Sync {
    /// The first due time after this moment; none where there never is one.
    fn next_after(&self, moment: Timestamp) -> Option<Timestamp>;

    /// The last due time that is not after this moment.
    fn last_until(&self, moment: Timestamp) -> Option<Timestamp>;
}

/// The due times of five fields in a time zone.
#[derive(Clone, Debug)]
pub struct Calendar {
    /// None where no date matches, such as the 30th of February.
    cron: Option<Cron>,
    zone: TimeZone,
}

impl Calendar {
    /// The due times of a schedule; without a zone it is in UTC.
    pub fn new(schedule: &ActualSchedule, zone: Option<&TimeZone>) -> Self {
        let selected = schedule.selected();
        let cron =
            if is_possible(&selected) { CronParser::new().parse(&pattern(&selected)).ok() } else { None };
        Self { cron, zone: zone.cloned().unwrap_or(TimeZone::UTC) }
    }
}

impl DueTimes for Calendar {
    fn next_after(&self, moment: Timestamp) -> Option<Timestamp> {
        let from = moment.to_zoned(self.zone.clone());
        let found = self.cron.as_ref()?.find_next_occurrence(&from, false).ok()?.timestamp();
        (found > moment).then_some(found)
    }

    fn last_until(&self, moment: Timestamp) -> Option<Timestamp> {
        let whole = Timestamp::from_second(moment.as_second()).ok()?;
        let from = whole.to_zoned(self.zone.clone());
        Some(self.cron.as_ref()?.find_previous_occurrence(&from, true).ok()?.timestamp())
    }
}

/// Every value spelled out, so that what a stepped entry means is decided here and not by the library.
fn pattern(selected: &[Option<Vec<u8>>; 5]) -> String {
    let field = |values: &Option<Vec<u8>>| match values {
        None => "*".to_owned(),
        Some(values) => values.iter().map(u8::to_string).collect::<Vec<_>>().join(","),
    };
    selected.each_ref().map(field).join(" ")
}

/// Whether any date matches. A day of the week makes every month possible, because either day field suffices.
fn is_possible([_, _, days, months, weekdays]: &[Option<Vec<u8>>; 5]) -> bool {
    let longest = |month: u8| match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    match (days, months) {
        (Some(days), Some(months)) if weekdays.is_none() => {
            days.iter().any(|day| months.iter().any(|month| *day <= longest(*month)))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use super::*;
    use crate::{JobName, Schedule, ToolName};

    fn calendar(schedule: &str, zone: Option<&str>) -> Calendar {
        let actual = Schedule::parse(schedule)
            .unwrap()
            .actual(&ToolName::parse("t").unwrap(), &JobName::parse("j").unwrap());
        Calendar::new(&actual, zone.map(|zone| TimeZone::get(zone).unwrap()).as_ref())
    }

    fn times(calendar: &Calendar, from: &str, count: usize) -> Vec<String> {
        let mut moment: Timestamp = from.parse().unwrap();
        let mut found = Vec::new();
        for _ in 0..count {
            moment = calendar.next_after(moment).unwrap();
            found.push(moment.to_string());
        }
        found
    }

    #[test]
    fn next_and_last_are_strictly_after_and_not_after() {
        let calendar = calendar("*/15 * * * *", None);
        assert_eq!(
            times(&calendar, "2026-11-23T23:44:59.5Z", 3),
            ["2026-11-23T23:45:00Z", "2026-11-24T00:00:00Z", "2026-11-24T00:15:00Z"]
        );
        assert_eq!(times(&calendar, "2026-11-23T23:45:00Z", 1), ["2026-11-24T00:00:00Z"]);
        for (moment, last) in [
            ("2026-11-23T23:45:00Z", "2026-11-23T23:45:00Z"),
            ("2026-11-23T23:45:00.001Z", "2026-11-23T23:45:00Z"),
            ("2026-11-23T23:44:59.999Z", "2026-11-23T23:30:00Z"),
        ] {
            assert_eq!(calendar.last_until(moment.parse().unwrap()).unwrap().to_string(), last);
        }
    }

    #[test]
    fn either_day_field_suffices_when_both_are_given() {
        let calendar = calendar("0 0 13 * fri", None);
        assert_eq!(
            times(&calendar, "2026-11-01T00:00:00Z", 3),
            ["2026-11-06T00:00:00Z", "2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z"]
        );
    }

    #[test]
    fn an_impossible_date_is_never_due() {
        for schedule in ["0 0 30 2 *", "0 0 31 4,6,9,11 *"] {
            let calendar = calendar(schedule, None);
            assert_eq!(calendar.next_after(Timestamp::UNIX_EPOCH), None, "{schedule}");
            assert_eq!(calendar.last_until("2026-01-01T00:00:00Z".parse().unwrap()), None);
        }
        assert_eq!(times(&calendar("0 0 29 2 *", None), "2026-01-01T00:00:00Z", 1), ["2028-02-29T00:00:00Z"]);
    }

    #[test]
    fn summer_time_neither_loses_nor_repeats_a_daily_run() {
        let daily = calendar("30 2 * * *", Some("Europe/Berlin"));
        assert_eq!(
            times(&daily, "2026-03-28T00:00:00Z", 3),
            ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
            "in the gap: the first moment after it"
        );
        assert_eq!(
            times(&daily, "2026-10-24T12:00:00Z", 2),
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
            "in the overlap: once"
        );
        let often = calendar("*/30 * * * *", Some("Europe/Berlin"));
        assert_eq!(
            times(&often, "2026-10-25T00:15:00Z", 3),
            ["2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"],
            "intervals go on through the overlap"
        );
    }
}
