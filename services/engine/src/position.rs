//! A place in a job's output, and its spelling as a cursor.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::{Cursor, Error, InstanceId};

/// The last entry that was given, and how many may follow. The order of a job's entries is that of (time, instance,
/// ordinal), which no retention and no restart changes; so a place needs no file and no server to remain valid.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Its time.
    pub time: Timestamp,
    /// The instance that wrote it.
    pub instance: InstanceId,
    /// Its number among the entries of that instance.
    pub ordinal: u64,
    /// How many more may be given where the query has `lines`.
    pub left: Option<u64>,
}

/// The longest instance name in a cursor, in bytes.
const MOST: usize = 512;

impl Position {
    /// Spells it in letters, digits and dots.
    pub fn cursor(&self) -> Cursor {
        let left = self.left.map_or_else(String::new, |left| format!("{left:x}"));
        let mut cursor = format!("1.{:x}.{:x}.{left}.", self.time.as_microsecond(), self.ordinal);
        for byte in self.instance.0.bytes() {
            // writing to a string cannot fail
            let _ = write!(cursor, "{byte:02x}");
        }
        Cursor(cursor)
    }

    /// Reads what [`cursor`](Self::cursor) wrote; all else is [`Error::BadCursor`].
    pub fn parse(cursor: &Cursor) -> Result<Self, Error> {
        Self::read(&cursor.0).ok_or(Error::BadCursor)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("1.")?.split('.');
        let (time, ordinal, left, instance) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || instance.len() > 2 * MOST {
            return None;
        }
        let left = if left.is_empty() { None } else { Some(number(left)?) };
        Some(Self {
            time: Timestamp::from_microsecond(i64::try_from(number(time)?).ok()?).ok()?,
            instance: InstanceId(bytes(instance)?),
            ordinal: number(ordinal)?,
            left,
        })
    }
}

/// Hexadecimal digits without a sign.
fn number(digits: &str) -> Option<u64> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    plain.then(|| u64::from_str_radix(digits, 16).ok())?
}

fn bytes(digits: &str) -> Option<String> {
    if !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return None;
    }
    let pairs = (0..digits.len()).step_by(2).map(|at| u8::try_from(number(&digits[at..at + 2])?).ok());
    String::from_utf8(pairs.collect::<Option<Vec<u8>>>()?).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_needs_no_escape() {
        for (instance, left) in [("job-1-a.b&#é", None), ("", Some(7)), ("x", Some(u64::MAX))] {
            let time = Timestamp::from_microsecond(1_700_000_000_123_456).unwrap();
            let position = Position { time, instance: InstanceId(instance.into()), ordinal: 99, left };
            let cursor = position.cursor();
            assert!(cursor.0.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.'), "{cursor:?}");
            assert_eq!(Position::parse(&cursor).unwrap(), position);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let long = format!("1.1.1..{}", "61".repeat(513));
        let foreign = [
            "",
            "1",
            "1.",
            "2.1.1..61",
            "1.1.1.61",
            "1.1.1..6",
            "1.1.1..61.1",
            "1.-1.1..61",
            "1.1.1..éé",
            &long,
        ];
        for text in foreign.into_iter().chain(["1.ffffffffffffffff.1..61", "1.+1.1..61", "1.1.1..ff"]) {
            assert!(matches!(Position::parse(&Cursor(text.into())), Err(Error::BadCursor)), "{text}");
        }
    }
}
