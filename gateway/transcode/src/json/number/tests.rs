//! Numbers by table.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use super::{double, integer, is_number};
use crate::json::Scanner;

#[test]
fn integers_in_every_spelling() {
    let rows = [
        ("0", Some(0)),
        ("-0", Some(0)),
        ("1.0", Some(1)),
        ("1.5", None),
        ("15e-1", None),
        ("150e-1", Some(15)),
        ("1e3", Some(1000)),
        ("1E+3", Some(1000)),
        ("0.001e3", Some(1)),
        ("-2.50e2", Some(-250)),
        ("0e1000000000000", Some(0)),
        ("0.000e-99999999999999999999", Some(0)),
        ("1e19", Some(10_000_000_000_000_000_000)),
        ("1e20", None),
        ("1e1000000000", None),
        ("1e99999999999999999999", None),
        ("1e-99999999999999999999", None),
        ("18446744073709551615", Some(18_446_744_073_709_551_615)),
        ("99999999999999999999", Some(99_999_999_999_999_999_999)),
        ("100000000000000000000", None),
        ("100000000000000000000e-1", Some(10_000_000_000_000_000_000)),
    ];
    for (text, expected) in rows {
        assert!(is_number(text), "{text}");
        assert_eq!(integer(text), expected, "{text}");
    }
}

#[test]
fn what_is_no_number_of_json() {
    for text in [
        "", "-", "+1", "01", "-01", ".5", "1.", "1e", "1e+", "0x1", "1_0", " 1", "1 ", "NaN", "Infinity", "١",
    ] {
        assert!(!is_number(text), "{text}");
    }
}

#[test]
fn plain_integers_step_over_exactly_what_they_read() {
    let rows = [
        ("7,", Some((7, 1))),
        ("-7]", Some((-7, 2))),
        ("0", Some((0, 1))),
        ("999999999999999999}", Some((999_999_999_999_999_999, 18))),
        ("1000000000000000000", None),
        ("01", None),
        ("1.0", None),
        ("1e1", None),
        ("1E1", None),
        ("-", None),
        ("", None),
        ("x", None),
    ];
    for (text, expected) in rows {
        let mut scanner = Scanner::of_text(text);
        let read = scanner.plain_integer().map(|value| (value, scanner.position()));
        assert_eq!(read, expected, "{text}");
        assert!(expected.is_some() || scanner.position() == 0, "{text}");
    }
}

#[test]
fn doubles_are_rounded_exactly() {
    // halfway cases and the edges of the range
    let rows = [
        ("9007199254740993", 9_007_199_254_740_992.0_f64),
        ("9007199254740995", 9_007_199_254_740_996.0),
        ("2.2250738585072011e-308", 2.225_073_858_507_201e-308),
        ("4.9e-324", 5e-324),
        ("2.4703282292062327e-324", 0.0),
    ];
    for (text, expected) in rows {
        assert_eq!(double(text).map(f64::to_bits), Some(expected.to_bits()), "{text}");
    }
    assert_eq!(double("1.8e308"), None);
}
