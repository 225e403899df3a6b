//! `toolforge runs cancel`.

use api::jobs::v1::CancelRunRequest;

use super::present;
use crate::args::output::Columns;
use crate::failure::Failure;
use crate::session::Session;

/// Stops a run.
pub(super) async fn run(session: &Session<'_>, name: String, output: Columns) -> Result<(), Failure> {
    let mut runs = session.runs().await?;
    let reply = session
        .answer(runs.cancel_run(session.request(CancelRunRequest { tool: session.tool(), name })))
        .await?;
    if let Some(format) = output.machine() {
        session.warnings(reply.messages.as_ref());
        return session.machine(format, "toolforge.jobs.v1.CancelRunResponse", &reply);
    }
    session.messages(reply.messages.as_ref())?;
    session.printer.line(present::runs(reply.run.as_slice(), output))
}
