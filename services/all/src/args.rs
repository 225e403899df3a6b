//! The command line of `toolforged`; nothing deeper reads the environment.

use std::net::SocketAddr;

use clap::{Args as ClapArgs, Parser, Subcommand};
use config::embedded::{Data, Tool};
use jobs::embedded::Running;
use mesh::args::Log;

/// The whole platform in one process.
#[derive(Parser, Debug)]
#[command(
    name = "toolforged",
    version,
    about = "The Toolforge platform on one machine: jobs, tools, gateway, engine and web router in one process",
    after_help = "Examples:\n  toolforged serve\n  toolforged serve --data /srv/toolforge --gateway 0.0.0.0:30003 --web 0.0.0.0:80\n  \
                  toolforged tool add alpha --data /srv/toolforge"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Serve the platform until SIGTERM or Ctrl-C
    Serve(Serve),
    /// Add, list and remove tools; also while the platform runs
    Tool(Tool),
    /// Stop the instances that a server left running
    StopInstances(StopInstances),
}

#[derive(ClapArgs, Debug)]
#[command(
    after_help = "Examples:\n  toolforged serve\n  toolforged serve --gateway 0.0.0.0:30003 --stop-instances\n  \
                        OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317 toolforged serve"
)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Address of the gateway: REST and gRPC over TLS
    #[arg(long, env = "TOOLFORGED_GATEWAY", value_name = "HOST:PORT", default_value = "127.0.0.1:30003")]
    pub(crate) gateway: SocketAddr,
    #[command(flatten)]
    pub(crate) running: Running,
    /// End the process at a named durable step; for tests of recovery
    #[arg(long, hide = true, value_name = "STEP[:COUNT]")]
    pub(crate) fail_at: Option<String>,
    #[command(flatten)]
    pub(crate) log: Log,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct StopInstances {
    #[command(flatten)]
    pub(crate) data: Data,
}
