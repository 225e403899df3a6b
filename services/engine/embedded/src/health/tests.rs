//! Counting of failures, and what an answer means.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

fn probe() -> Probe {
    let mut probe = Probe::new(ProbeCheck::Tcp { port: 1 });
    probe.startup_failures = 3;
    probe.liveness_failures = 2;
    probe
}

fn fail() -> Result<(), String> {
    Err("exit code 1".to_owned())
}

#[test]
fn a_start_may_fail_for_a_while() {
    let mut count = Count::new(&probe(), false);
    let why = "health check failed: exit code 1".to_owned();
    assert_eq!(count.take(fail()), Some(Verdict::Failing(why.clone())));
    assert_eq!(count.take(fail()), Some(Verdict::Failing(why.clone())));
    assert_eq!(count.take(fail()), Some(Verdict::Unhealthy(why)));
}

#[test]
fn a_life_fails_after_failures_in_a_row() {
    let mut count = Count::new(&probe(), false);
    let why = "health check failed: exit code 1".to_owned();
    assert_eq!(count.take(Ok(())), Some(Verdict::Ready));
    assert_eq!(count.take(Ok(())), None);
    assert_eq!(count.take(fail()), Some(Verdict::Failing(why.clone())));
    assert_eq!(count.take(Ok(())), Some(Verdict::Recovered));
    assert_eq!(count.take(fail()), Some(Verdict::Failing(why.clone())));
    assert_eq!(count.take(fail()), Some(Verdict::Unhealthy(why)));
}

async fn answer(bytes: &[u8]) -> Result<(), String> {
    let (ours, mut theirs) = tokio::io::duplex(1024);
    theirs.write_all(bytes).await.unwrap();
    theirs.shutdown().await.unwrap();
    let result = http(ours, "/healthz", 8000).await;
    let mut request = String::new();
    theirs.read_to_string(&mut request).await.unwrap();
    assert!(request.starts_with("GET /healthz HTTP/1.1\r\nHost: "), "{request}");
    result
}

#[tokio::test]
async fn a_status_from_200_to_399_is_healthy() {
    for good in ["200 OK", "204 No Content", "302 Found", "399 "] {
        assert_eq!(answer(format!("HTTP/1.1 {good}\r\n\r\n").as_bytes()).await, Ok(()));
    }
    assert_eq!(answer(b"HTTP/1.0 200\r\n").await, Ok(()));
    assert_eq!(answer(b"HTTP/1.1 500 No\r\n").await, Err("HTTP status 500".to_owned()));
    assert_eq!(answer(b"HTTP/1.1 199 No\r\n").await, Err("HTTP status 199".to_owned()));
    for bad in [&b""[..], b"SSH-2.0-x\r\n", b"HTTP/1.1\r\n", &[b'x'; 300]] {
        assert_eq!(answer(bad).await, Err("the answer is not HTTP".to_owned()));
    }
}
