//! Time and identities for the cores.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Machine;

#[async_trait]
impl jobs_core::Clock for Machine {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl config_core::Clock for Machine {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

impl jobs_core::Ids for Machine {
    fn uid(&self) -> jobs_core::Uid {
        jobs_core::Uid(uuid::Uuid::now_v7().to_string())
    }
}

impl config_core::Ids for Machine {
    fn uid(&self) -> String {
        uuid::Uuid::now_v7().to_string()
    }
}

/// Environment from secrets: this release has no envvars service, so that there is none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NoSecrets;

#[async_trait]
impl engine::Secrets for NoSecrets {
    async fn environment(&self, _: &str) -> Result<Vec<(String, String)>, engine::Error> {
        Ok(Vec::new())
    }
}
