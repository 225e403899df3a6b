//! `toolforge runs start`.

use api::jobs::v1::RunJobRequest;

use super::present;
use crate::args::runs::Start;
use crate::failure::Failure;
use crate::session::Session;

/// Runs a scheduled job once now.
pub(super) async fn run(session: &Session<'_>, start: Start) -> Result<(), Failure> {
    let Start { job, command, env, stdin, output, arguments } = start;
    let mut jobs = session.jobs().await?;
    let env = env.into_iter().collect();
    let stdin = stdin.then_some(true);
    let request = RunJobRequest {
        tool: session.tool(),
        name: job,
        cmd: command,
        env,
        args: arguments,
        stdin,
        request_id: None,
    };
    let reply = session.answer(jobs.run_job(session.request(request))).await?;
    if let Some(format) = output.machine() {
        session.warnings(reply.messages.as_ref());
        return session.machine(format, "toolforge.jobs.v1.RunJobResponse", &reply);
    }
    session.messages(reply.messages.as_ref())?;
    session.printer.line(present::runs(reply.run.as_slice(), output))
}
