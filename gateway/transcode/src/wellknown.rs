//! The text forms of Timestamp, Duration and `FieldMask`, both ways (protobuf's JSON mapping; RFC 3339).

mod civil;
#[cfg(test)]
mod tests;

use crate::pen::Pen;
use civil::{civil_from_days, days_from_civil};

/// Seconds of 0001-01-01T00:00:00Z and of 9999-12-31T23:59:59Z.
const TIMESTAMP_RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
/// Ten thousand years, in seconds.
const DURATION_LIMIT: i64 = 315_576_000_000;

/// What a Timestamp looks like.
pub(crate) const TIMESTAMP: &str = "an RFC 3339 time from year 1 to 9999 such as \"2026-01-02T03:04:05.6Z\"";
/// What a Duration looks like.
pub(crate) const DURATION: &str = "a duration of seconds within 315576000000 such as \"3.5s\"";
/// What a `FieldMask` looks like.
pub(crate) const FIELD_MASK: &str = "field paths in lowerCamelCase joined by commas";

/// Seconds and nanoseconds of an RFC 3339 time.
pub(crate) fn parse_timestamp(text: &str) -> Option<(i64, i32)> {
    let (date, rest) = text.as_bytes().split_first_chunk::<8>()?;
    let (clock, rest) = rest.split_first_chunk::<8>()?;
    let (tail, rest) = rest.split_first_chunk::<3>()?;
    let [century, _, year, _, _, month, ..] = pairs(*date, *b"0000-00-")?;
    let [day, _, _, hour, _, _, minute, _] = pairs(*clock, *b"00T00:00")?;
    let [_, second, ..] = pairs([tail[0], tail[1], tail[2], 0, 0, 0, 0, 0], *b":00\0\0\0\0\0")?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_from_civil(u32::from(century) * 100 + u32::from(year), month.into(), day.into())?;
    let (nanos, zone) = fraction(rest)?;
    let time = u32::from(hour) * 3_600 + u32::from(minute) * 60 + u32::from(second);
    let seconds = days * 86_400 + i64::from(time) - offset(zone)?;
    TIMESTAMP_RANGE.contains(&seconds).then_some((seconds, nanos))
}

/// Eight characters of which those are digits that are `0` in `form`, and the others as there; in each byte where two
/// digits begin the number that they make.
#[inline]
fn pairs(text: [u8; 8], form: [u8; 8]) -> Option<[u8; 8]> {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // what is added to a digit has the high bit from ten on, what is added to another character from one on
    let limits = form.map(|byte| if byte == b'0' { 0x76 } else { 0x7f });
    let values = u64::from_le_bytes(text) ^ u64::from_le_bytes(form);
    if (values.wrapping_add(u64::from_le_bytes(limits)) | values) & HIGH != 0 {
        return None;
    }
    Some((values * 10 + (values >> 8)).to_le_bytes())
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0_i64, |value, b| b.is_ascii_digit().then(|| value * 10 + i64::from(b - b'0')))
}

/// Nanoseconds of an optional fraction of one to nine digits, and what follows it.
fn fraction(bytes: &[u8]) -> Option<(i32, &[u8])> {
    const SCALES: [u32; 10] = [0, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];
    let Some(rest) = bytes.strip_prefix(b".") else { return Some((0, bytes)) };
    let (mut value, mut len) = (0_u32, 0);
    while let Some(digit) = rest.get(len).map(|b| b.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        // with more than nine digits the product is of no use, and there is no scale for it
        value = value.wrapping_mul(10).wrapping_add(digit.into());
        len += 1;
    }
    let scale = SCALES.get(len).copied().filter(|scale| *scale > 0)?;
    Some((i32::try_from(value * scale).ok()?, rest.get(len..)?))
}

