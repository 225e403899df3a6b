//! What every server program does around its work: logs and spans at the beginning, one line on standard output when it
//! serves, the last word on standard error.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::args::Log;
#[cfg(feature = "otlp")]
use crate::telemetry::{Exporter, Otlp, OtlpError, export_spans};
use crate::telemetry::{LogError, Logs, init};

/// The telemetry of a process.
#[derive(Debug)]
pub struct Telemetry {
    #[cfg(feature = "otlp")]
    exporter: Option<Exporter>,
}

/// Why a process has no telemetry.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// Logs cannot be set up.
    #[error(transparent)]
    Logs(#[from] LogError),
    /// The `OTEL_*` variables, or what they ask for, cannot be used.
    #[cfg(feature = "otlp")]
    #[error(transparent)]
    Spans(#[from] OtlpError),
}

impl Telemetry {
    /// Logs on standard error, and with the feature `otlp` spans where the `OTEL_*` variables want them, as `program`
    /// where these give no other name; once, on a tokio runtime.
    pub fn begin(program: &str, log: Log) -> Result<Self, TelemetryError> {
        // standard output has the one line that says where everything is
        init(&Logs { to_stderr: true, ..log.into() })?;
        #[cfg(not(feature = "otlp"))]
        let _ = program;
        Ok(Self {
            #[cfg(feature = "otlp")]
            exporter: Otlp::from_env(program)?.as_ref().map(export_spans).transpose()?,
        })
    }

    /// Sends the spans that are left, for five seconds at most.
    #[cfg_attr(
        not(feature = "otlp"),
        allow(clippy::unused_async, reason = "there is something to wait for with `otlp`")
    )]
    pub async fn finish(self) {
        #[cfg(feature = "otlp")]
        if let Some(exporter) = self.exporter {
            exporter.finish().await;
        }
    }
}

/// Prints the one line on standard output, once everything serves: `ready`, and where each thing is.
pub fn ready(places: impl Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "ready {places}")?;
    stdout.flush()
}

/// How the program ends; an error is its last word on standard error, with all that it was caused by where its
/// alternate form says so.
pub fn end<E: Display>(program: &str, result: Result<ExitCode, E>) -> ExitCode {
    result.unwrap_or_else(|error| {
        // there is nobody left to tell
        let _ = writeln!(io::stderr(), "{program}: {error:#}");
        ExitCode::FAILURE
    })
}
