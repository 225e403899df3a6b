//! One JSON object a line: time, level, target, message, fields, and the ids of the call.

use std::fmt;
use std::time::SystemTime;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, Scope};

/// Formats events as JSON lines. Fields of the spans around an event are joined to its own; inner ones win.
pub(super) struct Lines;

impl<S> FormatEvent<S, JsonFields> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Map::new();
        line.insert("ts".into(), now().into());
        line.insert("level".into(), event.metadata().level().as_str().into());
        line.insert("target".into(), event.metadata().target().into());
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<JsonFields>>();
            if let Some(Ok(Value::Object(fields))) = fields.map(|fields| serde_json::from_str(fields)) {
                line.extend(fields);
            }
        }
        if let Some(current) = crate::trace::current() {
            current.fields(&mut |name, value| {
                line.insert(name.to_owned(), value.to_string().into());
            });
        }
        event.record(&mut Fields(&mut line));
        writeln!(writer, "{}", Value::Object(line))
    }
}

fn now() -> String {
    jiff::Timestamp::try_from(SystemTime::now()).map(|now| now.to_string()).unwrap_or_default()
}

struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: Value) {
        let name = if field.name() == "message" { "msg" } else { field.name() };
        self.0.insert(name.to_owned(), value);
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests {
    //! Lines as a log collector reads them.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use http::{HeaderMap, HeaderValue};
    use tonic::Code;
    use tracing_subscriber::layer::SubscriberExt;

    use super::super::tests::Buffer;
    use super::*;
    use crate::trace::{Call, REQUEST_ID, TRACEPARENT};

    #[test]
    fn a_line_within_a_call_carries_its_ids() {
        let buffer = Buffer::default();
        let layer = tracing_subscriber::fmt::layer().json().event_format(Lines).with_writer(buffer.clone());
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let mut headers = HeaderMap::new();
            let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
            headers.insert(TRACEPARENT, HeaderValue::from_static(parent));
            headers.insert(REQUEST_ID, HeaderValue::from_static("abc"));
            let call = Call::received("/a.B/C", true, &headers);
            call.span().caller(&crate::identity::Principal::Tool("alpha".into()));
            call.span().sync_scope(|| tracing::info!(tool = "alpha", count = 3, "forged \"line\"\n{}", "{}"));
            call.end(Code::Ok);
        });
        let text = buffer.text();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["msg"], "forged \"line\"\n{}");
        assert_eq!((&lines[0]["tool"], &lines[0]["count"]), (&"alpha".into(), &3.into()));
        assert_eq!(lines[1]["status"], "OK");
        for line in lines {
            assert_eq!(line["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
            assert_eq!((&line["request_id"], &line["rpc.method"]), (&"abc".into(), &"a.B/C".into()));
            assert_eq!((&line["level"], &line["caller"]), (&"INFO".into(), &"tool:alpha".into()));
            assert!(line["ts"].as_str().unwrap().ends_with('Z'));
        }
    }
}
