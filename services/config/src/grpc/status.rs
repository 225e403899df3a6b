//! Domain errors to rich statuses, once.

use config_core::{Error, PortError};
use mesh::status::Problem;
use tonic::{Code, Status};

/// Who defines the reasons below.
pub(super) const DOMAIN: &str = "config.toolforge";

/// The status of an error; what is for operators is logged here and not sent.
pub(super) fn status(error: Error) -> Status {
    let message = error.to_string();
    let problem = |code, reason: &str| Problem::new(code, DOMAIN, reason, message);
    match error {
        Error::InvalidName(cause) => {
            problem(Code::InvalidArgument, "TOOL_NAME_INVALID").violation("name", cause.to_string())
        }
        Error::NotFound(_) => problem(Code::NotFound, "TOOL_NOT_FOUND"),
        Error::Exists(_) => problem(Code::AlreadyExists, "TOOL_EXISTS"),
        Error::Removing(_) => problem(Code::FailedPrecondition, "TOOL_REMOVING").http_status(409),
        Error::OutOfIds => problem(Code::FailedPrecondition, "UNIX_IDS_EXHAUSTED").http_status(409),
        Error::Contended => problem(Code::Aborted, "CONTENDED"),
        Error::Internal(cause) => return failed(cause),
    }
    .into_status()
}

/// The status of a failure below the rules.
pub(super) fn failed(cause: PortError) -> Status {
    tracing::error!(error = &cause as &dyn std::error::Error, "a request failed");
    let message = Error::Internal(cause).to_string();
    Problem::new(Code::Internal, DOMAIN, "INTERNAL", message).into_status()
}