/// Seconds east of UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    let sign = match zone {
        [b'Z'] => return Some(0),
        [b'+', _, _, b':', _, _] => 1,
        [b'-', _, _, b':', _, _] => -1,
        _ => return None,
    };
    let (hours, minutes) = (digits(zone.get(1..3)?)?, digits(zone.get(4..6)?)?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// Appends a time in UTC with 0, 3, 6 or 9 digits of fraction; nothing when it is out of range.
pub(crate) fn write_timestamp(out: &mut Pen<'_>, seconds: i64, nanos: i32) -> Option<()> {
    if !TIMESTAMP_RANGE.contains(&seconds) || !(0..1_000_000_000).contains(&nanos) {
        return None;
    }
    let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
    let time = u32::try_from(seconds.rem_euclid(86_400)).ok()?;
    let [century, year] = [pair(year / 100), pair(year % 100)];
    let [month, day] = [pair(month), pair(day)];
    let [hour, minute, second] = [pair(time / 3_600), pair(time / 60 % 60), pair(time % 60)];
    // eight characters at a time: "2026-01-", "02T03:04", ":05"
    let date = century | year << 16 | DASH << 32 | month << 40 | DASH << 56;
    let clock = day | u64::from(b'T') << 16 | hour << 24 | COLON << 40 | minute << 48;
    out.array(&date.to_le_bytes());
    out.array(&clock.to_le_bytes());
    out.block(&(COLON | second << 8).to_le_bytes(), 3);
    write_fraction(out, nanos);
    out.byte(b'Z');
    Some(())
}

const DASH: u64 = b'-' as u64;
const COLON: u64 = b':' as u64;

/// The numbers below 100 as two digits each, the first digit in the lower byte.
const PAIRS: [u16; 100] = {
    let mut pairs = [0; 100];
    let mut value = 0_u16;
    while value < 100 {
        pairs[value as usize] = value / 10 + value % 10 * 256 + 0x3030;
        value += 1;
    }
    pairs
};

/// Two digits as text, the first one in the lowest byte.
#[inline]
fn pair(value: u32) -> u64 {
    PAIRS.get(value as usize).copied().unwrap_or_default().into()
}

fn write_fraction(out: &mut Pen<'_>, nanos: i32) {
    let Some(nanos) = u32::try_from(nanos).ok().filter(|n| *n > 0) else { return };
    let groups = [nanos / 1_000_000, nanos / 1_000 % 1_000, nanos % 1_000];
    let shown = if groups[2] > 0 {
        3
    } else if groups[1] > 0 {
        2
    } else {
        1
    };
    out.byte(b'.');
    for group in groups.iter().take(shown) {
        let text = u32::try_from(pair(group / 10)).unwrap_or_default() | (u32::from(b'0') + group % 10) << 16;
        out.block(&text.to_le_bytes(), 3);
    }
}

/// Seconds and nanoseconds of a duration such as `-1.5s`; both carry the sign.
pub(crate) fn parse_duration(text: &str) -> Option<(i64, i32)> {
    let number = text.strip_suffix('s')?;
    let (sign, number) = match number.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, number),
    };
    let bytes = number.as_bytes();
    let whole = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    if !(1..=12).contains(&whole) {
        return None;
    }
    let seconds = digits(bytes.get(..whole)?)?;
    let (nanos, rest) = fraction(bytes.get(whole..)?)?;
    if !rest.is_empty() || seconds > DURATION_LIMIT {
        return None;
    }
    Some((sign * seconds, i32::try_from(sign).ok()? * nanos))
}

/// Appends a duration; nothing when it is out of range or its parts differ in sign.
pub(crate) fn write_duration(out: &mut Pen<'_>, seconds: i64, nanos: i32) -> Option<()> {
    let mixed = (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0);
    if mixed || seconds.unsigned_abs() > DURATION_LIMIT.unsigned_abs() || nanos.unsigned_abs() > 999_999_999 {
        return None;
    }
    if seconds < 0 || nanos < 0 {
        out.byte(b'-');
    }
    out.bytes(itoa::Buffer::new().format(seconds.unsigned_abs()).as_bytes());
    write_fraction(out, nanos.abs());
    out.byte(b's');
    Some(())
}

/// One path of a field mask from its JSON form to its proto form.
pub(crate) fn mask_to_snake(path: &str) -> Option<String> {
    let mut out = String::with_capacity(path.len() + 4);
    for c in path.chars() {
        match c {
            'A'..='Z' => {
                out.push('_');
                out.push(c.to_ascii_lowercase());
            }
            'a'..='z' | '0'..='9' | '.' => out.push(c),
            _ => return None,
        }
    }
    Some(out).filter(|o| !o.is_empty())
}

/// Appends one path of a field mask in its JSON form; nothing when it would not come back the same.
pub(crate) fn mask_to_camel(out: &mut Pen<'_>, path: &str) -> Option<()> {
    let mut upper = false;
    for b in path.bytes() {
        match (b, upper) {
            (b'_', false) => upper = true,
            (b'a'..=b'z', true) => {
                out.byte(b.to_ascii_uppercase());
                upper = false;
            }
            (b'a'..=b'z' | b'0'..=b'9' | b'.', false) => out.byte(b),
            _ => return None,
        }
    }
    (!upper && !path.is_empty()).then_some(())
}
