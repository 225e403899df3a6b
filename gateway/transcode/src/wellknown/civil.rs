//! Days since 1970-01-01 and dates of the proleptic Gregorian calendar.

/// The day number of a date; nothing when there is no such date.
pub(super) fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || day < 1 || day > month_len(year, month) {
        return None;
    }
    let before = year - 1;
    let leap_days = before / 4 - before / 100 + before / 400;
    let in_year: i64 = (1..month).map(|m| month_len(year, m)).sum();
    // 719162 days lie between 0001-01-01 and 1970-01-01
    Some(before * 365 + leap_days + in_year + day - 1 - 719_162)
}

/// The date of a day number within years 1 to 9999.
pub(super) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let mut rest = days + 719_162;
    let mut year = 1;
    for (span, years) in [(146_097, 400), (36_524, 100), (1_461, 4), (365, 1)] {
        // the last century of four and the last year of four are a day longer than the others
        let most = if years == 100 || years == 1 { 3 } else { i64::MAX };
        let count = (rest / span).min(most);
        rest -= count * span;
        year += count * years;
    }
    let mut month = 1;
    while rest >= month_len(year, month) {
        rest -= month_len(year, month);
        month += 1;
    }
    (year, month, rest + 1)
}

fn month_len(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}
