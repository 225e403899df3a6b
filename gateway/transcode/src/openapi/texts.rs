//! Comments as texts for readers of a document.

/// A comment without its internal parts `(-- … --)` and with plain names for cross-references `[Name][pkg.Name]`
/// (AIP-192).
pub(super) fn public(comment: &str) -> String {
    let mut out = String::with_capacity(comment.len());
    let mut rest = comment;
    while let Some((before, hidden)) = rest.split_once("(--") {
        out.push_str(before);
        rest = hidden.split_once("--)").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    plain_references(&out).trim().to_owned()
}

/// `[Name][pkg.Name]` and `[Name][]` as `Name`: what a document shows has no such link targets.
fn plain_references(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("][") {
        let target = after.split_once(']').filter(|(target, _)| is_name(target));
        if let (Some(open), Some((_, tail))) = (before.rfind('['), target) {
            out.push_str(before.get(..open).unwrap_or_default());
            out.push_str(before.get(open + 1..).unwrap_or_default());
            rest = tail;
        } else {
            out.push_str(before);
            out.push_str("][");
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

fn is_name(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_'))
}

/// The first sentence of a text, on one line.
pub(super) fn summary(text: &str) -> String {
    let paragraph = text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    match paragraph.split_once(". ") {
        Some((sentence, _)) => format!("{sentence}."),
        None => paragraph,
    }
}

/// Adds a sentence as a paragraph of its own.
pub(super) fn add(text: &mut String, sentence: &str) {
    if !text.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(sentence);
}

/// Names as code, joined by commas.
pub(super) fn names<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_lose_what_is_internal() {
        assert_eq!(
            public("A book.\n(-- api-linter: off\n --)\nSee [Shelf][a.b.Shelf]."),
            "A book.\n\nSee Shelf."
        );
        assert_eq!(public("[a][b c] and x][y"), "[a][b c] and x][y");
        assert_eq!(public("cut (-- off"), "cut");
    }

    #[test]
    fn a_summary_is_one_sentence() {
        assert_eq!(summary("Gets a\nbook. Or not.\n\nMore."), "Gets a book.");
        assert_eq!(summary("Gets e.g.this"), "Gets e.g.this");
    }
}
