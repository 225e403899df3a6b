//! Text as the former client lays it out: paragraphs filled to a width, first letters raised.

/// Fills a paragraph to 70 columns, as Python's `textwrap.fill` does: white space becomes spaces, lines break at spaces
/// and after hyphens between letters, and a word that is longer than a line is cut.
pub(crate) fn fill(text: &str) -> String {
    fill_to(text, 70)
}

fn fill_to(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    let mut chunks: std::collections::VecDeque<String> = chunks(&expand(text)).into();
    while let Some(chunk) = chunks.pop_front() {
        let room = width - length(&line).min(width);
        if line.is_empty() && !lines.is_empty() && chunk.trim().is_empty() {
            continue;
        }
        if length(&chunk) <= room {
            line.push_str(&chunk);
            continue;
        }
        if length(&chunk) > width && room > 0 {
            let cut = cut(&chunk, room);
            line.push_str(&chunk[..cut]);
            chunks.push_front(chunk[cut..].to_owned());
        } else {
            chunks.push_front(chunk);
        }
        finish(&mut lines, &mut line);
    }
    finish(&mut lines, &mut line);
    lines.join("\n")
}

/// A first letter raised, the others lowered, as Python's `str.capitalize`.
pub(crate) fn capitalize(word: &str) -> String {
    let mut chars = word.chars();
    let first = chars.next().map(|first| first.to_uppercase().collect::<String>());
    first.unwrap_or_default() + &chars.as_str().to_lowercase()
}

/// Seconds as the platform writes durations: `45s`, `1h5m3s`, `1d2h3m`.
pub(crate) fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60);
    let mut text = String::new();
    for (count, unit) in [(days, 'd'), (hours, 'h'), (minutes, 'm')] {
        if count > 0 {
            text = format!("{text}{count}{unit}");
        }
    }
    if days == 0 && (!seconds.is_multiple_of(60) || text.is_empty()) {
        text = format!("{text}{}s", seconds % 60);
    }
    text
}

fn finish(lines: &mut Vec<String>, line: &mut String) {
    let done = line.trim_end_matches(' ');
    if !done.is_empty() {
        lines.push(done.to_owned());
    }
    line.clear();
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// The byte after so many characters; behind a hyphen before that, where there is one with something in front of it.
fn cut(chunk: &str, room: usize) -> usize {
    let end = chunk.char_indices().nth(room).map_or(chunk.len(), |(at, _)| at);
    match chunk[..end].rfind('-') {
        Some(hyphen) if hyphen > 0 && chunk[..hyphen].chars().any(|c| c != '-') => hyphen + 1,
        _ => end,
    }
}

/// Tabs to the next column of eight, other white space to one space each.
fn expand(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut column = 0;
    for c in text.chars() {
        match c {
            '\t' => {
                let spaces = 8 - column % 8;
                out.extend(std::iter::repeat_n(' ', spaces));
                column += spaces;
            }
            '\n' | '\r' => {
                out.push(' ');
                column = 0;
            }
            '\x0b' | '\x0c' => {
                out.push(' ');
                column += 1;
            }
            _ => {
                out.push(c);
                column += 1;
            }
        }
    }
    out
}

/// What a line may not be broken in: runs of spaces, words, and the parts of a word up to a hyphen between letters.
fn chunks(text: &str) -> Vec<String> {
    let mut chunks = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_space = first == ' ';
        let end = rest.find(|c: char| (c == ' ') != is_space).unwrap_or(rest.len());
        if is_space {
            chunks.push(rest[..end].to_owned());
        } else {
            split_word(&rest[..end], &mut chunks);
        }
        rest = &rest[end..];
    }
    chunks
}

/// Breaks behind a hyphen between letters (two in front, or a letter and a hyphen before the last; two behind), and
/// around a dash of two or more hyphens between word characters.
fn split_word(word: &str, chunks: &mut Vec<String>) {
    let chars: Vec<char> = word.chars().collect();
    let mut start = 0;
    let mut push = |from: usize, to: usize| {
        if from < to {
            chunks.push(chars[from..to].iter().collect());
        }
    };
    let mut at = 0;
    while let Some(hyphen) = (at..chars.len()).find(|&i| chars[i] == '-') {
        let end = (hyphen..chars.len()).find(|&i| chars[i] != '-').unwrap_or(chars.len());
        if is_dash(&chars, hyphen, end) {
            push(start, hyphen);
            push(hyphen, end);
            start = end;
        } else if hyphen > start && is_joint(&chars, hyphen) {
            push(start, end);
            start = end;
        }
        at = end;
    }
    push(start, chars.len());
}

fn is_dash(chars: &[char], from: usize, to: usize) -> bool {
    let before = from.checked_sub(1).map(|at| chars[at]);
    let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
    to - from >= 2
        && before.is_some_and(|c| is_word(&c) || "!\"'&.,?".contains(c))
        && chars.get(to).is_some_and(is_word)
}

fn is_joint(chars: &[char], hyphen: usize) -> bool {
    let at = |offset: isize| hyphen.checked_add_signed(offset).and_then(|at| chars.get(at)).copied();
    let letter = |offset: isize| at(offset).is_some_and(|c| c.is_alphabetic() || c == '_');
    let before = letter(-1) && (letter(-2) || (at(-2) == Some('-') && letter(-3)));
    before && letter(1) && (letter(2) || (at(2) == Some('-') && letter(3)))
}

#[cfg(test)]
mod tests;
