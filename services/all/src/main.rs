//! `toolforged`: every service, the gateway, the engine and the router in one process, on one data directory.

mod args;
mod failpoint;
mod platform;
mod serve;
mod stop;

use std::process::ExitCode;

use args::{Args, Command};
use clap::Parser as _;

fn main() -> ExitCode {
    // A process that holds an instance is this binary again: it must become one before anything else happens.
    engine_shim::dispatch();
    match run(Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Serve(serve) => serve.run(),
        Command::Tool(tool) => tool.run(),
        Command::StopInstances(stop) => stop.run(),
    }
}

#[expect(clippy::print_stderr, reason = "the last word of a command that failed")]
fn report(error: &anyhow::Error) {
    eprintln!("toolforged: {error:#}");
}
