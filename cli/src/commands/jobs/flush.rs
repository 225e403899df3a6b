//! `toolforge jobs flush`.

use api::jobs::v1::FlushJobsRequest;

use crate::failure::Failure;
use crate::session::Session;

/// Deletes all jobs of the tool.
pub(super) async fn run(session: &Session<'_>) -> Result<(), Failure> {
    let mut jobs = session.jobs().await?;
    let reply =
        session.answer(jobs.flush_jobs(session.request(FlushJobsRequest { tool: session.tool() }))).await?;
    session.messages(reply.messages.as_ref())
}
