//! `toolforged-gateway`: the gateway as a process of its own.

mod admin;
mod allocator;
mod args;
mod check;
mod config;
mod process;
mod reload;
mod settings;
mod targets;
mod workers;

use std::process::ExitCode;

use clap::Parser as _;

use args::Args;

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            let _ = std::io::Write::write_fmt(
                &mut std::io::stderr(),
                format_args!("toolforged-gateway: {error:#}\n"),
            );
            ExitCode::FAILURE
        }
    }
}

/// This thread learns schemas, answers signals and serves metrics; requests are served by the workers.
fn run(args: Args) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(process::run(args))
}
