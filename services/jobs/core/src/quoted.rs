//! A user's text in a sentence about it: quoted, and never longer than helps.

use std::fmt;

/// The first characters of a text in quotes, and an ellipsis where it goes on. (The precision of a `{:.40?}` would not
/// do: `str` ignores it.)
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

/// So many characters tell which text it is.
const SHOWN: usize = 60;

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(SHOWN) {
            Some((end, _)) => write!(f, "{:?}…", self.0.get(..end).unwrap_or_default()),
            None => write!(f, "{:?}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(Quoted("a\"b").to_string(), "\"a\\\"b\"");
        assert_eq!(Quoted(&"ä".repeat(60)).to_string(), format!("\"{}\"", "ä".repeat(60)));
        assert_eq!(Quoted(&"ä".repeat(1 << 20)).to_string(), format!("\"{}\"…", "ä".repeat(60)));
    }
}
