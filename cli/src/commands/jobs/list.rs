//! `toolforge jobs list`.

use api::jobs::v1::{Job, ListJobsRequest, ListJobsResponse};

use crate::args::output::List;
use crate::failure::Failure;
use crate::session::Session;
use crate::table::{columns, pretty};
use crate::view;
use crate::words::Word as _;

/// Headings of our columns.
pub(super) const TABLE: [&str; 5] = ["NAME", "TYPE", "STATUS", "FOR", "IMAGE"];

/// Headings of more of them.
pub(super) const WIDE: [&str; 10] =
    ["NAME", "TYPE", "STATUS", "FOR", "IMAGE", "SCHEDULE", "PORT", "REPLICAS", "RESOURCES", "COMMAND"];

/// Lists the jobs of a tool.
pub(super) async fn run(session: &Session<'_>, output: List, long: bool) -> Result<(), Failure> {
    let mut output = output;
    if long {
        session.printer.warning("the `--long` flag is deprecated, use `--output long` instead");
        output = List::Long;
    }
    let reply = fetch(session, None).await?;
    if let Some(format) = output.machine() {
        session.warnings(reply.messages.as_ref());
        return session.machine(format, "toolforge.jobs.v1.ListJobsResponse", &reply);
    }
    session.messages(reply.messages.as_ref())?;
    let jobs = &reply.jobs;
    if jobs.is_empty() {
        session.printer.debug("no jobs to be listed");
        return Ok(());
    }
    let text = match output {
        List::Long => pretty(&view::LONG, &rows(jobs, |job| view::long(job, session.public()))?),
        List::Table => columns(&TABLE, &rows(jobs, |job| Ok(table(job)))?),
        List::Wide => columns(&WIDE, &rows(jobs, |job| Ok(wide(job)))?),
        List::Name => jobs.iter().map(Job::name).collect::<Vec<_>>().join("\n"),
        _ => pretty(&view::SHORT, &rows(jobs, view::short)?),
    };
    session.printer.line(text)
}

/// Gets the jobs, with defaults unless they are not wanted.
pub(super) async fn fetch(
    session: &Session<'_>,
    include_unset: Option<bool>,
) -> Result<ListJobsResponse, Failure> {
    let mut jobs = session.jobs().await?;
    let request = ListJobsRequest { tool: session.tool(), include_unset, ..ListJobsRequest::default() };
    session.answer(jobs.list_jobs(session.request(request))).await
}

/// A job under [`TABLE`].
pub(super) fn table(job: &Job) -> Vec<String> {
    let (status, duration) = view::state(job);
    vec![job.name().into(), job.job_type().word().into(), status.into(), duration.into(), view::image(job)]
}

/// A job under [`WIDE`].
pub(super) fn wide(job: &Job) -> Vec<String> {
    let mut cells = table(job);
    let replicas = job.replicas.map(|count| count.to_string()).unwrap_or_default();
    let port = job.port.map(|_| view::port(job)).unwrap_or_default();
    cells.extend([job.schedule().to_owned(), port, replicas, view::resources(job), job.cmd().to_owned()]);
    cells
}

fn rows(
    jobs: &[Job],
    cells: impl Fn(&Job) -> Result<Vec<String>, Failure>,
) -> Result<Vec<Vec<String>>, Failure> {
    jobs.iter().map(cells).collect()
}
