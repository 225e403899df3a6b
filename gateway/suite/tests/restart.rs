//! Both endpoints of a backend are restarted in turn, as processes, with a schema that has a new method.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gateway_suite::{Client, Gateway, program, tell};
use integration::ready_line;
use rustix::process::{Pid, Signal, kill_process};

/// How long a start or an end may take on a loaded machine.
const BOUND: Duration = Duration::from_mins(1);

/// After so long the new method must be there.
const PICKED_UP: Duration = Duration::from_secs(5);

/// A method that both schemas have, and one that is new.
const UNCHANGED: &str = "/v1/shelves/3/books/abc";
const NEW: &str = "/v1/files/a/b";

/// A process of the test services.
struct Endpoint {
    child: Child,
    uri: String,
}

impl Endpoint {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(program("library-backend").unwrap());
        let mut child = command.args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let line =
            ready_line(child.stdout.take().unwrap()).recv_timeout(BOUND).expect("an endpoint did not start");
        let uri = line.split_once("backend=").unwrap().1.trim().to_owned();
        Self { child, uri }
    }

    /// Ends it as a rollout does, and starts the current schema in its place.
    fn replace(mut self) -> Self {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
        Self::start(&[self.uri.rsplit_once(':').unwrap().1])
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Calls the unchanged method over and over until it is told to stop: how often, and every answer that was no success.
fn caller(address: std::net::SocketAddr, stop: Arc<AtomicBool>) -> thread::JoinHandle<(u32, Vec<String>)> {
    thread::spawn(move || {
        let (mut calls, mut failures) = (0, Vec::new());
        let mut client = Client::connect(address).unwrap();
        while !stop.load(Ordering::Relaxed) {
            let answer = client.get(UNCHANGED).unwrap();
            calls += 1;
            if answer.status != 200 {
                failures.push(format!("{} {}", answer.status, answer.text()));
            }
        }
        (calls, failures)
    })
}

#[test]
fn two_endpoints_are_restarted_in_turn_and_no_call_fails() {
    let [first, second] = [(); 2].map(|()| Endpoint::start(&["--former"]));
    let backends = [&first, &second].map(|endpoint| format!("library={}", endpoint.uri));
    let gateway = Gateway::start(&["--backend", &backends[0], "--backend", &backends[1]]).unwrap();
    let address = gateway.address().unwrap();
    let mut client = Client::connect(address).unwrap();
    assert_eq!(client.get(NEW).unwrap().status, 404, "the former schema has the new method");

    let stop = Arc::new(AtomicBool::new(false));
    let callers = [(); 4].map(|()| caller(address, Arc::clone(&stop)));
    let first = first.replace();
    let second = second.replace();
    let begun = Instant::now();
    while client.get(NEW).unwrap().status != 200 {
        assert!(begun.elapsed() < PICKED_UP, "the new method is not there; {}", gateway.log().unwrap());
        thread::sleep(Duration::from_millis(20));
    }
    let took = begun.elapsed();
    stop.store(true, Ordering::Relaxed);
    let (mut calls, mut failures) = (0, Vec::new());
    for caller in callers {
        let (made, failed) = caller.join().unwrap();
        calls += made;
        failures.extend(failed);
    }
    tell(&format!(
        "restart: {calls} calls while two endpoints were restarted, the new method after {took:?}"
    ));
    assert!(calls > 0 && failures.is_empty(), "{} of {calls} calls failed: {failures:#?}", failures.len());
    drop((first, second));
}
