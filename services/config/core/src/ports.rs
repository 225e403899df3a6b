//! What the use cases need from outside.

use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use futures_core::stream::BoxStream;
use jiff::Timestamp;

use crate::{Change, Credentials, PortError, Tool, ToolName};

/// A record with the token that a later change of it must show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved<T, R> {
    /// The record.
    pub value: T,
    /// Its token.
    pub token: R,
}

/// The answer of a remembered request: the tool that it made or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Name of the tool.
    pub name: ToolName,
    /// Its identity.
    pub uid: String,
}

/// Somebody else changed the record first.
#[derive(Debug, thiserror::Error)]
pub enum Stale {
    /// The token is no longer the record's.
    #[error("record was changed by somebody else")]
    Changed,
    /// The repository failed.
    #[error(transparent)]
    Failed(#[from] PortError),
}

/// Where tools are kept.
#[async_trait]
pub trait Repository: Send + Sync + fmt::Debug {
    /// One tool and its token.
    async fn get(&self, name: &ToolName) -> Result<Option<Saved<Tool, u64>>, PortError>;
    /// Every tool, by name.
    async fn list(&self) -> Result<Vec<Saved<Tool, u64>>, PortError>;
    /// Stores a tool: new where `token` is none, else over the record of that token. Remembers the request for 24
    /// hours in the same commit.
    async fn put(&self, tool: &Tool, token: Option<u64>, request: Option<&str>) -> Result<u64, Stale>;
    /// Forgets a tool.
    async fn delete(&self, name: &ToolName, token: u64) -> Result<(), Stale>;
    /// The answer of a request that was carried out in the last 24 hours.
    async fn recall(&self, name: &ToolName, request: &str) -> Result<Option<Answer>, PortError>;
    /// A unix id that nobody has had; none when the range is used up.
    async fn next_unix_id(&self) -> Result<Option<u32>, PortError>;
    /// What is there, then every change.
    async fn watch(&self) -> Result<BoxStream<'static, Result<Change, PortError>>, PortError>;
}

/// Makes and removes what a tool owns on the platform. Each call may be repeated.
#[async_trait]
pub trait Tenancy: Send + Sync + fmt::Debug {
    /// Where the tool's home is, or would be.
    fn home(&self, name: &ToolName) -> PathBuf;
    /// Makes home, ownership and configuration of clients.
    async fn create(&self, tool: &Tool) -> Result<(), PortError>;
    /// Puts a certificate and its key into the home.
    async fn install(&self, tool: &Tool, credentials: &Credentials) -> Result<(), PortError>;
    /// Whether the home has a certificate of this serial number.
    async fn installed(&self, tool: &Tool, serial: &str) -> Result<bool, PortError>;
    /// Takes everything away; the home only where told.
    async fn remove(&self, tool: &Tool, delete_home: bool) -> Result<(), PortError>;
}

/// Issues and revokes client certificates.
#[async_trait]
pub trait Issuer: Send + Sync + fmt::Debug {
    /// A new certificate `O=toolforge, CN=<tool>` with its key.
    async fn issue(&self, tool: &ToolName) -> Result<Credentials, PortError>;
    /// From now on the certificate is not accepted; may be repeated.
    async fn revoke(&self, serial: &str) -> Result<(), PortError>;
}

/// The time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Fresh identities.
pub trait Ids: Send + Sync + fmt::Debug {
    /// A UUID.
    fn uid(&self) -> String;
}
