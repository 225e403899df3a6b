//! Metrics of calls, as a scraper reads them. The recorder is the process's, so this is a process of its own.
#![allow(clippy::unwrap_used, reason = "tests")]

use http::HeaderMap;
use mesh::telemetry::{install_metrics, render_metrics};
use mesh::trace::Call;
use tonic::Code;

#[test]
fn calls_are_counted_by_method_and_status() {
    assert_eq!(render_metrics(), "");
    install_metrics().unwrap();
    install_metrics().unwrap();
    Call::received("/a.B/C", true, &HeaderMap::new()).end(Code::Ok);
    Call::received("/a.B/C", true, &HeaderMap::new()).end(Code::NotFound);
    for scanned in ["/x.Y/1", "/x.Y/2"] {
        Call::received(scanned, false, &HeaderMap::new()).end(Code::Unimplemented);
    }
    Call::made("/d.E/F", true).end(Code::Ok);
    drop(Call::made("/d.E/F", true));
    let text = render_metrics();
    let count = |name: &str, method: &str, status: &str| {
        let labels = format!(
            "{name}_count{{rpc_system_name=\"grpc\",rpc_method=\"{method}\",rpc_response_status_code=\"{status}\"}} "
        );
        let line = text.lines().find_map(|line| line.strip_prefix(&labels));
        line.map(|count| count.parse::<u64>().unwrap())
    };
    let (server, client) = ("rpc_server_call_duration_seconds", "rpc_client_call_duration_seconds");
    assert_eq!(count(server, "a.B/C", "OK"), Some(1), "{text}");
    assert_eq!(count(server, "a.B/C", "NOT_FOUND"), Some(1));
    assert_eq!(count(server, "_OTHER", "UNIMPLEMENTED"), Some(2));
    assert_eq!(count(client, "d.E/F", "OK"), Some(1));
    assert_eq!(count(client, "d.E/F", "CANCELLED"), Some(1));
    assert!(text.contains("rpc_server_call_duration_seconds_bucket") && text.contains("le=\"0.005\""));
    assert!(!text.contains("x.Y"));
}
