//! Compared with what Python's `textwrap` has made of the same texts.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

#[test]
fn paragraphs_are_filled_as_python_fills_them() {
    let cases: Vec<(String, String)> =
        serde_json::from_str(include_str!("../../tests/golden/fill.json")).unwrap();
    assert!(cases.len() > 20);
    for (text, expected) in cases {
        assert_eq!(fill(&text), expected, "{text:?}");
    }
}

#[test]
fn durations_skip_what_is_zero() {
    let shown = [0, 45, 60, 300, 3903, 86400, 93780, 93784, 3600].map(duration);
    assert_eq!(shown, ["0s", "45s", "1m", "5m", "1h5m3s", "1d", "1d2h3m", "1d2h3m", "1h"]);
}

#[test]
fn only_the_first_letter_is_raised() {
    assert_eq!(["running", "", "éTÉ"].map(capitalize), ["Running", "", "Été"]);
}
