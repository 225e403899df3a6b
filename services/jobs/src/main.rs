//! `toolforged-jobs`: jobs, their runs and output, and the router of published ones, as a process of its own.

mod args;
mod serve;

use std::process::ExitCode;

use args::Args;
use clap::Parser as _;

fn main() -> ExitCode {
    // A process that holds an instance is this binary again: it must become one before anything else happens.
    engine_shim::dispatch();
    mesh::program::end("toolforged-jobs", Args::parse().run())
}
