//! `toolforge runs watch`.

use api::jobs::v1::{Run, RunState, WatchRunRequest, WatchRunResponse};

use crate::args::output::{Columns, Machine};
use crate::failure::Failure;
use crate::session::Session;
use crate::value::{json_line, tree, yaml};
use crate::words::Word as _;

/// Tells every change of a run until it has ended.
pub(super) async fn run(session: &Session<'_>, name: String, output: Columns) -> Result<(), Failure> {
    let request = WatchRunRequest { tool: session.tool(), name };
    let mut changes = session.runs().await?.watch_run(request).await?.into_inner();
    let mut last = None;
    while let Some(change) = changes.message().await? {
        tell(session, &change, output)?;
        last = change.run.map(|run| run.state());
    }
    match last {
        Some(RunState::Succeeded) => Ok(()),
        Some(_) => Err(Failure::Told(1)),
        None => Err(Failure::service("the service has not told how the run is")),
    }
}

fn tell(session: &Session<'_>, change: &WatchRunResponse, output: Columns) -> Result<(), Failure> {
    let name = "toolforge.jobs.v1.WatchRunResponse";
    match (output.machine(), &change.run) {
        (Some(Machine::Json), _) => session.printer.line(json_line(&tree(name, change)?)),
        (Some(Machine::Yaml), _) => {
            session.printer.bytes(format!("---\n{}", yaml(&tree(name, change)?)).as_bytes())
        }
        (None, None) => Ok(()),
        (None, Some(run)) if output == Columns::Name => session.printer.line(&run.name),
        (None, Some(run)) => session.printer.line(line(run, output)),
    }
}

fn line(run: &Run, output: Columns) -> String {
    let mut words = vec![run.name.clone(), run.state().word().to_owned()];
    words.extend(run.exit_code.map(|code| format!("exit {code}")));
    if output == Columns::Wide {
        words.extend([format!("trigger {}", run.trigger().word()), format!("job {}", run.job)]);
    }
    words.extend(run.message.clone());
    words.join("   ")
}
