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
    mesh::program::end("toolforged", run(Args::parse()))
}

fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Serve(serve) => serve.run(),
        Command::Tool(tool) => tool.run(),
        Command::StopInstances(stop) => stop.run(),
    }
}
