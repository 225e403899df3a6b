//! What is wrong with an input, field by field.

use std::fmt;

/// One thing wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field's name as users write it, dotted where it is nested.
    pub field: &'static str,
    /// The whole sentence for the user.
    pub text: String,
    /// Whether the value alone is malformed or a rule of jobs is broken.
    pub kind: ViolationKind,
}

/// The two kinds of refusal that Toolforge tells apart (contract 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ViolationKind {
    /// The value does not have the field's shape: HTTP 422.
    Schema,
    /// The value is well formed and refused by a rule: HTTP 400.
    Rule,
}

/// Everything wrong with an input; never empty where it is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// One broken rule.
    pub fn rule(field: &'static str, text: impl Into<String>) -> Self {
        let mut all = Self::default();
        all.add_rule(field, text);
        all
    }

    /// One malformed value.
    pub fn schema(field: &'static str, text: impl Into<String>) -> Self {
        let mut all = Self::default();
        all.add_schema(field, text);
        all
    }

    /// Adds a broken rule.
    pub fn add_rule(&mut self, field: &'static str, text: impl Into<String>) {
        self.0.push(Violation { field, text: text.into(), kind: ViolationKind::Rule });
    }

    /// Adds a malformed value.
    pub fn add_schema(&mut self, field: &'static str, text: impl Into<String>) {
        self.0.push(Violation { field, text: text.into(), kind: ViolationKind::Schema });
    }

    /// Keeps the value, or notes why it cannot be.
    pub(crate) fn keep<T>(&mut self, result: Result<T, Self>) -> Option<T> {
        result.map_err(|mut found| self.0.append(&mut found.0)).ok()
    }

    /// Nothing is wrong: the value; else everything that is.
    pub(crate) fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong, in the order of discovery.
    pub fn iter(&self) -> std::slice::Iter<'_, Violation> {
        self.0.iter()
    }

    /// Whether every violation is about shape, so that the whole is a schema error.
    pub fn is_schema(&self) -> bool {
        self.0.iter().all(|violation| violation.kind == ViolationKind::Schema)
    }
}

impl<'a> IntoIterator for &'a Violations {
    type Item = &'a Violation;
    type IntoIter = std::slice::Iter<'a, Violation>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Violation> for Violations {
    fn from_iter<I: IntoIterator<Item = Violation>>(violations: I) -> Self {
        Self(violations.into_iter().collect())
    }
}

impl std::error::Error for Violations {}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&violation.text)?;
        }
        Ok(())
    }
}
