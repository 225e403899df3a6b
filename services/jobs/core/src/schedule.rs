//! Schedules as users write them, and the five fields they stand for (contract 3.6).

mod grammar;
mod macros;
#[cfg(test)]
mod tests;
mod twister;

use std::fmt;

use crate::{JobName, ToolName, Violations};
use grammar::Field;
use macros::Macro;

/// A schedule that can be parsed; the user's text is what is stored and shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Schedule {
    text: String,
    meaning: Meaning,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Meaning {
    /// A slot chosen by the names of tool and job.
    Macro(Macro),
    /// Five fields, lower-cased.
    Fields([String; 5]),
}

/// The five fields that a schedule stands for: shown as `schedule_actual`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ActualSchedule {
    fields: [String; 5],
}

impl Schedule {
    /// Parses a macro or five fields; the texts of refusals are the contract's.
    pub fn parse(text: &str) -> Result<Self, Violations> {
        let parsed =
            if text.starts_with('@') { Macro::parse(text).map(Meaning::Macro) } else { fields(text) };
        match parsed {
            Ok(meaning) => Ok(Self { text: text.to_owned(), meaning }),
            Err(cause) => Err(Violations::rule(
                "schedule",
                format!("Unable to parse cron expression \"{}\" ({cause})", clip(text)),
            )),
        }
    }

    /// The user's text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The five fields; a macro's slot depends only on the two names, so a job keeps it for ever.
    pub fn actual(&self, tool: &ToolName, job: &JobName) -> ActualSchedule {
        let fields = match &self.meaning {
            Meaning::Macro(chosen) => chosen.slot(tool, job),
            Meaning::Fields(fields) => fields.clone(),
        };
        ActualSchedule { fields }
    }
}

impl ActualSchedule {
    /// The values that each field selects, ascending; none where it is a wildcard.
    pub(crate) fn selected(&self) -> [Option<Vec<u8>>; 5] {
        let mut selected = [const { None }; 5];
        for ((field, text), values) in Field::ALL.iter().zip(&self.fields).zip(&mut selected) {
            *values = field.selected(text);
        }
        selected
    }
}

impl fmt::Display for ActualSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fields.join(" "))
    }
}

fn fields(text: &str) -> Result<Meaning, String> {
    let lower = text.to_lowercase();
    let found: Vec<&str> = lower.split(' ').collect();
    let count = found.len();
    let fields: [&str; 5] = found
        .try_into()
        .map_err(|_| failure(text, &format!("Expected to find 5 space-separated values, found {count}")))?;
    for (field, text) in Field::ALL.iter().zip(fields) {
        field.check(text).map_err(|cause| failure(text, &cause))?;
    }
    Ok(Meaning::Fields(fields.map(str::to_owned)))
}

/// Every cause is told with the text that it is about.
fn failure(text: &str, cause: &str) -> String {
    format!("Unable to parse cron expression \"{}\": {cause}", clip(text))
}

/// What a refusal repeats of a hostile text.
fn clip(text: &str) -> String {
    const SHOWN: usize = 200;
    if text.chars().nth(SHOWN).is_none() { text.to_owned() } else { text.chars().take(SHOWN).collect() }
}
