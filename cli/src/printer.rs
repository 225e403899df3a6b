//! The only place that prints: data to standard output, everything else to standard error.

use std::fmt::Display;
use std::io::{self, IsTerminal, Stderr, Stdout, Write};

use crate::failure::Failure;

/// Where users report what is not their own mistake.
const REPORT: &str = "Please report this issue to the Toolforge admins if it persists: https://w.wiki/6Zuu";

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Color {
    // as the former clients: levels always, texts of the server on a terminal; nothing where NO_COLOR is set
    #[default]
    Auto,
    // for pagers that understand it
    Always,
    // plain text
    Never,
}

/// What a line on standard error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Debug,
    Info,
    Warning,
    Error,
}

/// Prints.
#[derive(Debug)]
pub(crate) struct Printer {
    out: Stdout,
    err: Stderr,
    /// Whether levels are coloured.
    levels: bool,
    /// Whether texts of the server are, on standard output.
    out_color: bool,
    /// The same on standard error.
    err_color: bool,
    verbose: bool,
    debug: bool,
}

impl Printer {
    /// A printer for this process.
    pub(crate) fn new(color: Color, no_color: bool, verbose: bool, debug: bool) -> Self {
        let auto = |terminal: bool| match color {
            Color::Auto => terminal && !no_color,
            Color::Always => true,
            Color::Never => false,
        };
        let (out, err) = (io::stdout(), io::stderr());
        let (out_color, err_color) = (auto(out.is_terminal()), auto(err.is_terminal()));
        Self { out, err, levels: auto(true), out_color, err_color, verbose: verbose || debug, debug }
    }

    /// Data, with the end of its last line.
    pub(crate) fn line(&self, text: impl Display) -> Result<(), Failure> {
        self.bytes(format!("{text}\n").as_bytes())
    }

    /// Data as it is.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = self.out.lock();
        out.write_all(bytes)?;
        Ok(out.flush()?)
    }

    /// Bytes of somebody's standard error.
    pub(crate) fn error_bytes(&self, bytes: &[u8]) {
        // nobody can be told that standard error is gone
        let _ = self.err.lock().write_all(bytes);
    }

    /// What the server wants the user to know, on standard output.
    pub(crate) fn server_info(&self, text: &str) -> Result<(), Failure> {
        if self.out_color { self.line(format_args!("\x1b[34m{text}\x1b[0m")) } else { self.line(text) }
    }

    /// What the server warns of.
    pub(crate) fn server_warning(&self, text: &str) {
        if self.err_color {
            self.say(format_args!("\x1b[33mWarning: {text}\x1b[0m"));
        } else {
            self.say(format_args!("Warning: {text}"));
        }
    }

    /// What happens.
    pub(crate) fn info(&self, text: impl Display) {
        self.log(Level::Info, text);
    }

    /// What is odd.
    pub(crate) fn warning(&self, text: impl Display) {
        self.log(Level::Warning, text);
    }

    /// What is wrong.
    pub(crate) fn error(&self, text: impl Display) {
        self.log(Level::Error, text);
    }

    /// For those who want to know more.
    pub(crate) fn detail(&self, text: impl Display) {
        if self.verbose {
            self.log(Level::Info, text);
        }
    }

    /// For those who debug.
    pub(crate) fn debug(&self, text: impl Display) {
        if self.debug {
            self.log(Level::Debug, text);
        }
    }

    /// Why a command failed.
    pub(crate) fn failure(&self, failure: &Failure) {
        match failure {
            Failure::User(text) => self.error(text),
            Failure::Internal { class, text, detail } => {
                self.error(format_args!("{class}: {text}"));
                if let Some(detail) = detail {
                    self.detail(detail);
                }
                self.error(REPORT);
            }
            Failure::Usage(text) => self.say(text.trim_end()),
            Failure::Told(_) | Failure::Closed => {}
        }
    }

    fn log(&self, level: Level, text: impl Display) {
        match (level, self.levels) {
            (Level::Debug, _) => self.say(format_args!("DEBUG: {text}")),
            (Level::Info, _) => self.say(format_args!("INFO: {text}")),
            (Level::Warning, true) => self.say(format_args!("\x1b[1;33mWARNING\x1b[1;0m: {text}")),
            (Level::Warning, false) => self.say(format_args!("WARNING: {text}")),
            (Level::Error, true) => self.say(format_args!("\x1b[1;31mERROR\x1b[1;0m: {text}")),
            (Level::Error, false) => self.say(format_args!("ERROR: {text}")),
        }
    }

    /// One write per line, so that lines of two processes do not mix.
    fn say(&self, text: impl Display) {
        self.error_bytes(format!("{text}\n").as_bytes());
    }
}
