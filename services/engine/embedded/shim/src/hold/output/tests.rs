//! Lines come out whole, however the bytes arrive.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

fn lines(parts: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut line = Line::default();
    let mut seen = Vec::new();
    for part in parts {
        line.feed(part, |line| seen.push(line.to_vec()));
    }
    line.end(|line| seen.push(line.to_vec()));
    seen
}

#[test]
fn lines_are_the_same_for_every_cut() {
    let text = b"one\n\ntwo\r\nthree";
    for cut in 0..=text.len() {
        let seen = lines(&[&text[..cut], &text[cut..]]);
        assert_eq!(seen, [&b"one"[..], b"", b"two\r", b"three"], "cut at {cut}");
    }
}

#[test]
fn a_last_line_end_makes_no_line() {
    assert_eq!(lines(&[b"one\n"]), [b"one"]);
    assert!(lines(&[]).is_empty());
}

#[test]
fn long_lines_are_cut_and_nothing_is_lost() {
    let text = vec![b'x'; MAX_LINE * 2 + 5];
    let seen = lines(&[&text[..100], &text[100..], b"\n"]);
    assert_eq!(seen.iter().map(Vec::len).collect::<Vec<_>>(), [MAX_LINE, MAX_LINE, 5]);
    assert_eq!(lines(&[&text[..MAX_LINE], b"\n"]).len(), 1);
}

#[test]
fn characters_are_not_cut() {
    for character in ["é", "€", "😀"] {
        for shift in 0..4 {
            let text = "x".repeat(shift) + &character.repeat(MAX_LINE);
            let seen = lines(&[text.as_bytes()]);
            assert!(seen.iter().all(|line| std::str::from_utf8(line).is_ok() && line.len() <= MAX_LINE));
            assert_eq!(seen.concat(), text.as_bytes());
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_kept() {
    for byte in [0x80, 0xff, 0xe2] {
        let text = vec![byte; MAX_LINE * 3];
        assert_eq!(lines(&[&text]).concat(), text);
    }
}
