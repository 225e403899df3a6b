//! `toolforged-config`: tools, their homes and certificates as a process of its own.

mod args;
mod issue;
mod serve;

use std::process::ExitCode;

use args::{Args, Command};
use clap::Parser as _;

fn main() -> ExitCode {
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
        Command::IssueService(issue) => issue.run(),
        Command::IssueGateway(issue) => issue.run(),
    }
}

#[expect(clippy::print_stderr, reason = "the last word of a command that failed")]
fn report(error: &anyhow::Error) {
    eprintln!("toolforged-config: {error:#}");
}
