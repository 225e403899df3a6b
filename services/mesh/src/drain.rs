//! Drain: the order in which a server stops, and the signals that start it.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// A drain that many parts of a process watch; it is in every request's extensions.
///
/// The first stage stops new work; the second ends streams; the third gives up on what is left.
#[derive(Clone, Debug, Default)]
pub struct Drain {
    begun: CancellationToken,
    streams: CancellationToken,
    hard: CancellationToken,
}

/// How long each stage of a drain lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace {
    /// From `NOT_SERVING` to the end of accepting, so that balancers can take notice; zero on one machine.
    pub announce: Duration,
    /// From GOAWAY to the end of the streams.
    pub streams: Duration,
    /// From the beginning to the hard stop.
    pub total: Duration,
}

impl Default for Grace {
    fn default() -> Self {
        Self { announce: Duration::ZERO, streams: Duration::from_secs(1), total: Duration::from_secs(30) }
    }
}

impl Drain {
    /// A drain that has not begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// A drain that begins at SIGTERM or SIGINT; a second signal of either kind stops at once.
    pub fn on_signals() -> io::Result<Self> {
        let drain = Self::new();
        let mut term = signal(SignalKind::terminate())?;
        let mut int = signal(SignalKind::interrupt())?;
        let watched = drain.clone();
        tokio::spawn(async move {
            for stage in [Self::begin, Self::stop] {
                tokio::select! {
                    _ = term.recv() => {}
                    _ = int.recv() => {}
                }
                stage(&watched);
            }
        });
        Ok(drain)
    }

    /// Begins the drain.
    pub fn begin(&self) {
        self.begun.cancel();
    }

    /// Whether it has begun.
    pub fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// Resolves when it begins. Background work that can be left at any point ends here.
    pub async fn begun(&self) {
        self.begun.cancelled().await;
    }

    /// Ends the streams.
    pub fn end_streams(&self) {
        self.begin();
        self.streams.cancel();
    }

    /// Resolves when streams must end: a long-lived handler closes with what it has, its client resumes elsewhere.
    pub async fn streams_end(&self) {
        self.streams.cancelled().await;
    }

    /// Stops waiting for anything.
    pub fn stop(&self) {
        self.end_streams();
        self.hard.cancel();
    }

    /// Resolves when nothing is waited for any longer.
    pub async fn stopped(&self) {
        self.hard.cancelled().await;
    }

    /// A drain that follows this one but can be driven on by itself, so that one server of a process ends its streams
    /// on its own clock.
    pub fn child(&self) -> Self {
        Self {
            begun: self.begun.child_token(),
            streams: self.streams.child_token(),
            hard: self.hard.child_token(),
        }
    }
}

/// The status with which a draining server ends a stream.
pub fn resume_elsewhere() -> Status {
    Status::unavailable("the server is stopping; resume elsewhere")
}
