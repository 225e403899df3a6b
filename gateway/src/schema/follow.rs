//! Following one backend: its schema, whether it serves, and its return after it was away.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::{Instant, sleep, sleep_until};
use tonic::{Code, Status, Streaming};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::backend::Backend;
use crate::reflect::{self, Files};

/// Pause between two looks at the schema of a backend that stays.
const LOOK: Duration = Duration::from_secs(10);

/// First and longest pause after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// What is heard of a backend.
#[derive(Debug)]
pub(super) enum News {
    /// What it serves.
    Files(Files),
    /// Whether it is there and says that it serves.
    Serving(bool),
}

/// Tells all news of a backend, for ever.
pub(super) async fn follow(backend: &Backend, tell: impl Fn(News)) {
    let mut pause = PAUSES.0;
    loop {
        let began = Instant::now();
        // a backend's bytes must not be able to end this
        let stayed = AssertUnwindSafe(stay(backend, &tell)).catch_unwind().await;
        tell(News::Serving(false));
        if let Ok(error) = stayed {
            tracing::warn!(backend = backend.name, %error, "a backend is away");
        } else {
            tracing::error!(backend = backend.name, "reflection panicked");
        }
        if began.elapsed() > LOOK {
            pause = PAUSES.0;
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Tells the news of a backend until it goes away.
async fn stay(backend: &Backend, tell: &impl Fn(News)) -> Status {
    let mut health = match look(backend, tell).await {
        Ok(health) => health,
        Err(error) => return error,
    };
    if health.is_none() {
        tell(News::Serving(true));
    }
    let mut next = Instant::now() + LOOK;
    loop {
        tokio::select! {
            said = hear(&mut health) => match said {
                Ok(serving) => tell(News::Serving(serving)),
                Err(error) => return error,
            },
            () = sleep_until(next) => {
                match reflect::fetch(&backend.channel).await {
                    Ok(files) => tell(News::Files(files)),
                    Err(error) => return error,
                }
                next = Instant::now() + LOOK;
            }
        }
    }
}

type Said = Streaming<HealthCheckResponse>;

/// Takes the schema, and begins to listen to the health of a backend; none where it does not speak of that.
async fn look(backend: &Backend, tell: &impl Fn(News)) -> Result<Option<Said>, Status> {
    tell(News::Files(reflect::fetch(&backend.channel).await?));
    let mut client = HealthClient::new(backend.channel.clone());
    match client.watch(HealthCheckRequest::default()).await {
        Ok(said) => Ok(Some(said.into_inner())),
        Err(error) if error.code() == Code::Unimplemented => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a backend says next of its health.
async fn hear(said: &mut Option<Said>) -> Result<bool, Status> {
    let Some(stream) = said else { return std::future::pending().await };
    match stream.message().await {
        Ok(Some(response)) => Ok(response.status() == ServingStatus::Serving),
        Ok(None) => Err(Status::unavailable("its health stream ended")),
        Err(error) if error.code() == Code::Unimplemented => {
            *said = None;
            Ok(true)
        }
        Err(error) => Err(error),
    }
}
