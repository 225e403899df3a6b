//! Arguments and their help.

pub(crate) mod context;
pub(crate) mod jobs;
pub(crate) mod output;
pub(crate) mod runs;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::printer::Color;

const ABOUT: &str = "Run jobs and web services on Toolforge";

const EXAMPLES: &str = "Examples:
  toolforge jobs images
  toolforge jobs run hello --image python3.13 --command 'python3 hello.py' --wait
  toolforge jobs list

Other programs named toolforge-NAME on the PATH are subcommands too: toolforge NAME.
Exit status: 0 done, 1 refused (you can put it right), 2 wrong usage or an error of the service.";

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "toolforge",
    bin_name = "toolforge",
    version,
    about = ABOUT,
    after_help = EXAMPLES,
    disable_help_subcommand = true,
    allow_external_subcommands = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Use this context instead of the current one (see `toolforge context list`)
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Act on this tool instead of the one that the configuration names
    #[arg(long, global = true, value_name = "TOOL")]
    pub(crate) tool: Option<String>,
    /// Do not check who the server is; for experiments only
    #[arg(long, global = true)]
    pub(crate) insecure: bool,
    /// Trust servers with a certificate of this authority (PEM)
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Say more on standard error
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Say everything on standard error
    #[arg(short, long, global = true)]
    pub(crate) debug: bool,
    /// When to colour; `auto` respects `NO_COLOR`
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: Color,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Jobs: run, list, show, change and delete them
    #[command(subcommand, after_help = jobs::EXAMPLES)]
    Jobs(jobs::Jobs),
    /// Runs of jobs: each time that a job was, or was to be, executed
    #[command(subcommand, after_help = runs::EXAMPLES)]
    Runs(runs::Runs),
    /// Contexts: which platform and tool commands act on
    #[command(subcommand, after_help = context::EXAMPLES)]
    Context(context::Contexts),
    /// Print a script that completes commands in a shell
    #[command(after_help = "Examples:
  toolforge completion bash > ~/.local/share/bash-completion/completions/toolforge
  source <(toolforge completion zsh)
  toolforge completion fish | source")]
    Completion {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Names of all subcommands, one a line
    #[command(name = "_commands", hide = true)]
    Commands,
    /// A program of somebody else
    #[command(external_subcommand)]
    External(Vec<OsString>),
}
