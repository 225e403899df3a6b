//! Records that somebody else changes first, when a test says so.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use config::Records;
use config_core::{Answer, Change, PortError, Repository, Saved, Stale, Tool, ToolName};
use futures_core::stream::BoxStream;

#[derive(Debug)]
pub(crate) struct Contended {
    pub(crate) records: Records,
    pub(crate) on: AtomicBool,
    /// Whoever holds it keeps changes of a tool from being recorded.
    pub(crate) pause: tokio::sync::Mutex<()>,
}

#[async_trait]
impl Repository for Contended {
    async fn get(&self, name: &ToolName) -> Result<Option<Saved<Tool, u64>>, PortError> {
        self.records.get(name).await
    }

    async fn list(&self) -> Result<Vec<Saved<Tool, u64>>, PortError> {
        self.records.list().await
    }

    async fn put(&self, tool: &Tool, token: Option<u64>, request: Option<&str>) -> Result<u64, Stale> {
        if self.on.load(Ordering::Relaxed) {
            return Err(Stale::Changed);
        }
        if token.is_some() {
            drop(self.pause.lock().await);
        }
        self.records.put(tool, token, request).await
    }

    async fn delete(&self, name: &ToolName, token: u64) -> Result<(), Stale> {
        self.records.delete(name, token).await
    }

    async fn recall(&self, name: &ToolName, request: &str) -> Result<Option<Answer>, PortError> {
        self.records.recall(name, request).await
    }

    async fn next_unix_id(&self) -> Result<Option<u32>, PortError> {
        self.records.next_unix_id().await
    }

    async fn watch(&self) -> Result<BoxStream<'static, Result<Change, PortError>>, PortError> {
        self.records.watch().await
    }
}
