//! Time and identities of this machine.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use jobs_core::Uid;

/// The machine's clock, and UUIDs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine;

#[async_trait]
impl jobs_core::Clock for Machine {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl jobs_core::Ids for Machine {
    fn uid(&self) -> Uid {
        Uid(uuid::Uuid::now_v7().to_string())
    }
}
