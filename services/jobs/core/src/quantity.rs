//! Amounts of memory and processor time, with the contract's one spelling for each (3.9).

use std::fmt;

use crate::Violations;
use crate::quoted::Quoted;

const GIB: u128 = 1 << 30;
/// Values are scaled by this while they are parsed: the `n` suffix exactly, and more digits than anyone writes.
const SCALE: u128 = 1_000_000_000;
/// No job has more than this many GiB or cores; keeps every sum far from overflow.
const LARGEST: u64 = 1_000_000_000;

/// Memory, kept as Toolforge keeps it: GiB to three decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Memory {
    thousandths_of_gib: u64,
}

/// Processor time per time, in billionths of a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cpu {
    nanos: u64,
}

impl Memory {
    /// None at all.
    pub const ZERO: Self = Self::thousandths_of_gib(0);
    /// What a job gets that asks for nothing: `0.5Gi`.
    pub const DEFAULT: Self = Self::thousandths_of_gib(500);

    /// So many thousandths of a GiB.
    pub const fn thousandths_of_gib(thousandths_of_gib: u64) -> Self {
        Self { thousandths_of_gib }
    }

    /// So many GiB.
    pub const fn gib(gib: u64) -> Self {
        Self::thousandths_of_gib(gib * 1000)
    }

    /// Parses `512Mi`, `2G`, `0.5Gi`, `536870912`.
    pub fn parse(text: &str) -> Result<Self, Violations> {
        let refuse = || Violations::schema("memory", explain("memory", text, "512Mi, 2G or 0.5Gi"));
        let scaled = parse(text).ok_or_else(refuse)?;
        let thousandths = divide_rounding_even(scaled.checked_mul(1000).ok_or_else(refuse)?, SCALE * GIB);
        match u64::try_from(thousandths) {
            Ok(thousandths) if thousandths <= LARGEST => Ok(Self::thousandths_of_gib(thousandths)),
            _ => Err(refuse()),
        }
    }

    /// In bytes, rounded down.
    pub const fn bytes(self) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "at most 10^6 GiB, which is less than 2^64 bytes"
        )]
        let bytes = (self.thousandths_of_gib as u128 * GIB / 1000) as u64;
        bytes
    }

    /// So much for each of `count`.
    pub const fn times(self, count: u64) -> Self {
        Self::thousandths_of_gib(self.thousandths_of_gib.saturating_mul(count))
    }

    /// What is left of it; never less than none.
    pub const fn minus(self, other: Self) -> Self {
        Self::thousandths_of_gib(self.thousandths_of_gib.saturating_sub(other.thousandths_of_gib))
    }

    /// Both together.
    pub const fn plus(self, other: Self) -> Self {
        Self::thousandths_of_gib(self.thousandths_of_gib.saturating_add(other.thousandths_of_gib))
    }
}

impl Cpu {
    /// None at all.
    pub const ZERO: Self = Self { nanos: 0 };
    /// What a job gets that asks for nothing: `0.1`.
    pub const DEFAULT: Self = Self::millis(100);

    /// So many thousandths of a core.
    pub const fn millis(millis: u64) -> Self {
        Self { nanos: millis * 1_000_000 }
    }

    /// Parses `100m`, `1`, `0.25`.
    pub fn parse(text: &str) -> Result<Self, Violations> {
        let refuse = || Violations::schema("cpu", explain("CPU", text, "100m, 0.5 or 1"));
        match u64::try_from(parse(text).ok_or_else(refuse)?) {
            Ok(nanos) if nanos <= LARGEST * 1000 => Ok(Self { nanos }),
            _ => Err(refuse()),
        }
    }

    /// In thousandths of a core, rounded up as Kubernetes does.
    pub const fn as_millis(self) -> u64 {
        self.nanos.div_ceil(1_000_000)
    }

    /// So much for each of `count`.
    pub const fn times(self, count: u64) -> Self {
        Self { nanos: self.nanos.saturating_mul(count) }
    }

    /// What is left of it; never less than none.
    pub const fn minus(self, other: Self) -> Self {
        Self { nanos: self.nanos.saturating_sub(other.nanos) }
    }

    /// Both together.
    pub const fn plus(self, other: Self) -> Self {
        Self { nanos: self.nanos.saturating_add(other.nanos) }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(f, self.thousandths_of_gib, 3)?;
        f.write_str("Gi")
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(f, self.nanos, 9)
    }
}

fn explain(what: &str, text: &str, examples: &str) -> String {
    let text = Quoted(text);
    format!("Invalid {what} quantity {text}, expected a number with an optional unit such as {examples}")
}

