//! Prometheus metrics of every call, under the names of OpenTelemetry's RPC conventions.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use metrics::{SharedString, describe_histogram, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::trace::Kind;

const SERVER: &str = "rpc_server_call_duration_seconds";
const CLIENT: &str = "rpc_client_call_duration_seconds";

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
        describe_histogram!(SERVER, metrics::Unit::Seconds, "duration of calls that were received");
        describe_histogram!(CLIENT, metrics::Unit::Seconds, "duration of calls that were made");
        let _ = HANDLE.set(handle);
    }
    Ok(())
}

/// All metrics in Prometheus' text format; empty before [`install_metrics`].
pub fn render_metrics() -> String {
    HANDLE.get().map(PrometheusHandle::render).unwrap_or_default()
}

pub(super) fn upkeep() {
    if let Some(handle) = HANDLE.get() {
        handle.run_upkeep();
    }
}

pub(super) fn record_call(kind: Kind, method: &Arc<str>, status: &'static str, took: Duration) {
    let name = match kind {
        Kind::Server => SERVER,
        Kind::Client => CLIENT,
        Kind::Internal => return,
    };
    let labels = [
        ("rpc_system_name", SharedString::const_str("grpc")),
        ("rpc_method", SharedString::from(Arc::clone(method))),
        ("rpc_response_status_code", SharedString::const_str(status)),
    ];
    histogram!(name, &labels).record(took.as_secs_f64());
}
