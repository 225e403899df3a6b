//! Patterns of words in upper and lower case: JSON Schema compares texts as they are.

/// What stands for itself in a pattern only behind a backslash (ECMA-262, 22.2.1).
const SYNTAX: &str = "^$\\.*+?()[]{}|/";

/// One of these words, with ASCII letters of either case.
pub(super) fn in_any_case(words: &[&str]) -> String {
    let mut pattern = String::from("^(?:");
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            pattern.push('|');
        }
        word.chars().for_each(|letter| push(&mut pattern, letter));
    }
    pattern + ")$"
}

fn push(pattern: &mut String, letter: char) {
    if letter.is_ascii_alphabetic() {
        let (upper, lower) = (letter.to_ascii_uppercase(), letter.to_ascii_lowercase());
        pattern.extend(['[', upper, lower, ']']);
    } else {
        if SYNTAX.contains(letter) {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_have_two_cases_and_syntax_none() {
        assert_eq!(in_any_case(&["a-B", "c.1|"]), r"^(?:[Aa]-[Bb]|[Cc]\.1\|)$");
    }
}
