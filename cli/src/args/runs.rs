//! `toolforge runs`.

use clap::{Args, Subcommand};

use super::output;

pub(crate) const EXAMPLES: &str = "Examples:
  toolforge runs list --job nightly
  toolforge runs start nightly --env DRY_RUN=1
  toolforge runs watch RUN";

/// What to do with runs.
#[derive(Debug, Subcommand)]
pub(crate) enum Runs {
    /// List runs, the newest first
    #[command(after_help = "Examples:\n  toolforge runs list\n  toolforge runs list --job nightly -o json")]
    List {
        /// Only runs of this job
        #[arg(long, value_name = "NAME")]
        job: Option<String>,
        /// At most so many runs
        #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(i32).range(1..=1000), default_value_t = 100)]
        limit: i32,
        /// Format of the output
        #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
        output: output::Columns,
    },
    /// Show a run
    #[command(after_help = "Examples:\n  toolforge runs show RUN\n  toolforge runs show RUN -o yaml")]
    Show {
        /// Name of the run
        name: String,
        /// Format of the output
        #[arg(short, long, value_enum, default_value_t = output::Columns::Wide, value_name = "FORMAT")]
        output: output::Columns,
    },
    /// Run a scheduled job once now, beside its schedule
    #[command(after_help = "Examples:
  toolforge runs start nightly
  toolforge runs start nightly --command './nightly.sh --since 2026-01-01' --env DRY_RUN=1
  toolforge runs start nightly --stdin -- --verbose")]
    Start(Start),
    /// Tell how a run is and every change, until it has ended; exit status 1 where it has not succeeded
    #[command(after_help = "Examples:\n  toolforge runs watch RUN\n  toolforge runs watch RUN -o json")]
    Watch {
        /// Name of the run
        name: String,
        /// Format of the output
        #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
        output: output::Columns,
    },
    /// Stop a run
    #[command(after_help = "Examples:\n  toolforge runs cancel RUN\n  toolforge runs cancel RUN -o json")]
    Cancel {
        /// Name of the run
        name: String,
        /// Format of the output
        #[arg(short, long, value_enum, default_value_t = output::Columns::Name, value_name = "FORMAT")]
        output: output::Columns,
    },
    /// Connect to the output of a run from now on; ends with its exit status
    #[command(
        after_help = "Examples:\n  toolforge runs attach RUN\n  echo quit | toolforge runs attach RUN --stdin"
    )]
    Attach {
        /// Name of the run
        name: String,
        /// Send standard input to it
        #[arg(short = 'i', long)]
        stdin: bool,
    },
}

/// A run to start.
#[derive(Args, Debug)]
pub(crate) struct Start {
    /// Name of the job
    pub(crate) job: String,
    /// Another command, for this run alone
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) command: Option<String>,
    /// Environment for this run alone; may be given often
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) env: Vec<(String, String)>,
    /// Keep standard input open for `toolforge runs attach --stdin`
    #[arg(short = 'i', long)]
    pub(crate) stdin: bool,
    /// Format of the output
    #[arg(short, long, value_enum, default_value_t = output::Columns::Name, value_name = "FORMAT")]
    pub(crate) output: output::Columns,
    /// Words after the command
    #[arg(last = true, value_name = "ARGUMENT")]
    pub(crate) arguments: Vec<String>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("{text:?} is not NAME=VALUE")),
    }
}
