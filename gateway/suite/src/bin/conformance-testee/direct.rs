//! The library alone.

use anyhow::{Context as _, Result};
use transcode::{CompileOptions, GoogleRules, NameStyle, Program, UnknownFields, WireFault};

use crate::Testee;
use crate::pipe::{Case, Input, Outcome};

/// The program of the test messages.
pub(crate) struct Direct {
    program: Program,
}

impl Direct {
    pub(crate) fn new(set: &[u8]) -> Result<Self> {
        let files = transcode::files_of_set(set)?;
        let options = CompileOptions { names: NameStyle::Json, ..CompileOptions::default() };
        Ok(Self { program: Program::compile(&files, &GoogleRules, options)?.program })
    }

    /// Binary to JSON.
    pub(crate) fn print(&self, message: &str, wire: &[u8]) -> Outcome {
        let mut json = Vec::new();
        match self.program.message_to_json(message, wire, &mut json) {
            Ok(()) => Outcome::Json(json),
            Err(error) => match error.fault {
                WireFault::Range | WireFault::UnknownAny | WireFault::Depth => {
                    Outcome::Unprinted(error.to_string())
                }
                _ => Outcome::Unparsed(error.to_string()),
            },
        }
    }
}

impl Testee for Direct {
    fn run(&mut self, case: &Case) -> Result<Outcome> {
        let json = match &case.input {
            Input::Wire(wire) => return Ok(self.print(&case.message, wire)),
            Input::Json(json) => json,
        };
        let unknown = if case.ignore_unknown { UnknownFields::Ignore } else { UnknownFields::Reject };
        let mut wire = Vec::new();
        let parsed = self.program.json_to_message(&case.message, json, unknown, &mut wire);
        Ok(match parsed.with_context(|| format!("{} is not in the descriptors", case.message))? {
            Err(error) => Outcome::Unparsed(error.to_string()),
            Ok(()) if case.to_json => self.print(&case.message, &wire),
            Ok(()) => Outcome::Wire(wire),
        })
    }
}
