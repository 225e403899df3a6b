//! Logs on stdout: JSON lines for machines, text on a terminal. Lines within a call carry its request id and trace id.

use std::io::IsTerminal;
use std::sync::OnceLock;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

mod json;
mod text;

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// JSON lines.
    Json,
    /// Text.
    Text,
}

/// What is logged, and how.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    /// Directives such as `info,mesh=debug`; `info` where it is empty.
    pub filter: String,
    /// How lines look.
    pub format: Format,
    /// Logs go to standard error, where stdout has another use.
    pub to_stderr: bool,
}

/// Why logs cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is not one.
    #[error("log filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The process has logs already.
    #[error("logs are set up already")]
    Twice,
    /// There are none that could be changed.
    #[error("logs are not set up")]
    None,
}

/// The filter of the process, to be changed while it runs.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// What is logged at the moment; empty before [`init`].
pub fn log_filter() -> String {
    let text = FILTER.get().and_then(|filter| filter.with_current(ToString::to_string).ok());
    text.unwrap_or_default()
}

/// Changes what is logged from now on.
pub fn set_log_filter(text: &str) -> Result<(), LogError> {
    let filter = EnvFilter::builder().parse(text)?;
    FILTER.get().and_then(|handle| handle.reload(filter).ok()).ok_or(LogError::None)
}

/// Sets up the logs of the process, once.
pub fn init(logs: &Logs) -> Result<(), LogError> {
    let filter = if logs.filter.is_empty() { "info" } else { &logs.filter };
    let (filter, handle) = reload::Layer::new(EnvFilter::builder().parse(filter)?);
    let terminal =
        if logs.to_stderr { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
    let text = match logs.format {
        Format::Auto => terminal,
        Format::Json => false,
        Format::Text => true,
    };
    let registry = tracing_subscriber::registry();
    let layer = match (text, logs.to_stderr) {
        (true, true) => {
            fmt::layer().event_format(text::Lines::new(terminal)).with_writer(std::io::stderr).boxed()
        }
        (true, false) => {
            fmt::layer().event_format(text::Lines::new(terminal)).with_writer(std::io::stdout).boxed()
        }
        (false, true) => fmt::layer().json().event_format(json::Lines).with_writer(std::io::stderr).boxed(),
        (false, false) => fmt::layer().json().event_format(json::Lines).with_writer(std::io::stdout).boxed(),
    };
    registry.with(layer.with_filter(filter)).try_init().map_err(|_| LogError::Twice)?;
    let _ = FILTER.set(handle);
    Ok(())
}

#[cfg(test)]
mod tests {
    //! Where lines go in tests.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    #[derive(Clone, Default)]
    pub(super) struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Buffer {
        pub(super) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl std::io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Buffer {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }
}
