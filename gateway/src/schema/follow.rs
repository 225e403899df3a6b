//! Following one endpoint of a backend: its schema, whether it serves, and its return after it was away.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use mesh::client::Channel;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tonic::{Code, Status, Streaming};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::endpoint::News;
use crate::backend::Backend;
use crate::reflect::{self, Files};

/// Pause between two looks at the schema of an endpoint that stays.
const LOOK: Duration = Duration::from_secs(8);

/// What a look may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// First and longest pause after a failure. A look at nothing costs little, and a return is to be noticed soon: calls wait
/// for it for two seconds.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// Tells all news of an endpoint, for ever.
pub(super) async fn follow(backend: &Backend, index: usize, tell: impl Fn(News)) {
    let follower = Follower { backend, index, channel: backend.endpoints().only(index), tell };
    let mut pause = PAUSES.0;
    loop {
        let began = Instant::now();
        // a backend's bytes must not be able to end this
        let stayed = AssertUnwindSafe(follower.stay()).catch_unwind().await;
        match stayed {
            Ok(Gone::Connection) => {
                // one that closes every connection at once is not asked without end
                sleep(PAUSES.0.saturating_sub(began.elapsed())).await;
                continue;
            }
            Ok(Gone::Away(error)) => {
                tracing::warn!(backend = &*backend.name, endpoint = index, %error, "a backend is away");
            }
            Err(_) => tracing::error!(backend = &*backend.name, "reflection panicked"),
        }
        (follower.tell)(News::Away);
        if began.elapsed() > LOOK {
            pause = PAUSES.0;
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Why an endpoint is no longer what was told.
enum Gone {
    /// A connection ended: another server may be there now.
    Connection,
    /// It does not answer.
    Away(Status),
}

struct Follower<'a, T> {
    backend: &'a Backend,
    index: usize,
    channel: Channel,
    tell: T,
}

type Said = Streaming<HealthCheckResponse>;

impl<T: Fn(News)> Follower<'_, T> {
    /// Tells the news of an endpoint until it goes away.
    async fn stay(&self) -> Gone {
        let ended = self.backend.endpoints().ended(self.index);
        if let Err(error) = self.look(ended).await {
            return Gone::Away(error);
        }
        let mut health = match self.listen().await {
            Ok(health) => health,
            Err(error) => return Gone::Away(error),
        };
        if health.is_none() {
            (self.tell)(News::Serving(ended, true));
        }
        let mut next = Instant::now() + LOOK;
        loop {
            tokio::select! {
                () = self.backend.endpoints().more_ended(self.index, ended) => return Gone::Connection,
                said = hear(&mut health) => match said {
                    Ok(serving) => (self.tell)(News::Serving(ended, serving)),
                    Err(_) if self.backend.endpoints().ended(self.index) > ended => return Gone::Connection,
                    Err(error) => return Gone::Away(error),
                },
                () = sleep_until(next) => {
                    if let Err(error) = self.look(ended).await {
                        return Gone::Away(error);
                    }
                    next = Instant::now() + LOOK;
                }
            }
        }
    }

    /// Takes the schema. An endpoint that answers, but not with a schema, is taken for what it was.
    async fn look(&self, ended: u64) -> Result<(), Status> {
        if let Some(files) = self.backend.described() {
            (self.tell)(News::Files(ended, Files::clone(&files)));
            return Ok(());
        }
        let fetched = timeout(PATIENCE, reflect::fetch(&self.channel)).await;
        match fetched.unwrap_or_else(|_| Err(Status::deadline_exceeded("reflection takes too long"))) {
            Ok(files) => (self.tell)(News::Files(ended, files)),
            Err(error) if error.code() == Code::Unavailable => return Err(error),
            Err(error) => {
                let backend = &*self.backend.name;
                tracing::warn!(backend, endpoint = self.index, %error, "the schema cannot be learned");
            }
        }
        Ok(())
    }

    /// Begins to listen to the health of an endpoint; none where it does not speak of that.
    async fn listen(&self) -> Result<Option<Said>, Status> {
        let mut client = HealthClient::new(self.channel.clone());
        let watched = timeout(PATIENCE, client.watch(HealthCheckRequest::default())).await;
        match watched.unwrap_or_else(|_| Err(Status::deadline_exceeded("its health is not told"))) {
            Ok(said) => Ok(Some(said.into_inner())),
            Err(error) if error.code() == Code::Unimplemented => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What an endpoint says next of its health.
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
