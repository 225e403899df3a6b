//! Domain errors to rich statuses, once.

use jobs_core::{Error, Violations};
use mesh::status::Problem;
use tonic::{Code, Status};

/// Who defines the reasons below.
const DOMAIN: &str = "jobs.toolforge";

/// The status of an error; what is for operators is logged here and not sent.
#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
pub(super) fn status(error: Error) -> Status {
    let operator = error.operator();
    let problem = |code, reason: &str| Problem::new(code, DOMAIN, reason, error.to_string());
    match &error {
        Error::Invalid(found) => violations(found),
        Error::JobNotFound(_) => problem(Code::NotFound, "JOB_NOT_FOUND"),
        Error::RunNotFound(_) => problem(Code::NotFound, "RUN_NOT_FOUND"),
        Error::FileLog(_) => problem(Code::NotFound, "LOGS_IN_FILES"),
        Error::NoLogs(_) => problem(Code::NotFound, "NO_LOGS"),
        Error::JobExists(_) => problem(Code::AlreadyExists, "JOB_EXISTS"),
        Error::PublishConflict { .. } => {
            problem(Code::FailedPrecondition, "PUBLISH_CONFLICT").violation("publish", error.to_string())
        }
        Error::NoSuchImage { .. } => {
            problem(Code::InvalidArgument, "NO_SUCH_IMAGE").violation("imagename", error.to_string())
        }
        Error::OutOfQuota { resources } => {
            let out = problem(Code::ResourceExhausted, "OUT_OF_QUOTA").http_status(409);
            resources.iter().fold(out, |out, resource| out.quota(resource, "nothing is left of it"))
        }
        Error::RestartOneOff => problem(Code::FailedPrecondition, "ONE_OFF_NOT_RESTARTABLE"),
        Error::NoRuns(_) => problem(Code::FailedPrecondition, "JOB_HAS_NO_RUNS"),
        Error::RunNotOpen(_) => problem(Code::FailedPrecondition, "RUN_NOT_OPEN").http_status(409),
        Error::EtagMismatch => problem(Code::Aborted, "ETAG_MISMATCH"),
        Error::RequestIdReused => problem(Code::InvalidArgument, "REQUEST_ID_REUSED")
            .violation("request_id", "was used before for another request"),
        Error::Unsupported { .. } => problem(Code::FailedPrecondition, "UNSUPPORTED"),
        Error::Busy => problem(Code::Aborted, "BUSY"),
        Error::Engine(_) | Error::Repository(_) => {
            tracing::error!(error = operator, "a request failed");
            problem(Code::Internal, "INTERNAL")
        }
        _ => {
            tracing::error!(error = operator, "a request failed in a way without a reason");
            problem(Code::Unknown, "UNKNOWN")
        }
    }
    .into_status()
}

/// The status of a query of the log service, which has nothing of a job that writes to files and says so before it says
/// why (contract 3.7).
pub(super) fn log_status(error: Error) -> Status {
    let Error::FileLog(name) = &error else { return status(error) };
    let sentences = format!("{}\n{error}", Error::NoLogs(name.clone()));
    Problem::new(Code::NotFound, DOMAIN, "LOGS_IN_FILES", sentences).into_status()
}

/// The status of a request whose fields are wrong.
pub(super) fn violations(found: &Violations) -> Problem {
    let reason = if found.is_schema() { "SCHEMA_VIOLATION" } else { "RULE_VIOLATION" };
    let mut problem = Problem::new(Code::InvalidArgument, DOMAIN, reason, found.to_string());
    if found.is_schema() {
        // A value of the wrong form, rather than one that breaks a rule (contract 3.1).
        problem = problem.http_status(422);
    }
    found.iter().fold(problem, |problem, violation| problem.violation(violation.field, &violation.text))
}

/// The status of one wrong field.
pub(super) fn invalid(field: &str, description: &str) -> Status {
    let message = format!("{field} {description}");
    Problem::new(Code::InvalidArgument, DOMAIN, "INVALID_ARGUMENT", message)
        .violation(field, description)
        .into_status()
}
