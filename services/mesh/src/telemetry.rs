//! Telemetry of calls: one status attribute name, metrics, spans to a collector, and logs. Each part is a feature; a part that is off costs a branch.

#[cfg(feature = "metrics")]
mod durations;
#[cfg(feature = "telemetry")]
mod logs;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "otlp")]
mod otlp;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::trace::{Context, Kind};

#[cfg(feature = "metrics")]
pub use durations::{Durations, Series};
#[cfg(feature = "telemetry")]
pub use logs::{Format, LogError, Logs, init, log_filter, set_log_filter};
#[cfg(feature = "metrics")]
pub use metrics::{install_metrics, render_metrics};
#[cfg(feature = "otlp")]
pub use otlp::{Exporter, Otlp, OtlpError, Protocol, export_spans};

/// The attribute that carries a call's status: its name in OpenTelemetry's RPC conventions up to 1.44, to change here alone.
pub const STATUS_ATTRIBUTE: &str = "rpc.response.status_code";

/// A span that has ended.
#[cfg_attr(not(feature = "otlp"), allow(dead_code, reason = "the exporter alone reads it"))]
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) kind: Kind,
    pub(crate) name: Arc<str>,
    pub(crate) context: Context,
    pub(crate) parent: Option<u64>,
    pub(crate) began: SystemTime,
    pub(crate) took: Duration,
    pub(crate) attributes: Vec<(&'static str, String)>,
    pub(crate) error: Option<String>,
}

/// Whether ended spans go anywhere.
pub(crate) fn exports_spans() -> bool {
    #[cfg(feature = "otlp")]
    return otlp::is_on();
    #[cfg(not(feature = "otlp"))]
    false
}

/// Whether a new trace is recorded.
pub(crate) fn samples(trace_id: u128) -> bool {
    #[cfg(feature = "otlp")]
    return otlp::samples(trace_id);
    #[cfg(not(feature = "otlp"))]
    {
        let _ = trace_id;
        false
    }
}

/// Hands an ended span to the exporter; it never waits and never fails the caller.
pub(crate) fn export(span: Finished) {
    #[cfg(feature = "otlp")]
    otlp::export(span);
    #[cfg(not(feature = "otlp"))]
    drop(span);
}

/// Folds samples of metrics into their buckets, which bounds memory where nobody scrapes. A running [`crate::serve`]
/// server calls it once a minute; a process with calls and without such a server does so itself.
pub fn upkeep() {
    #[cfg(feature = "metrics")]
    metrics::upkeep();
}

/// Counts a call that has ended.
pub(crate) fn record_call(kind: Kind, method: &Arc<str>, status: &'static str, took: Duration) {
    #[cfg(feature = "metrics")]
    metrics::record_call(kind, method, status, took);
    #[cfg(not(feature = "metrics"))]
    let _ = (kind, method, status, took);
}
