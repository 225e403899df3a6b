//! Writes lines and strings, folding long ones where `PyYAML` folds them.

use super::style::{Style, is_break, style};

/// Lines are folded at the first space behind this column.
const WIDTH: usize = 80;

/// YAML as it grows.
#[derive(Debug, Default)]
pub(super) struct Writer {
    out: String,
    /// Characters on this line.
    column: usize,
    /// Whether the last character lets a node begin.
    blank: bool,
    /// Whether the last thing written is the dash of a list.
    after_dash: bool,
}

impl Writer {
    /// Begins a node of a list or a map at a column: on this line behind a dash, else on one of its own.
    pub(super) fn begin(&mut self, indent: usize) {
        if self.after_dash {
            self.put(" ");
        } else if self.column > 0 {
            self.line();
        }
        self.put(&" ".repeat(indent.saturating_sub(self.column)));
        self.blank = true;
    }

    /// A dash or a colon.
    pub(super) fn indicator(&mut self, indicator: &str) {
        self.put(indicator);
        self.blank = false;
        self.after_dash = indicator == "-";
    }

    /// A word that needs no quotes.
    pub(super) fn word(&mut self, word: &str) {
        self.space();
        self.put(word);
    }

    /// A string in its style. `indent` is where its further lines begin; without one it is a key and stays on its line.
    pub(super) fn text(&mut self, text: &str, indent: Option<usize>) {
        let chars: Vec<char> = text.chars().collect();
        self.space();
        match style(text, indent.is_none()) {
            Style::Plain => self.plain(&chars, indent),
            Style::Single => self.single(&chars, indent),
            Style::Double => self.double(&chars, indent),
        }
    }

    /// Ends the line.
    pub(super) fn line(&mut self) {
        self.out.push('\n');
        self.column = 0;
        self.blank = true;
    }

    /// Everything, with the last line ended.
    pub(super) fn end(mut self) -> String {
        if self.column > 0 {
            self.line();
        }
        self.out
    }

    fn space(&mut self) {
        if !self.blank && self.column > 0 {
            self.put(" ");
        }
        self.blank = false;
    }

    fn put(&mut self, text: &str) {
        self.after_dash = false;
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn put_chars(&mut self, chars: &[char]) {
        self.out.extend(chars);
        self.column += chars.len();
    }

    /// Goes to the next line, at a column.
    fn fold(&mut self, indent: usize) {
        self.line();
        self.put(&" ".repeat(indent));
    }

    /// Words, folded at single spaces behind the width.
    fn plain(&mut self, chars: &[char], indent: Option<usize>) {
        for run in runs(chars) {
            match indent {
                Some(indent) if run == [' '] && self.column > WIDTH => self.fold(indent),
                _ => self.put_chars(run),
            }
        }
    }

    /// The same in quotes; breaks are doubled.
    fn single(&mut self, chars: &[char], indent: Option<usize>) {
        self.put("'");
        let mut at = 0;
        for run in runs(chars) {
            let is_inside = at > 0 && at + run.len() < chars.len();
            at += run.len();
            match (run.first(), indent) {
                (Some(' '), Some(indent)) if run.len() == 1 && self.column > WIDTH && is_inside => {
                    self.fold(indent);
                }
                (Some(&c), indent) if is_break(c) => self.breaks(run, indent.unwrap_or_default()),
                _ => {
                    for &c in run {
                        self.put_chars(if c == '\'' { &['\'', '\''] } else { std::slice::from_ref(&c) });
                    }
                }
            }
        }
        self.put("'");
    }

    /// Breaks within single quotes: one more than there are, because one alone is read as a space.
    fn breaks(&mut self, run: &[char], indent: usize) {
        if run.first() == Some(&'\n') {
            self.line();
        }
        for &c in run {
            if c == '\n' {
                self.line();
            } else {
                self.put_chars(&[c]);
                self.column = 0;
            }
        }
        self.put(&" ".repeat(indent));
    }

    /// With escapes; folded behind the width at spaces and behind escapes, each line ended by a backslash.
    fn double(&mut self, chars: &[char], indent: Option<usize>) {
        self.put("\"");
        // what is read, and what of it is written
        let mut start = 0;
        for end in 0..=chars.len() {
            let c = chars.get(end).copied();
            let escaped = c.filter(|c| matches!(c, '"' | '\\') || !(' '..='~').contains(c));
            if c.is_none() || escaped.is_some() {
                self.put_chars(&chars[start.min(end)..end]);
                start = end;
            }
            if let Some(c) = escaped {
                self.put(&escape(c));
                start = end + 1;
            }
            let may_fold = end > 0 && end + 1 < chars.len() && (c == Some(' ') || start >= end);
            let column = self.column + end.saturating_sub(start);
            if let Some(indent) = indent
                && may_fold
                && column - usize::from(start > end).min(column) > WIDTH
            {
                self.put_chars(&chars[start.min(end)..end]);
                start = start.max(end);
                self.put("\\");
                self.fold(indent);
                if chars[start] == ' ' {
                    self.put("\\");
                }
            }
        }
        self.put("\"");
    }
}

/// Runs of spaces, of breaks, and of anything else.
fn runs(chars: &[char]) -> impl Iterator<Item = &[char]> {
    let class = |c: &char| (*c == ' ', is_break(*c));
    chars.chunk_by(move |one, other| class(one) == class(other))
}

fn escape(c: char) -> String {
    match c {
        '\0' => "\\0".into(),
        '\x07' => "\\a".into(),
        '\x08' => "\\b".into(),
        '\t' => "\\t".into(),
        '\n' => "\\n".into(),
        '\x0b' => "\\v".into(),
        '\x0c' => "\\f".into(),
        '\r' => "\\r".into(),
        '\x1b' => "\\e".into(),
        '"' => "\\\"".into(),
        '\\' => "\\\\".into(),
        '\u{85}' => "\\N".into(),
        '\u{a0}' => "\\_".into(),
        '\u{2028}' => "\\L".into(),
        '\u{2029}' => "\\P".into(),
        c if u32::from(c) <= 0xff => format!("\\x{:02X}", u32::from(c)),
        c if u32::from(c) <= 0xffff => format!("\\u{:04X}", u32::from(c)),
        c => format!("\\U{:08X}", u32::from(c)),
    }
}
