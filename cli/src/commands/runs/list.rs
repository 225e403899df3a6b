//! `toolforge runs list`.

use api::jobs::v1::ListRunsRequest;

use super::present;
use crate::args::output::Columns;
use crate::failure::Failure;
use crate::session::Session;

/// Lists runs, the newest first.
pub(super) async fn run(
    session: &Session<'_>,
    job: Option<String>,
    limit: i32,
    output: Columns,
) -> Result<(), Failure> {
    let mut runs = session.runs().await?;
    let request = ListRunsRequest { tool: session.tool(), job, page_size: Some(limit), page_token: None };
    let reply = session.answer(runs.list_runs(session.request(request))).await?;
    if let Some(format) = output.machine() {
        session.warnings(reply.messages.as_ref());
        return session.machine(format, "toolforge.jobs.v1.ListRunsResponse", &reply);
    }
    session.messages(reply.messages.as_ref())?;
    if reply.runs.is_empty() {
        session.printer.debug("no runs to be listed");
        return Ok(());
    }
    session.printer.line(present::runs(&reply.runs, output))?;
    if reply.next_page_token.is_some() {
        session.printer.info(format_args!("there are more than {limit}; see them with --limit"));
    }
    Ok(())
}
