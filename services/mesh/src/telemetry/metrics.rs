//! Prometheus metrics of every call, under the names of OpenTelemetry's RPC conventions.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::durations::{self, Durations, Series};
use crate::trace::Kind;

const LABELS: &[&str] = &["rpc_system_name", "rpc_method", "rpc_response_status_code"];

static SERVER: Durations =
    Durations::new("rpc_server_call_duration_seconds", "duration of calls that were received", LABELS);

static CLIENT: Durations =
    Durations::new("rpc_client_call_duration_seconds", "duration of calls that were made", LABELS);

/// The boundaries that the conventions advise, in seconds.
const BUCKETS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts to collect; once per process, later calls change nothing.
pub fn install_metrics() -> Result<(), BuildError> {
    let builder =
        PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BUCKETS)?;
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_ok() {
        let _ = HANDLE.set(handle);
    }
    Ok(())
}

/// All metrics in Prometheus' text format; empty before [`install_metrics`].
pub fn render_metrics() -> String {
    let Some(handle) = HANDLE.get() else { return String::new() };
    let mut text = handle.render();
    durations::render(&mut text);
    text
}

pub(super) fn upkeep() {
    if let Some(handle) = HANDLE.get() {
        handle.run_upkeep();
    }
}

/// The series that this thread has recorded into, by kind, status and method.
type Recorded = HashMap<(Kind, &'static str), HashMap<Arc<str>, Arc<Series>>>;

thread_local! {
    static RECORDED: RefCell<Recorded> = RefCell::default();
}

pub(super) fn record_call(kind: Kind, method: &Arc<str>, status: &'static str, took: Duration) {
    let family = match kind {
        Kind::Server => &SERVER,
        Kind::Client => &CLIENT,
        Kind::Internal => return,
    };
    RECORDED.with_borrow_mut(|recorded| {
        let methods = recorded.entry((kind, status)).or_default();
        if let Some(series) = methods.get(method) {
            series.record(took);
        } else {
            let series = family.series(&["grpc", method, status]);
            series.record(took);
            methods.insert(Arc::clone(method), series);
        }
    });
}
