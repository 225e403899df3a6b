//! From arguments to an exit status: one function a command.

mod context;
mod jobs;
mod runs;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _};

use crate::args::{Cli, Command, Global};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::plugin;
use crate::printer::Printer;
use crate::session::Session;
use crate::settings::Settings;

/// Parses, runs, and says how it ended.
pub(crate) fn run(environment: &Environment) -> ExitCode {
    let parsed = Cli::command()
        .try_get_matches_from(&environment.arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let Cli { global, command } = match parsed {
        Ok(cli) => cli,
        Err(error) => return refused(&error, environment),
    };
    let printer = Printer::new(
        global.color,
        environment.no_color,
        global.verbose || environment.verbose,
        global.debug || environment.debug,
    );
    match dispatch(command, &global, environment, &printer) {
        Ok(code) => code,
        Err(failure) => {
            printer.failure(&failure);
            failure.exit_code()
        }
    }
}

/// Help and versions go to standard output and are no errors.
fn refused(error: &clap::Error, environment: &Environment) -> ExitCode {
    let printer = Printer::new(crate::printer::Color::Auto, environment.no_color, false, false);
    let text = error.render().to_string();
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let told = if asked { printer.line(text.trim_end()) } else { Err(Failure::Usage(text)) };
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            printer.failure(&failure);
            failure.exit_code()
        }
    }
}

fn dispatch(
    command: Command,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<ExitCode, Failure> {
    match command {
        Command::Completion { shell } => completion(shell, printer)?,
        Command::Commands => subcommands(environment, printer)?,
        Command::External(arguments) => return plugin::run(&arguments, global, environment),
        Command::Context(command) => context::run(command, global, environment, printer)?,
        Command::Jobs(command) => {
            let settings = Settings::resolve(global, environment)?;
            wait_for(jobs::run(command, Session::new(settings, printer)))?;
        }
        Command::Runs(command) => {
            let settings = Settings::resolve(global, environment)?;
            wait_for(runs::run(command, Session::new(settings, printer)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs a command to its end on this thread.
fn wait_for(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::client(format!("cannot start: {error}")))?;
    let ended = runtime.block_on(command);
    // a read of standard input may still be under way on a thread of its own
    runtime.shutdown_background();
    ended
}

fn completion(shell: clap_complete::Shell, printer: &Printer) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "toolforge", &mut script);
    printer.bytes(&script)
}

fn subcommands(environment: &Environment, printer: &Printer) -> Result<(), Failure> {
    let mut names = plugin::names(environment);
    names.extend(
        Cli::command()
            .get_subcommands()
            .filter(|one| !one.is_hide_set())
            .map(|one| one.get_name().to_owned()),
    );
    names.into_iter().try_for_each(|name| printer.line(name))
}
