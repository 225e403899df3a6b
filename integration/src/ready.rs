//! The line by which a program says that it is ready.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::mpsc;
use std::thread;

/// The line of standard output that begins with `ready `; the rest is read and dropped, so that nobody waits for a full
/// pipe.
pub fn ready_line(stdout: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if line.starts_with("ready ") {
                let _ = send.send(line);
            }
        }
    });
    receive
}
