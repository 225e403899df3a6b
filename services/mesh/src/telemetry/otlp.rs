//! Spans to a collector over OTLP, by the standard `OTEL_*` variables. A full queue drops spans; a call never waits.

mod settings;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::trace::{SpanContext, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{SpanExporter as Wire, WithExportConfig, WithHttpConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Finished;
use crate::trace::Kind;

pub use settings::{Otlp, OtlpError, Protocol};

/// Spans that wait to be sent.
const QUEUE: usize = 2048;

/// Spans that are sent together.
const BATCH: usize = 512;

/// How long the last spans may take at the end of the process.
const LAST: Duration = Duration::from_secs(5);

static SINK: OnceLock<Sink> = OnceLock::new();

struct Sink {
    spans: mpsc::Sender<SpanData>,
    ratio: f64,
    dropped: AtomicU64,
}

/// Sends spans until it is finished.
#[derive(Debug)]
pub struct Exporter {
    finish: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Exporter {
    /// Sends what is left, for five seconds at most.
    pub async fn finish(self) {
        let Self { finish, task } = self;
        let _ = finish.send(());
        let _ = timeout(LAST, task).await;
    }
}

/// Begins to send the spans of this process, once. It needs a tokio runtime.
pub fn export_spans(otlp: &Otlp) -> Result<Exporter, OtlpError> {
    let mut exporter = wire(otlp)?;
    let attributes = otlp.attributes.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
    let resource =
        Resource::builder_empty().with_service_name(otlp.service.clone()).with_attributes(attributes);
    exporter.set_resource(&resource.build());
    let (spans, queue) = mpsc::channel(QUEUE);
    let sink = Sink { spans, ratio: otlp.ratio, dropped: AtomicU64::new(0) };
    SINK.set(sink).map_err(|_| OtlpError::Twice)?;
    let (finish, finished) = oneshot::channel();
    let task = tokio::spawn(run(queue, finished, exporter, otlp.delay, otlp.timeout));
    Ok(Exporter { finish, task })
}

fn wire(otlp: &Otlp) -> Result<Wire, OtlpError> {
    let built = match otlp.protocol {
        Protocol::Grpc => {
            let headers = otlp.headers.iter().cloned().collect();
            let metadata = tonic::metadata::MetadataMap::from_headers(headers);
            let builder =
                Wire::builder().with_tonic().with_endpoint(&otlp.endpoint).with_timeout(otlp.timeout);
            builder.with_metadata(metadata).build()
        }
        Protocol::HttpProtobuf => {
            let text = |value: &http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
            let headers = otlp.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
            let builder =
                Wire::builder().with_http().with_endpoint(&otlp.endpoint).with_timeout(otlp.timeout);
            builder.with_protocol(opentelemetry_otlp::Protocol::HttpBinary).with_headers(headers).build()
        }
    };
    built.map_err(|error| OtlpError::Exporter(error.to_string()))
}

pub(super) fn is_on() -> bool {
    SINK.get().is_some()
}

/// Decides about a new trace by its id, so that every process decides alike (`traceidratio`).
pub(super) fn samples(trace_id: u128) -> bool {
    SINK.get().is_some_and(|sink| within(trace_id, sink.ratio))
}

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of all ids, to the precision of a double"
)]
fn within(trace_id: u128, ratio: f64) -> bool {
    let low = (trace_id as u64) >> 1;
    low < (ratio * (1u64 << 63) as f64) as u64
}

pub(super) fn export(span: Finished) {
    let Some(sink) = SINK.get() else { return };
    if sink.spans.try_send(data(span)).is_err() && sink.dropped.fetch_add(1, Ordering::Relaxed) == 0 {
        tracing::warn!("spans are dropped: the collector takes them too slowly");
    }
}

fn data(span: Finished) -> SpanData {
    let Finished { kind, name, context, parent, began, took, attributes, error } = span;
    let flags = if context.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    SpanData {
        span_context: SpanContext::new(
            context.trace_id.into(),
            context.span_id.into(),
            flags,
            false,
            TraceState::default(),
        ),
        parent_span_id: parent.unwrap_or_default().into(),
        parent_span_is_remote: kind == Kind::Server && parent.is_some(),
        span_kind: match kind {
            Kind::Server => SpanKind::Server,
            Kind::Client => SpanKind::Client,
            Kind::Internal => SpanKind::Internal,
        },
        name: name.to_string().into(),
        start_time: began,
        end_time: began + took,
        attributes: attributes.into_iter().map(|(name, value)| KeyValue::new(name, value)).collect(),
        dropped_attributes_count: 0,
        events: opentelemetry_sdk::trace::SpanEvents::default(),
        links: opentelemetry_sdk::trace::SpanLinks::default(),
        status: error.map_or(Status::Unset, Status::error),
        instrumentation_scope: InstrumentationScope::builder("mesh")
            .with_version(env!("CARGO_PKG_VERSION"))
            .build(),
    }
}

async fn run(
    mut queue: mpsc::Receiver<SpanData>,
    mut finish: oneshot::Receiver<()>,
    exporter: Wire,
    delay: Duration,
    limit: Duration,
) {
    let mut tick = interval(delay);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut batch = Vec::with_capacity(BATCH);
    let mut failing = false;
    loop {
        let room = BATCH - batch.len();
        let last = tokio::select! {
            biased;
            _ = &mut finish => true,
            _ = tick.tick() => false,
            _ = queue.recv_many(&mut batch, room) => {
                if batch.len() < BATCH {
                    continue;
                }
                false
            }
        };
        if last {
            queue.close();
        }
        loop {
            queue_rest(&mut queue, &mut batch, last);
            if batch.is_empty() {
                break;
            }
            let sent = timeout(limit, exporter.export(std::mem::take(&mut batch))).await;
            let sent = match sent {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("no answer in time".to_owned()),
            };
            failing = report(failing, &sent);
            if !last {
                break;
            }
        }
        if last {
            return;
        }
    }
}

fn queue_rest(queue: &mut mpsc::Receiver<SpanData>, batch: &mut Vec<SpanData>, last: bool) {
    while last && batch.len() < BATCH {
        match queue.try_recv() {
            Ok(span) => batch.push(span),
            Err(_) => return,
        }
    }
}

/// Says once that sending fails, and once that it goes on.
fn report(failing: bool, sent: &Result<(), String>) -> bool {
    match sent {
        Ok(()) if failing => tracing::info!("spans are sent again"),
        Err(error) if !failing => tracing::warn!(%error, "spans cannot be sent"),
        _ => {}
    }
    sent.is_err()
}