/// The value times [`SCALE`], digits beyond that precision dropped; none for anything but
/// `<decimal number><suffix>?`.
fn parse(text: &str) -> Option<u128> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (numerator, denominator) = unit(suffix)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.contains('.') || whole.len() + fraction.len() == 0 || number.len() > 40 {
        return None;
    }
    let digits = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<u128>().ok() };
    let kept = fraction.get(..fraction.len().min(18))?;
    let ten = 10_u128.pow(u32::try_from(kept.len()).ok()?);
    let scale = |value: u128| value.checked_mul(numerator)?.checked_mul(SCALE)?.checked_div(denominator);
    let fraction = digits(kept)?.checked_mul(SCALE)?.checked_mul(numerator)? / (ten * denominator);
    scale(digits(whole)?)?.checked_add(fraction)
}

/// What a suffix multiplies by, as a fraction.
fn unit(suffix: &str) -> Option<(u128, u128)> {
    Some(match suffix {
        "" => (1, 1),
        "n" => (1, 1_000_000_000),
        "u" => (1, 1_000_000),
        "m" => (1, 1000),
        "k" => (1000, 1),
        "M" => (1000_u128.pow(2), 1),
        "G" => (1000_u128.pow(3), 1),
        "T" => (1000_u128.pow(4), 1),
        "P" => (1000_u128.pow(5), 1),
        "E" => (1000_u128.pow(6), 1),
        "Ki" => (1 << 10, 1),
        "Mi" => (1 << 20, 1),
        "Gi" => (1 << 30, 1),
        "Ti" => (1 << 40, 1),
        "Pi" => (1 << 50, 1),
        "Ei" => (1 << 60, 1),
        _ => return None,
    })
}

/// Halves go to the even neighbour, as Python's `round` does.
fn divide_rounding_even(value: u128, by: u128) -> u128 {
    let (quotient, rest) = (value / by, value % by);
    match (rest * 2).cmp(&by) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal => quotient + quotient % 2,
    }
}

/// A value of `1 / 10^digits` units in the shortest spelling that has a decimal point.
fn write_decimal(f: &mut fmt::Formatter<'_>, value: u64, digits: usize) -> fmt::Result {
    let one = 10_u64.pow(u32::try_from(digits).unwrap_or(9));
    let fraction = format!("{:0digits$}", value % one);
    let shortest = fraction.trim_end_matches('0');
    write!(f, "{}.{}", value / one, if shortest.is_empty() { "0" } else { shortest })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use super::*;

    #[test]
    fn memory_is_spelled_in_gib() {
        for (text, normal) in [
            ("512Mi", "0.5Gi"),
            ("2G", "1.863Gi"),
            ("2Gi", "2.0Gi"),
            ("0.5Gi", "0.5Gi"),
            (".5Gi", "0.5Gi"),
            ("1.Gi", "1.0Gi"),
            ("536870912", "0.5Gi"),
            ("100Mi", "0.098Gi"),
            ("1k", "0.0Gi"),
            ("1Ti", "1024.0Gi"),
            ("500000000000000m", "465.661Gi"),
        ] {
            assert_eq!(Memory::parse(text).unwrap().to_string(), normal, "{text}");
        }
        assert_eq!(Memory::DEFAULT.bytes(), 512 << 20);
        assert_eq!(Memory::parse("1.863Gi").unwrap().to_string(), "1.863Gi", "what we print, we read");
    }

    #[test]
    fn cpu_is_spelled_in_cores() {
        for (text, normal) in
            [("100m", "0.1"), ("1", "1.0"), ("1.5", "1.5"), ("1500u", "0.0015"), ("250000000n", "0.25")]
        {
            assert_eq!(Cpu::parse(text).unwrap().to_string(), normal, "{text}");
        }
        assert_eq!(Cpu::parse("1u").unwrap().as_millis(), 1);
    }

    #[test]
    fn nonsense_is_refused() {
        let longest = "9".repeat(41);
        let largest = format!("{}Ei", "9".repeat(38));
        for text in [
            "", "Gi", ".", "-1", "+1", "1e3", "1 Gi", "1gi", "1.2.3", "1Gi ", "0x10", "NaN", "inf", "१",
            "1KiB", &longest, &largest,
        ] {
            assert!(Memory::parse(text).is_err(), "{text:?}");
            assert!(Cpu::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(
            Cpu::parse("lots").unwrap_err().to_string(),
            "Invalid CPU quantity \"lots\", expected a number with an optional unit such as 100m, 0.5 or 1"
        );
    }
}
