//! The engine contract suite against real processes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::contract::Harness;
use engine::{Engine, Observation};
use engine_embedded::Embedded;
use futures_util::StreamExt;
use jiff::Timestamp;

/// Where a case of the suite runs. It leaves nothing behind.
struct Place {
    _data: tempfile::TempDir,
    engine: Arc<Embedded>,
    tool: String,
}

#[async_trait]
impl Harness for Place {
    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn tool(&self) -> String {
        self.tool.clone()
    }

    fn image(&self) -> String {
        support::IMAGE.to_owned()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let engine = Arc::clone(&self.engine);
        let clear = async move {
            engine.retain(&[]).await.unwrap();
            let mut seen = engine.observe().await.unwrap();
            let mut there = std::collections::BTreeSet::new();
            let mut synced = false;
            while !(synced && there.is_empty()) {
                match seen.next().await.unwrap() {
                    Observation::Instance(instance) => {
                        there.insert(instance.id);
                    }
                    Observation::Gone(id) => {
                        there.remove(&id);
                    }
                    Observation::Synced => synced = true,
                    Observation::Condition(_) => {}
                }
            }
            drop(seen);
            engine.close(true).await.unwrap();
        };
        let clear = async { tokio::time::timeout(Duration::from_secs(30), clear).await.unwrap() };
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(clear));
    }
}

async fn open() -> (Arc<Embedded>, Place) {
    let data = tempfile::tempdir().unwrap();
    support::make_enterable(data.path());
    let exe = PathBuf::from(env!("CARGO_BIN_EXE_engine-embedded-shim"));
    let engine = Arc::new(Embedded::open(support::config(data.path(), &exe)).await.unwrap());
    let place = Place { _data: data, engine: Arc::clone(&engine), tool: support::tool() };
    (engine, place)
}

engine::contract_tests!(open);
