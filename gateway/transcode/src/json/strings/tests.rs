//! Strings of every spelling, at every distance from the end of the document, as another JSON reader reads them.
#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use crate::json::Scanner;

/// A string in quotes, mostly as it should be.
fn spelled() -> impl Strategy<Value = String> {
    let right = prop::sample::select(vec![
        "a",
        "é",
        "😀",
        "\\\"",
        "\\\\",
        "\\/",
        "\\b",
        "\\f",
        "\\n",
        "\\r",
        "\\t",
        "\\u0000",
        "\\u007f",
        "\\u0080",
        "\\u07FF",
        "\\u0800",
        "\\u2014",
        "\\ud7ff",
        "\\ue000",
        "\\uFFFF",
        "\\ud83d\\ude00",
        "fifteen letters",
    ]);
    let wrong = prop::sample::select(vec![
        "\\",
        "\\x",
        "\\u12",
        "\\u12g4",
        "\\ud800",
        "\\udc00",
        "\\ud800\\u0041",
        "\n",
        "\u{1f}",
        "\"",
    ]);
    let part = prop_oneof![60 => right, 1 => wrong];
    prop::collection::vec(part, 0..24).prop_map(|parts| format!("\"{}\"", parts.concat()))
}

proptest! {
    #[test]
    fn a_string_is_read_as_another_reader_reads_it(spelled in spelled(), behind in 0..40_usize) {
        let document = format!("{spelled}{}", " ".repeat(behind));
        let wanted = serde_json::from_str::<String>(&spelled);
        let (mut scan, mut out) = (Scanner::of_text(&document), Vec::new());
        let read = scan.text_into(&mut out).and_then(|()| scan.end());
        prop_assert_eq!(read.is_ok(), wanted.is_ok());
        let mut other = Scanner::of_text(&document);
        let string = other.string().map(std::borrow::Cow::into_owned).and_then(|text| other.end().map(|()| text));
        prop_assert_eq!(string.is_ok(), wanted.is_ok());
        if let Ok(wanted) = wanted {
            let mut framed = Vec::new();
            crate::scalar::put_bytes(&mut framed, wanted.as_bytes());
            prop_assert_eq!(out, framed);
            prop_assert_eq!(string.unwrap(), wanted);
        }
    }
}
