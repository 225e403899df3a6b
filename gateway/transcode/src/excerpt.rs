//! Excerpts of text that comes from outside, for a message to a person: names, keys and values may be endless.

use std::borrow::Cow;

/// The first `longest` characters; an ellipsis stands for the rest.
pub(crate) fn beginning(text: &str, longest: usize) -> Cow<'_, str> {
    match text.char_indices().nth(longest) {
        Some((cut, _)) => Cow::Owned(format!("{}…", text.get(..cut).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

/// As [`beginning`], in quotes and escaped as Rust has it; cut before it is escaped, which makes text many times longer.
pub(crate) fn quoted(text: &str, longest: usize) -> String {
    format!("{:?}", beginning(text, longest))
}

/// About `longest` characters of the beginning and of the end together, with an ellipsis between them.
pub(crate) fn ends(text: &str, longest: usize) -> Cow<'_, str> {
    let count = text.chars().count();
    if count <= longest {
        return Cow::Borrowed(text);
    }
    let at = |char: usize| text.char_indices().nth(char).map_or(text.len(), |(at, _)| at);
    let (first, last) = (at(longest / 2), at(count - longest / 2));
    Cow::Owned(format!("{}…{}", text.get(..first).unwrap_or_default(), text.get(last..).unwrap_or_default()))
}
