//! Values as people write them: times with a unit, sizes with a unit, and words that the command line knows too.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::args::{Accesses, Described, Form, Protocol, Target, UnstatedAccess};

/// A time: a number with one of the units ms, s, m and h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time(pub(super) Duration);

impl FromStr for Time {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "expected a time such as 200ms, 30s, 5m or 1h";
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        let number: u64 = number.parse().map_err(|_| expected)?;
        let millis = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(expected),
        };
        number.checked_mul(millis).map(|millis| Self(Duration::from_millis(millis))).ok_or(expected)
    }
}

/// A number of bytes: a number alone, or with one of the units KiB, MiB and GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size(pub(super) u64);

impl FromStr for Size {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "expected a number of bytes such as 65536, 64KiB or 4MiB";
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        let number: u64 = number.parse().map_err(|_| expected)?;
        let bytes = match unit.trim_start() {
            "" => 1_u64,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(expected),
        };
        number.checked_mul(bytes).map(Self).ok_or(expected)
    }
}

/// A word that is read as on the command line.
#[derive(Clone, Debug)]
pub(crate) struct Text<T>(pub(crate) T);

/// What can stand for a word.
pub(crate) trait Word: Sized {
    /// Reads it, or says what was expected.
    fn read(text: &str) -> Result<Self, String>;
}

impl Word for Target {
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: crate::args::TargetError| error.to_string())
    }
}

impl Word for Described {
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|never| match never {})
    }
}

impl Word for Time {
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(str::to_owned)
    }
}

impl Word for Size {
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(str::to_owned)
    }
}

macro_rules! words {
    ($($kind:ty),*) => {
        $(impl Word for $kind {
            fn read(text: &str) -> Result<Self, String> {
                one_of(text)
            }
        })*
    };
}

words!(Protocol, Form, UnstatedAccess, Accesses);

/// Reads one of the words of a command line's option.
fn one_of<T: ValueEnum>(text: &str) -> Result<T, String> {
    T::from_str(text, false).map_err(|_| {
        let words = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let words: Vec<String> = words.map(|word| word.get_name().to_owned()).collect();
        format!("expected {}, got {text:?}", words.join(" or "))
    })
}

impl<'de, T: Word> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordVisitor(PhantomData)).map(Text)
    }
}

macro_rules! scalars {
    ($($kind:ty),*) => {
        $(impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(WordVisitor(PhantomData))
            }
        })*
    };
}

scalars!(Time, Size);

/// Takes texts, and numbers as the texts that they were.
struct WordVisitor<T>(PhantomData<T>);

impl<T: Word> Visitor<'_> for WordVisitor<T> {
    type Value = T;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a word")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::read(text).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}

#[cfg(test)]
mod tests {
    //! Numbers with units.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn times_have_units_and_sizes_may() {
        let millis = |text: &str| text.parse::<Time>().map(|time| time.0.as_millis());
        assert_eq!(
            (millis("200ms"), millis("30s"), millis("5m"), millis("1h")),
            (Ok(200), Ok(30_000), Ok(300_000), Ok(3_600_000))
        );
        for bad in
            ["", "5", "s", "-5s", "1.5s", "5 s", "5d", "99999999999999999999s", "18446744073709551615h"]
        {
            assert!(millis(bad).is_err(), "{bad}");
        }
        let bytes = |text: &str| text.parse::<Size>().map(|size| size.0);
        assert_eq!(
            (bytes("512"), bytes("64KiB"), bytes("4 MiB"), bytes("0")),
            (Ok(512), Ok(65_536), Ok(4 << 20), Ok(0))
        );
        for bad in ["", "KiB", "-1", "1.5MiB", "4MB", "4mib", "18446744073709551615GiB"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }
}
