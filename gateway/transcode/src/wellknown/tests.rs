//! Dates one by one, and times against their text.
#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::civil::{civil_from_days, days_from_civil};
use super::{TIMESTAMP_RANGE, parse_timestamp, write_timestamp};
use crate::pen::Pen;

#[test]
fn every_day_of_the_range_follows_the_one_before() {
    let (first, last) = (-719_162, 2_932_896);
    assert_eq!((civil_from_days(first), civil_from_days(last)), ((1, 1, 1), (9999, 12, 31)));
    assert_eq!(civil_from_days(0), (1970, 1, 1));
    let mut before = (0, 12, 31);
    for days in first..=last {
        let (year, month, day) = civil_from_days(days);
        assert_eq!(days_from_civil(year, month, day), Some(days));
        let next_day = (before.0, before.1, before.2 + 1);
        let next_month = (before.0, before.1 + 1, 1);
        let next_year = (before.0 + 1, 1, 1);
        let found = (year, month, day);
        assert!([next_day, next_month, next_year].contains(&found), "{before:?} then {found:?}");
        // a day that follows within the month is not there if the month ends
        assert_eq!(found != next_day, days_from_civil(next_day.0, next_day.1, next_day.2).is_none());
        before = found;
    }
}

#[test]
fn there_are_no_other_dates() {
    for (year, month, day) in [
        (0, 1, 1),
        (10_000, 1, 1),
        (2023, 2, 29),
        (1900, 2, 29),
        (2024, 13, 1),
        (2024, 0, 1),
        (2024, 4, 31),
        (2024, 1, 0),
    ] {
        assert_eq!(days_from_civil(year, month, day), None, "{year}-{month}-{day}");
    }
    assert!(days_from_civil(2000, 2, 29).is_some());
}

#[test]
fn a_time_is_read_as_it_is_written() {
    let times = [
        (0, 0, "1970-01-01T00:00:00Z"),
        (-1, 999_999_999, "1969-12-31T23:59:59.999999999Z"),
        (1_709_210_096, 789_000_000, "2024-02-29T12:34:56.789Z"),
        (1_709_210_096, 1_000, "2024-02-29T12:34:56.000001Z"),
        (1_709_210_096, 20, "2024-02-29T12:34:56.000000020Z"),
        (*TIMESTAMP_RANGE.start(), 0, "0001-01-01T00:00:00Z"),
        (*TIMESTAMP_RANGE.end(), 10_000_000, "9999-12-31T23:59:59.010Z"),
    ];
    for (seconds, nanos, text) in times {
        let mut out = Vec::new();
        write_timestamp(&mut Pen::new(&mut out), seconds, nanos).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), text);
        assert_eq!(parse_timestamp(text), Some((seconds, nanos)), "{text}");
    }
}

#[test]
fn what_is_no_time_is_refused() {
    let wrong = [
        "2024-02-29T12:34:56",
        "2024-02-29 12:34:56Z",
        "2024-02-29t12:34:56Z",
        "2024-02-29T12:34:56z",
        "2024-02-29T24:00:00Z",
        "2024-02-29T12:60:00Z",
        "2024-02-29T12:34:60Z",
        "2024-02-29T12:34:56.Z",
        "2024-02-29T12:34:56.1234567890Z",
        "2024-02-29T12:34:56+24:00",
        "2024-02-29T12:34:56+0100",
        "2024-2-29T12:34:56Z",
        "0000-12-31T23:59:59Z",
        "+024-02-29T12:34:56Z",
        "2O24-02-29T12:34:56Z",
        "2024-02-29T1/:34:56Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "",
    ];
    for text in wrong {
        assert_eq!(parse_timestamp(text), None, "{text}");
    }
    assert_eq!(parse_timestamp("2024-02-29T12:34:56-08:30"), Some((1_709_210_096 + 8 * 3600 + 1800, 0)));
}

/// A time in UTC, character by character.
fn by_hand(text: &str) -> Option<(i64, i32)> {
    let text = text.strip_suffix('Z')?;
    let (text, fraction) = text.split_once('.').map_or((text, "0"), |(text, fraction)| (text, fraction));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !digits(fraction) || !(1..=9).contains(&fraction.len()) || text.len() != 19 || !text.is_ascii() {
        return None;
    }
    for (byte, form) in text.bytes().zip(b"0000-00-00T00:00:00") {
        if if *form == b'0' { !byte.is_ascii_digit() } else { byte != *form } {
            return None;
        }
    }
    let number = |from: usize, to: usize| text[from..to].parse::<u32>().unwrap();
    let (hour, minute, second) = (number(11, 13), number(14, 16), number(17, 19));
    let days = days_from_civil(number(0, 4), number(5, 7), number(8, 10))?;
    let nanos = format!("{fraction:0<9}").parse().unwrap();
    let time = hour * 3600 + minute * 60 + second;
    (hour < 24 && minute < 60 && second < 60).then_some((days * 86_400 + i64::from(time), nanos))
}

proptest! {
    #[test]
    fn a_time_is_read_as_it_is_read_by_hand(
        seconds in TIMESTAMP_RANGE,
        fraction in "(\\.[0-9]{0,11})?",
        change in prop::option::of((any::<prop::sample::Index>(), any::<char>())),
    ) {
        let mut out = Vec::new();
        write_timestamp(&mut Pen::new(&mut out), seconds, 0).unwrap();
        let mut text: Vec<char> = String::from_utf8(out).unwrap().replace('Z', &format!("{fraction}Z")).chars().collect();
        if let Some((at, to)) = change {
            let at = at.index(text.len());
            // mostly to another character that may stand in a time
            text[at] = b"0123456789-T:Z./;".get(to as usize % 20).map_or(to, |b| char::from(*b));
        }
        let text = String::from_iter(text);
        // zones are not read by hand
        if !text.bytes().skip(19).any(|b| matches!(b, b'+' | b'-')) {
            prop_assert_eq!(parse_timestamp(&text), by_hand(&text), "{}", text);
        }
    }
}
