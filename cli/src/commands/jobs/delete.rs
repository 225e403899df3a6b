//! `toolforge jobs delete`.

use api::jobs::v1::DeleteJobRequest;

use crate::failure::Failure;
use crate::session::Session;

/// Deletes a job.
pub(super) async fn run(session: &Session<'_>, name: String) -> Result<(), Failure> {
    let mut jobs = session.jobs().await?;
    let request = DeleteJobRequest { tool: session.tool(), name, ..DeleteJobRequest::default() };
    let reply = session.answer(jobs.delete_job(session.request(request))).await?;
    session.messages(reply.messages.as_ref())
}
