//! `toolforge jobs run`.

use api::jobs::v1::{CreateJobRequest, JobSpec};

use super::wait;
use crate::args::jobs::Run;
use crate::failure::Failure;
use crate::payload::payload;
use crate::session::Session;

/// Creates a job, and waits for its end where asked.
pub(super) async fn run(mut session: Session<'_>, arguments: &Run) -> Result<(), Failure> {
    let job = payload(arguments)?;
    let name = job.name().to_owned();
    create(&session, job).await?;
    match arguments.wait {
        Some(seconds) if seconds > 0 => wait::run(&mut session, &name, seconds).await,
        _ => Ok(()),
    }
}

/// Creates a job.
pub(super) async fn create(session: &Session<'_>, job: JobSpec) -> Result<(), Failure> {
    session.printer.debug(format_args!("final payload: {job:?}"));
    let mut jobs = session.jobs().await?;
    let request = CreateJobRequest { tool: session.tool(), job: Some(job), ..CreateJobRequest::default() };
    let reply = session.answer(jobs.create_job(session.request(request))).await?;
    session.messages(reply.messages.as_ref())
}
