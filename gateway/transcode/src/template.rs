//! Path templates of `google.api.http`, the complete grammar:
//!
//! ```text
//! Template = "/" Segments [ Verb ] ;   Segments = Segment { "/" Segment } ;
//! Segment  = "*" | "**" | LITERAL | Variable ;
//! Variable = "{" FieldPath [ "=" Segments ] "}" ;   FieldPath = IDENT { "." IDENT } ;   Verb = ":" LITERAL
//! ```
//!
//! Beyond it, segments may follow a `**`.

#[cfg(test)]
mod tests;

use crate::percent::{Mode, decode};

/// A search goes as deep into its stack as the longest template.
const MOST_SEGMENTS: usize = 128;

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Template {
    pub(crate) segments: Vec<Segment>,
    pub(crate) variables: Vec<Variable>,
    pub(crate) verb: Option<String>,
}

/// One segment; variables are flattened into what they match.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Segment {
    Literal(String),
    /// `*`: exactly one segment, not empty.
    One,
    /// `**`: any number of segments, none too.
    Many,
}

/// What a variable covers: template segments `from` to `to` (exclusive).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) field_path: String,
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// It may cover more than one segment, which decides how it is decoded.
    pub(crate) multi: bool,
}

/// A template that does not follow the grammar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at position {position} of the path template {template:?}")]
pub(crate) struct TemplateError {
    /// The template.
    pub(crate) template: String,
    /// Byte offset in it.
    pub(crate) position: usize,
    /// What the grammar wants there.
    pub(crate) expected: &'static str,
}

impl Template {
    /// Parses a template.
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parser = Parser { text, pos: 0, template: Self::default() };
        match parser.template() {
            Ok(()) => Ok(parser.template),
            Err(expected) => Err(TemplateError { template: text.to_owned(), position: parser.pos, expected }),
        }
    }

    /// The first segment when it is a literal.
    pub(crate) fn first_literal(&self) -> Option<&str> {
        match self.segments.first() {
            Some(Segment::Literal(text)) => Some(text),
            _ => None,
        }
    }
}

type Parse = Result<(), &'static str>;

struct Parser<'t> {
    text: &'t str,
    pos: usize,
    template: Template,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.pos..).unwrap_or_default()
    }

    fn eat(&mut self, prefix: &str) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.pos += prefix.len();
        }
        found
    }

    /// The text up to the next of the grammar's own characters.
    fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let word = rest.split(['/', ':', '{', '}', '=', '*']).next().unwrap_or_default();
        self.pos += word.len();
        word
    }

    fn template(&mut self) -> Parse {
        if !self.eat("/") {
            return Err("a slash");
        }
        if self.rest().is_empty() {
            return Ok(());
        }
        self.segments(true)?;
        if self.eat(":") {
            let verb = self.literal()?;
            self.template.verb = Some(verb);
        }
        if self.rest().is_empty() { Ok(()) } else { Err("the end of the template") }
    }

    fn segments(&mut self, variables: bool) -> Parse {
        loop {
            self.segment(variables)?;
            if self.template.segments.len() > MOST_SEGMENTS {
                return Err("at most 128 segments");
            }
            if !self.eat("/") {
                return Ok(());
            }
        }
    }

    fn segment(&mut self, variables: bool) -> Parse {
        let segment = if self.eat("**") {
            Segment::Many
        } else if self.eat("*") {
            Segment::One
        } else if variables && self.eat("{") {
            return self.variable();
        } else {
            Segment::Literal(self.literal()?)
        };
        self.template.segments.push(segment);
        Ok(())
    }

    fn literal(&mut self) -> Result<String, &'static str> {
        let start = self.pos;
        let word = self.word();
        if word.is_empty() {
            return Err("a literal, \"*\", \"**\" or a variable in braces");
        }
        decode(word, Mode::Segment).map(std::borrow::Cow::into_owned).map_err(|fault| {
            self.pos = start;
            fault.expected()
        })
    }

    fn variable(&mut self) -> Parse {
        let start = self.pos;
        let path = self.word();
        let ident = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if !path.split('.').all(ident) {
            self.pos = start;
            return Err("a field path");
        }
        if self.template.variables.iter().any(|v| v.field_path == path) {
            self.pos = start;
            return Err("a field path that no other variable of the template has");
        }
        let from = self.template.segments.len();
        if self.eat("=") {
            self.segments(false)?;
        } else {
            self.template.segments.push(Segment::One);
        }
        if !self.eat("}") {
            return Err("a closing brace");
        }
        let covered = self.template.segments.get(from..).unwrap_or_default();
        let multi = covered.len() > 1 || covered.contains(&Segment::Many);
        let to = self.template.segments.len();
        self.template.variables.push(Variable { field_path: path.to_owned(), from, to, multi });
        Ok(())
    }
}
