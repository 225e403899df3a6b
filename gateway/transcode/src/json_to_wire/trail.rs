//! Where in the document a value stands, as a chain of stack frames: free until somebody asks.

use std::fmt;

use crate::error::RequestError;
use crate::excerpt::{beginning, quoted};
use crate::schema::Field;

/// One step from a value to a value inside it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step<'t> {
    /// The document itself.
    Root,
    Field(&'t str),
    Member(&'t Field),
    Index(usize),
    Key(&'t str),
    /// A key that is UTF-8, as all of the document is.
    ShortKey(&'t [u8]),
}

/// A place in the document.
#[derive(Debug)]
pub(crate) struct Trail<'t> {
    up: Option<&'t Trail<'t>>,
    step: Step<'t>,
}

impl<'t> Trail<'t> {
    pub(crate) const ROOT: Trail<'static> = Trail { up: None, step: Step::Root };

    #[inline]
    pub(crate) fn child(&'t self, step: Step<'t>) -> Trail<'t> {
        Trail { up: Some(self), step }
    }

    /// Puts this place into an error that names none.
    #[cold]
    pub(crate) fn name(&self, error: RequestError) -> RequestError {
        if error.has_path() { error } else { error.on(self.to_string()) }
    }
}

/// Characters of one name or key that are shown.
const LONGEST: usize = 100;

impl fmt::Display for Trail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(up) = self.up {
            up.fmt(f)?;
        }
        self.fmt_step(f)
    }
}

impl Trail<'_> {
    fn fmt_step(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(up) = self.up
            && matches!(self.step, Step::Field(_) | Step::Member(_))
            && !matches!(up.step, Step::Root)
        {
            f.write_str(".")?;
        }
        match self.step {
            Step::Root => Ok(()),
            Step::Field(name) => f.write_str(&beginning(name, LONGEST)),
            Step::Member(field) => f.write_str(field.output_name()),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::ShortKey(key) => {
                let step = Step::Key(std::str::from_utf8(key).unwrap_or_default());
                self.up.map_or(Ok(()), |up| up.child(step).fmt_step(f))
            }
            Step::Key(key) if key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-')) => {
                if self.up.is_some_and(|up| !matches!(up.step, Step::Root)) {
                    f.write_str(".")?;
                }
                f.write_str(&beginning(key, LONGEST))
            }
            Step::Key(key) => write!(f, "[{}]", quoted(key, LONGEST)),
        }
    }
}
