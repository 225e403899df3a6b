//! `toolforged-config`: tools, their homes and certificates as a process of its own.

mod args;
mod issue;
mod serve;

use std::process::ExitCode;

use args::{Args, Command};
use clap::Parser as _;

fn main() -> ExitCode {
    mesh::program::end("toolforged-config", run(Args::parse()))
}

fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Serve(serve) => serve.run(),
        Command::Tool(tool) => tool.run(),
        Command::IssueService(issue) => issue.run(),
        Command::IssueGateway(issue) => issue.run(),
    }
}
