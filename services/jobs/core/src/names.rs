//! Names and identities: parsed once, valid ever after.

use std::fmt;

use crate::Violations;
use crate::quoted::Quoted;

/// Where the naming rules are explained; every refusal of a name points there (contract 3.2).
const DOCUMENTATION: &str = "See the documentation for the naming rules: https://w.wiki/6YL8";
/// The longest job name: what a `CronJob` may be called.
const JOB_NAME_MAX: usize = 52;
/// Tool names are shorter than this (contract 8.1).
const TOOL_NAME_END: usize = 54;

macro_rules! text_newtype {
    ($name:ident) => {
        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

/// The name of a tool: one label of a host name, shorter than 54 (contract 8.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ToolName(String);

/// The name of a job, unique among the present jobs of its tool (contract 3.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobName(String);

/// The name of a run, unique among the runs of its tool: the job's name, `-`, a number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunName(String);

/// The identity of a job or a run, never used twice; opaque.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uid(pub String);

text_newtype!(ToolName);
text_newtype!(JobName);
text_newtype!(RunName);
text_newtype!(Uid);

impl ToolName {
    /// Parses a tool's name.
    pub fn parse(text: &str) -> Result<Self, Violations> {
        if text.len() < TOOL_NAME_END && is_label(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Violations::rule("tool", format!("Invalid tool name {}", Quoted(text))))
        }
    }
}

impl JobName {
    /// Parses a job's name: the rules, their order and their texts are those of contract 3.2.
    pub fn parse(text: &str) -> Result<Self, Violations> {
        let refuse = |what: &str| Err(Violations::rule("name", format!("{what} {DOCUMENTATION}")));
        if text.is_empty() {
            return refuse("Job name is required.");
        }
        if !text.split('.').all(is_label) {
            return refuse("Invalid job name.");
        }
        if text.len() > JOB_NAME_MAX {
            return refuse("Invalid job name, it can't be longer than 52 characters.");
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether it is a single label, so that a Service can have the same name.
    pub(crate) fn is_label(&self) -> bool {
        !self.0.contains('.')
    }
}

impl RunName {
    /// The name of a run of a job that is told from its other runs by a number: seconds of creation, or minutes of
    /// the scheduled time as Kubernetes does it.
    pub fn numbered(job: &JobName, number: i64) -> Self {
        Self(format!("{job}-{number}"))
    }

    /// Parses a run's name.
    pub fn parse(text: &str) -> Result<Self, Violations> {
        let valid = text.rsplit_once('-').is_some_and(|(job, number)| {
            JobName::parse(job).is_ok()
                && (1..=20).contains(&number.len())
                && number.bytes().all(|b| b.is_ascii_digit())
        });
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(Violations::rule("run", format!("Invalid run name {}", Quoted(text))))
        }
    }
}

/// `[a-z0-9]([-a-z0-9]*[a-z0-9])?`
fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let alphanumeric = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
        && bytes.iter().all(|b| alphanumeric(b) || *b == b'-')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use super::*;

    #[test]
    fn job_names_follow_the_contract() {
        let required =
            "Job name is required. See the documentation for the naming rules: https://w.wiki/6YL8";
        let invalid = "Invalid job name. See the documentation for the naming rules: https://w.wiki/6YL8";
        let long = "Invalid job name, it can't be longer than 52 characters. \
                    See the documentation for the naming rules: https://w.wiki/6YL8";
        let text = |name: &str| JobName::parse(name).unwrap_err().to_string();
        assert_eq!(text(""), required);
        for name in ["-a", "a-", "A", "a_b", "a..b", ".a", "a.", "a b", "ä", "a\n", "a.-b", "a\0"] {
            assert_eq!(text(name), invalid, "{name:?}");
        }
        assert_eq!(text(&"a".repeat(53)), long);
        assert_eq!(text(&"A".repeat(53)), invalid, "the pattern is checked before the length");
        for name in ["a", "0", "a-b", "a.b-c", "1.2.3", &"a".repeat(52)] {
            assert_eq!(JobName::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn tool_names_are_one_short_label() {
        for name in ["", "a.b", "A", "-a", "a-", &"a".repeat(54)] {
            assert!(ToolName::parse(name).is_err(), "{name:?}");
        }
        assert!(ToolName::parse(&"a".repeat(53)).is_ok());
    }

    #[test]
    fn run_names_are_a_job_and_a_number() {
        let job = JobName::parse("a.b").unwrap();
        let run = RunName::numbered(&job, 29_000_000);
        assert_eq!(RunName::parse(run.as_str()).unwrap(), run);
        for name in ["a", "a-", "a-x", "-1", "a-1x", "a-123456789012345678901"] {
            assert!(RunName::parse(name).is_err(), "{name:?}");
        }
    }
}
