//! Days since 1970-01-01 and dates of the proleptic Gregorian calendar.
//!
//! Years are counted from March, so that the leap day is the last one of its year; 400 such years have 146,097 days.

/// Days from 0000-03-01 to 1970-01-01.
const EPOCH: i64 = 719_468;
/// Days of four centuries.
const ERA: u32 = 146_097;

/// The day number of a date; nothing when there is no such date in years 1 to 9999.
pub(super) fn days_from_civil(year: u32, month: u32, day: u32) -> Option<i64> {
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || day < 1 || day > month_len(year, month) {
        return None;
    }
    // months from March on: 0 is March, 11 is February of the next year
    let (year, shifted) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    Some(i64::from(year * 365 + leap_days + days_before(shifted) + day - 1) - EPOCH)
}

/// Days before a month, counted from March: five months have 153 days, 31 and 30 in turn.
fn days_before(shifted: u32) -> u32 {
    (153 * shifted + 2) / 5
}

/// Year, month and day of a day number within years 1 to 9999.
pub(super) fn civil_from_days(days: i64) -> (u32, u32, u32) {
    let days = u32::try_from(days + EPOCH).unwrap_or_default();
    let (era, in_era) = (days / ERA, days % ERA);
    // what remains without the leap days of every 4, 100 and 400 years is whole years of 365 days
    let year_of_era = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * in_year + 2) / 153;
    let day = in_year - days_before(shifted) + 1;
    let year = era * 400 + year_of_era;
    if shifted < 10 { (year, shifted + 3, day) } else { (year + 1, shifted - 9, day) }
}

fn month_len(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}
