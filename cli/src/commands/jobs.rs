//! `toolforge jobs`: one module a verb.

mod delete;
mod dump;
mod flush;
mod images;
mod list;
mod load;
mod logs;
mod quota;
mod restart;
mod run;
mod show;
mod wait;

use crate::args::jobs::Jobs;
use crate::failure::Failure;
use crate::session::Session;

/// Runs the verb.
pub(crate) async fn run(command: Jobs, session: Session<'_>) -> Result<(), Failure> {
    match command {
        Jobs::Images { output } => images::run(&session, output).await,
        Jobs::Run(arguments) => run::run(session, &arguments).await,
        Jobs::Show { name, output } => show::run(&session, &name, output).await,
        Jobs::Logs(arguments) => logs::run(&session, arguments).await,
        Jobs::List { output, long } => list::run(&session, output, long).await,
        Jobs::Delete { name } => delete::run(&session, name).await,
        Jobs::Flush => flush::run(&session).await,
        Jobs::Load { file, job } => load::run(session, &file, job.as_deref()).await,
        Jobs::Restart { name } => restart::run(&session, name).await,
        Jobs::Quota { output } => quota::run(&session, output).await,
        Jobs::Dump { to_file } => dump::run(&session, to_file.as_deref()).await,
    }
}
