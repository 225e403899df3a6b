//! `toolforge jobs show`.

use api::jobs::v1::{GetJobRequest, GetJobResponse};

use super::list;
use crate::args::output::Show;
use crate::failure::Failure;
use crate::session::Session;
use crate::table::{columns, grid};
use crate::view;

/// Shows everything about a job.
pub(super) async fn run(session: &Session<'_>, name: &str, output: Show) -> Result<(), Failure> {
    let request = GetJobRequest { tool: session.tool(), name: name.into(), include_unset: None };
    let mut jobs = session.jobs().await?;
    let reply = session.answer(jobs.get_job(session.request(request))).await?;
    if let Some(format) = output.machine() {
        session.warnings(reply.messages.as_ref());
        return session.machine(format, "toolforge.jobs.v1.GetJobResponse", &reply);
    }
    session.messages(reply.messages.as_ref())?;
    let GetJobResponse { job, .. } = reply;
    let job = job.ok_or_else(|| Failure::service("the reply has no job"))?;
    let text = match output {
        Show::Normal => {
            let headings = view::LONG.iter().copied().chain([view::HINTS]);
            let cells = view::long(&job, session.public())?.into_iter().chain([view::hints(&job)]);
            grid(
                &headings
                    .zip(cells)
                    .map(|(heading, cell)| vec![heading.to_owned(), cell])
                    .collect::<Vec<_>>(),
            )
        }
        Show::Wide => columns(&list::WIDE, &[list::wide(&job)]),
        _ => columns(&list::TABLE, &[list::table(&job)]),
    };
    session.printer.line(text)
}
