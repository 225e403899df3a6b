//! Lines for a person at a terminal: the usual ones, and after them the ids of the call.

use std::fmt::{self, Write as _};

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Format, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent};
use tracing_subscriber::registry::LookupSpan;

/// Formats events as text.
pub(super) struct Lines(Format);

impl Lines {
    /// With colours, or without.
    pub(super) fn new(ansi: bool) -> Self {
        Self(Format::default().with_ansi(ansi))
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(current) = crate::trace::current() else {
            return self.0.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        line.truncate(line.trim_end_matches('\n').len());
        let mut written = Ok(());
        current.fields(&mut |name, value| {
            written = written.and_then(|()| write!(line, " {name}={value}"));
        });
        written?;
        writeln!(writer, "{line}")
    }
}

#[cfg(test)]
mod tests {
    //! A line within a call and one outside.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use tracing_subscriber::layer::SubscriberExt;

    use super::super::tests::Buffer;
    use super::*;
    use crate::trace::{Kind, Span};

    #[test]
    fn a_line_within_a_call_ends_with_its_ids() {
        let buffer = Buffer::default();
        let layer =
            tracing_subscriber::fmt::layer().event_format(Lines::new(false)).with_writer(buffer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info!("outside");
            Span::child(Kind::Internal, "sweep").sync_scope(|| tracing::warn!(count = 3, "inside"));
        });
        let text = buffer.text();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() == 2 && lines[0].ends_with(": outside"), "{text}");
        let (line, ids) = lines[1].split_once(" name=sweep request_id=").unwrap();
        assert!(line.ends_with(": inside count=3") && ids.contains(" trace_id="), "{text}");
    }
}
