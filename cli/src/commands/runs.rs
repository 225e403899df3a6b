//! `toolforge runs`: one module a verb.

mod attach;
mod cancel;
mod list;
mod present;
mod show;
mod start;
mod watch;

use crate::args::runs::Runs;
use crate::failure::Failure;
use crate::session::Session;

/// Runs the verb.
pub(crate) async fn run(command: Runs, session: Session<'_>) -> Result<(), Failure> {
    match command {
        Runs::List { job, limit, output } => list::run(&session, job, limit, output).await,
        Runs::Show { name, output } => show::run(&session, name, output).await,
        Runs::Start(start) => start::run(&session, start).await,
        Runs::Watch { name, output } => watch::run(&session, name, output).await,
        Runs::Cancel { name, output } => cancel::run(&session, name, output).await,
        Runs::Attach { name, stdin } => attach::run(&session, name, stdin).await,
    }
}
