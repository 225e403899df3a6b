//! What can go wrong with a tool, as facts.

use crate::{InvalidName, ToolName};

/// A failure below the rules: store, file system, signer. The text is for operators.
#[derive(Debug, thiserror::Error)]
#[error("{context}")]
pub struct PortError {
    /// What was being done.
    pub context: String,
    /// The cause.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl PortError {
    /// A failure with what was being done.
    pub fn new(
        context: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { context: context.into(), source: source.into() }
    }
}

/// Why a request about tools is refused or fails; `Display` is the caller's sentence.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name is none.
    #[error("{0}")]
    InvalidName(#[from] InvalidName),
    /// There is no such tool.
    #[error("Tool '{0}' does not exist")]
    NotFound(ToolName),
    /// There is one of that name.
    #[error("A tool with the name {0} already exists")]
    Exists(ToolName),
    /// It is on its way out.
    #[error("Tool '{0}' is being removed")]
    Removing(ToolName),
    /// No unix id is left.
    #[error("No more tools can be added: every unix id has been given")]
    OutOfIds,
    /// Too many others change the same thing.
    #[error("The tool was changed by somebody else at the same time, please try again")]
    Contended,
    /// Something failed underneath.
    #[error("Something went wrong on the server, please try again or tell its operators")]
    Internal(#[from] PortError),
}
