//! What is wrong with a request, said so that a person can mend it: where, what was found, what would be accepted.

use std::borrow::Cow;
use std::fmt;

use crate::excerpt::{beginning, ends, quoted};

/// The kind of fault, for callers that answer by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestErrorKind {
    /// The body is not well-formed JSON.
    Syntax,
    /// The body is not valid UTF-8.
    Utf8,
    /// Values nest deeper than the limit.
    Depth,
    /// A value of the wrong type, form or range, in the body.
    Value,
    /// A field that the message does not have.
    UnknownField,
    /// A field or key that occurs twice in one object.
    DuplicateField,
    /// Two members of one oneof.
    Oneof,
    /// A required field (proto2) is missing.
    MissingField,
    /// The body gives another value to a field that the path has bound.
    PathConflict,
    /// A value in the path that does not fit its field.
    PathValue,
    /// The path is not well formed: bad escapes, not UTF-8, dot segments.
    MalformedPath,
    /// A query parameter that the method does not have.
    UnknownParameter,
    /// A query parameter whose field is bound by the path or the body.
    BoundParameter,
    /// A query parameter given more than once for a singular field.
    DuplicateParameter,
    /// A query parameter whose value does not fit its field, or whose text is malformed.
    Parameter,
    /// A body where the method takes none.
    UnexpectedBody,
    /// A body that is not JSON.
    MediaType,
    /// A message that is longer than it may be.
    Size,
    /// A query that is longer or has more parameters than it may.
    QuerySize,
}

impl RequestErrorKind {
    /// The HTTP status: 415 for a media type, 413 for the size of a body, 414 for that of a query, 400 for the rest.
    pub fn http_status(self) -> u16 {
        match self {
            Self::MediaType => 415,
            Self::Size => 413,
            Self::QuerySize => 414,
            _ => 400,
        }
    }
}

/// A refused request.
///
/// Displays as `<path>: expected <expected>, got <got> at position <position>`, without the parts that do not apply;
/// faults of a streamed request end in `in message <number>`. However long the request is, the text is not: names, keys
/// and values in it are cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestError(Box<Details>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Details {
    kind: RequestErrorKind,
    path: String,
    position: Option<usize>,
    record: Option<u64>,
    expected: Cow<'static, str>,
    got: String,
}

impl std::error::Error for RequestError {}

impl RequestError {
    /// Characters of what was found that are shown.
    const LONGEST_GOT: usize = 60;

    /// With what would be accepted, cut where it repeats something endless of the request.
    pub(crate) fn new(kind: RequestErrorKind, expected: impl Into<Cow<'static, str>>) -> Self {
        const LONGEST: usize = 1_000;
        let expected = match expected.into() {
            Cow::Owned(text) => beginning(&text, LONGEST).into_owned().into(),
            fixed @ Cow::Borrowed(_) => fixed,
        };
        Self(Box::new(Details {
            kind,
            path: String::new(),
            position: None,
            record: None,
            expected,
            got: String::new(),
        }))
    }

    pub(crate) fn at(mut self, position: usize) -> Self {
        self.0.position = Some(position);
        self
    }

    /// Says which message of a stream it is, from 1; a position that was counted from the message's begin is counted from
    /// `start` on.
    pub(crate) fn in_record(mut self, number: u64, start: usize) -> Self {
        self.0.record = Some(number);
        self.0.position = self.0.position.map(|position| position.saturating_add(start));
        self
    }

    /// Names the place; a place that is already named stays. Of a long path the beginning and the end are kept.
    pub(crate) fn on(mut self, path: impl AsRef<str>) -> Self {
        const LONGEST: usize = 400;
        if self.0.path.is_empty() {
            self.0.path = ends(path.as_ref(), LONGEST).into_owned();
        }
        self
    }

    /// What was found: a value as it stands in the input, cut to a length that fits a message.
    pub(crate) fn got(mut self, text: &str) -> Self {
        self.0.got = beginning(text, Self::LONGEST_GOT).into_owned();
        self
    }

    /// As [`Self::got`], for a text without its quotes.
    pub(crate) fn got_text(self, text: &str) -> Self {
        // the quoted form is never shorter, so that nothing is missed
        let quoted = quoted(text, Self::LONGEST_GOT);
        self.got(&quoted)
    }

    pub(crate) fn with_kind(mut self, kind: RequestErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    pub(crate) fn has_path(&self) -> bool {
        !self.0.path.is_empty()
    }

    /// What kind of fault it is.
    pub fn kind(&self) -> RequestErrorKind {
        self.0.kind
    }

    /// The place: a JSON path (`job.ports[2].number`), a query parameter's name or a path variable's; empty when the
    /// fault is not about a field.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// The byte offset in the body (in a streamed body too), from 0; absent for faults in query and path.
    pub fn position(&self) -> Option<usize> {
        self.0.position
    }

    /// Which message of a streamed request it is about, from 1; absent for requests of one message.
    pub fn record(&self) -> Option<u64> {
        self.0.record
    }

    /// What would be accepted, as a noun phrase (`an integer from 0 to 4294967295`).
    pub fn expected(&self) -> &str {
        &self.0.expected
    }

    /// What was found instead, as it stands in the input; empty when there is nothing to show.
    pub fn found(&self) -> &str {
        &self.0.got
    }

    /// The sentence without the leading path: `expected …, got … at position …`.
    pub fn reason(&self) -> impl fmt::Display + '_ {
        Reason(&self.0)
    }
}

struct Reason<'r>(&'r Details);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let d = self.0;
        match d.kind {
            RequestErrorKind::UnknownField => write!(f, "unknown field")?,
            RequestErrorKind::DuplicateField => write!(f, "the field is given twice")?,
            RequestErrorKind::MissingField => write!(f, "the field is required")?,
            RequestErrorKind::UnknownParameter => write!(f, "unknown query parameter")?,
            RequestErrorKind::DuplicateParameter => write!(f, "the query parameter is given twice")?,
            _ => {}
        }
        let stated = matches!(
            d.kind,
            RequestErrorKind::UnknownField
                | RequestErrorKind::DuplicateField
                | RequestErrorKind::MissingField
                | RequestErrorKind::UnknownParameter
                | RequestErrorKind::DuplicateParameter
        );
        if !d.expected.is_empty() {
            write!(f, "{}expected {}", if stated { ", " } else { "" }, d.expected)?;
        }
        if !d.got.is_empty() {
            write!(f, ", got {}", d.got)?;
        }
        if let Some(position) = d.position {
            write!(f, " at position {position}")?;
        }
        match d.record {
            Some(record) => write!(f, " in message {record}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.path.is_empty() {
            return Reason(&self.0).fmt(f);
        }
        write!(f, "{}: {}", self.0.path, Reason(&self.0))
    }
}
