//! Signals begin a drain, and a second one ends it. They go to the whole process, so this is a process of its own.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use mesh::drain::Drain;
use rustix::process::{Signal, getpid, kill_process};
use tokio::time::timeout;

#[tokio::test]
async fn the_first_signal_drains_and_the_second_stops() {
    let drain = Drain::on_signals().unwrap();
    let server = drain.child();
    assert!(!drain.has_begun());
    kill_process(getpid(), Signal::TERM).unwrap();
    timeout(Duration::from_secs(10), server.begun()).await.unwrap();
    assert!(timeout(Duration::from_millis(50), server.stopped()).await.is_err(), "one signal only drains");
    kill_process(getpid(), Signal::INT).unwrap();
    timeout(Duration::from_secs(10), server.stopped()).await.unwrap();
}
