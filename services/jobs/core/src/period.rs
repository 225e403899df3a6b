//! Lengths of time as Toolforge writes and reads them: `1d2h3m4s`.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::{Timestamp, civil, tz::TimeZone};

const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

/// The text of a duration (contract 3.4): parts that are zero are left out, seconds too once there is a day; never
/// empty.
pub fn duration_text(duration: Duration) -> String {
    let mut rest = duration.as_secs();
    let mut text = String::new();
    let whole_days = rest >= 86_400;
    for (unit, seconds) in UNITS {
        let count = rest / seconds;
        rest %= seconds;
        if count > 0 && !(whole_days && unit == 's') {
            // writing to a String cannot fail
            let _ = write!(text, "{count}{unit}");
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// A moment in whole seconds, `2026-11-23T23:00:00Z`.
pub fn moment_text(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Reads a moment (contract 4.4): ISO 8601, in UTC where it names no zone, or how long ago, such as `1d2h3m4s`.
pub fn parse_moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Some(ago) = parse_duration(text) {
        return Some(now.checked_sub(ago).unwrap_or(Timestamp::MIN));
    }
    let local = |moment: civil::DateTime| moment.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    text.parse::<Timestamp>().ok().or_else(|| local(text.parse::<civil::DateTime>().ok()?))
}

/// Reads `1d2h3m4s`: at least one part, each unit at most once and in this order.
fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0_u64;
    for (unit, length) in UNITS {
        if let Some((number, tail)) = rest.split_once(unit) {
            let digits = (1..=9).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
            if !digits {
                return None;
            }
            seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(length)?)?;
            rest = tail;
        }
    }
    (rest.is_empty() && !text.is_empty()).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use super::*;

    #[test]
    fn durations_are_written_as_the_contract_says() {
        for (seconds, text) in [
            (0, "0s"),
            (45, "45s"),
            (300, "5m"),
            (3903, "1h5m3s"),
            (86_400, "1d"),
            (86_401, "1d"),
            (93_784, "1d2h3m"),
            (90_000, "1d1h"),
        ] {
            assert_eq!(duration_text(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn moments_are_iso_or_ago() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        for (text, moment) in [
            ("1d2h3m4s", "2026-11-22T09:56:56Z"),
            ("90s", "2026-11-23T11:58:30Z"),
            ("2m", "2026-11-23T11:58:00Z"),
            ("2026-11-23T11:00:00Z", "2026-11-23T11:00:00Z"),
            ("2026-11-23T11:00:00+01:00", "2026-11-23T10:00:00Z"),
            ("2026-11-23T11:00:00", "2026-11-23T11:00:00Z"),
            ("2026-11-23 11:00", "2026-11-23T11:00:00Z"),
            ("2026-11-23", "2026-11-23T00:00:00Z"),
        ] {
            assert_eq!(moment_text(parse_moment(text, now).expect(text)), moment, "{text}");
        }
        for text in ["", "1x", "s", "1s2m", "1h1h", "-1s", "yesterday", "1d ", "9999999999s", "99:99"] {
            assert_eq!(parse_moment(text, now), None, "{text:?}");
        }
    }
}
