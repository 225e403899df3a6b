//! `toolforged-jobs`: jobs, their runs and output, and the router of published ones, as a process of its own.

mod args;
mod serve;

use std::process::ExitCode;

use args::Args;
use clap::Parser as _;

fn main() -> ExitCode {
    // A process that holds an instance is this binary again: it must become one before anything else happens.
    engine_shim::dispatch();
    match Args::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the last word of a command that failed")]
fn report(error: &anyhow::Error) {
    eprintln!("toolforged-jobs: {error:#}");
}
