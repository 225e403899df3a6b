//! A collector that is away: no call waits for it, none fails, and the process ends in time. With the `otlp` feature.
#![cfg(feature = "otlp")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, Instant};

use http::HeaderMap;
use mesh::telemetry::{Otlp, export_spans};
use mesh::trace::Call;
use tonic::Code;

#[tokio::test]
async fn calls_do_not_notice_that_the_collector_is_away() {
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let variables = |name: &str| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(format!("http://127.0.0.1:{port}")),
        "OTEL_BSP_SCHEDULE_DELAY" => Some("10".into()),
        _ => None,
    };
    let exporter = export_spans(&Otlp::read("away", variables).unwrap().unwrap()).unwrap();
    let start = Instant::now();
    for _ in 0..20_000 {
        let call = Call::received("/a.B/C", true, &HeaderMap::new());
        assert!(call.span().context().sampled);
        call.end(Code::Ok);
    }
    assert!(start.elapsed() < Duration::from_secs(2), "20,000 calls took {:?}", start.elapsed());
    exporter.finish().await;
    assert!(start.elapsed() < Duration::from_secs(8));
}
