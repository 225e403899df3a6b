//! Load shedding: so many calls at once, a short wait for a turn, and a refusal that tells the caller to come later.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tonic::Status;
use tonic::metadata::MetadataValue;

/// When a refused caller may come again, in milliseconds (gRFC A6, pushback).
const PUSHBACK_MS: &str = "1000";

#[derive(Debug)]
pub(super) struct Shed {
    turns: Arc<Semaphore>,
    patience: Duration,
}

impl Shed {
    pub(super) fn new(calls: usize, patience: Duration) -> Self {
        Self { turns: Arc::new(Semaphore::new(calls)), patience }
    }

    /// A turn, at once or within the patience. Who waited longer is refused: an old queue serves only callers that have left.
    pub(super) async fn turn(&self) -> Result<OwnedSemaphorePermit, Status> {
        let turns = Arc::clone(&self.turns);
        match timeout(self.patience, turns.acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(refusal()),
        }
    }
}

fn refusal() -> Status {
    let mut status = Status::resource_exhausted("the server is busy; try again later");
    let pushback = HeaderValue::from_static(PUSHBACK_MS);
    if let Ok(pushback) = MetadataValue::try_from(pushback.as_bytes()) {
        status.metadata_mut().insert("grpc-retry-pushback-ms", pushback);
    }
    status
}

#[cfg(test)]
mod tests {
    //! Turns under paused time.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_waits_a_little_and_is_then_refused_with_pushback() {
        let shed = Shed::new(1, Duration::from_millis(100));
        let first = shed.turn().await.unwrap();
        let status = shed.turn().await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::ResourceExhausted);
        assert_eq!(status.metadata().get("grpc-retry-pushback-ms").unwrap(), PUSHBACK_MS);
        drop(first);
        assert!(shed.turn().await.is_ok());
    }
}
