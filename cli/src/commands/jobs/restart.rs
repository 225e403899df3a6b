//! `toolforge jobs restart`.

use api::jobs::v1::RestartJobRequest;

use crate::failure::Failure;
use crate::session::Session;

/// Restarts a job.
pub(super) async fn run(session: &Session<'_>, name: String) -> Result<(), Failure> {
    let mut jobs = session.jobs().await?;
    let request = RestartJobRequest { tool: session.tool(), name, ..RestartJobRequest::default() };
    let reply = session.answer(jobs.restart_job(session.request(request))).await?;
    session.messages(reply.messages.as_ref())
}
