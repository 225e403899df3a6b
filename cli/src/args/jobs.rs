//! `toolforge jobs`: the tree of contract 7.2, and our output formats.

use clap::{ArgAction, Args, Parser, Subcommand};

use super::output;

/// Seconds that `--wait` waits where it is given no number.
const WAIT: &str = "600";

pub(crate) const EXAMPLES: &str = "Examples:
  toolforge jobs run hello --image python3.13 --command 'python3 hello.py' --wait
  toolforge jobs run nightly --image python3.13 --command ./nightly.sh --schedule @daily
  toolforge jobs list -o long";

const RUN_EXAMPLES: &str = "Examples:
  toolforge jobs run once --image python3.13 --command 'python3 task.py' --wait
  toolforge jobs run bot --image python3.13 --command ./bot.py --continuous
  toolforge jobs run api --image python3.13 --command ./api.py --continuous --port 8000 --publish

Shell syntax (pipes, $VARIABLES) works directly on prebuilt images; on images of the build
service write --command \"bash -c '…'\".";

/// What to do with jobs.
#[derive(Debug, Subcommand)]
pub(crate) enum Jobs {
    /// List the container images that jobs can run
    #[command(after_help = "Examples:\n  toolforge jobs images\n  toolforge jobs images -o json")]
    Images {
        /// Format of the output
        #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
        output: output::Show,
    },
    /// Run a new job
    #[command(after_help = RUN_EXAMPLES)]
    Run(Box<Run>),
    /// Show everything about a job
    #[command(after_help = "Examples:\n  toolforge jobs show hello\n  toolforge jobs show hello -o yaml")]
    Show {
        /// Name of the job
        name: String,
        /// Format of the output
        #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
        output: output::Show,
    },
    /// Show what a job has written (jobs without file logs)
    #[command(after_help = "Examples:
  toolforge jobs logs hello --last 100
  toolforge jobs logs hello --since 2h --until 1h30m
  toolforge jobs logs hello -f")]
    Logs(Logs),
    /// List jobs
    #[command(
        after_help = "Examples:\n  toolforge jobs list\n  toolforge jobs list -o long\n  toolforge jobs list -o json"
    )]
    List {
        /// Format of the output
        #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
        output: output::List,
        /// The former name of `--output long`
        #[arg(short, long, hide = true)]
        long: bool,
    },
    /// Delete a job and stop what runs of it
    #[command(
        after_help = "Examples:\n  toolforge jobs delete hello\n  toolforge --tool other jobs delete hello"
    )]
    Delete {
        /// Name of the job
        name: String,
    },
    /// Delete all jobs
    #[command(
        after_help = "Examples:\n  toolforge jobs flush\n  toolforge jobs dump -f jobs.yaml && toolforge jobs flush"
    )]
    Flush,
    /// Create or update the jobs that a YAML file defines
    #[command(
        after_help = "Examples:\n  toolforge jobs load jobs.yaml\n  toolforge jobs load jobs.yaml --job hello"
    )]
    Load {
        /// The file
        file: String,
        /// Load this job alone
        #[arg(long, value_name = "NAME")]
        job: Option<String>,
    },
    /// Restart a continuous job, or run a scheduled one now
    #[command(after_help = "Examples:\n  toolforge jobs restart bot\n  toolforge jobs restart nightly")]
    Restart {
        /// Name of the job
        name: String,
    },
    /// Show what the tool may use, and uses
    #[command(after_help = "Examples:\n  toolforge jobs quota\n  toolforge jobs quota -o json")]
    Quota {
        /// Format of the output
        #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
        output: output::Show,
    },
    /// Print all jobs as the YAML that `load` reads
    #[command(after_help = "Examples:\n  toolforge jobs dump\n  toolforge jobs dump -f jobs.yaml")]
    Dump {
        /// Write to this file
        #[arg(short = 'f', long, value_name = "FILE")]
        to_file: Option<String>,
    },
}

/// Which output of a job.
#[derive(Args, Debug)]
pub(crate) struct Logs {
    /// Name of the job
    pub(crate) name: String,
    /// Go on with what is written, until the job ends
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// At most so many of the most recent lines
    #[arg(short, long, value_name = "LINES", allow_negative_numbers = true)]
    pub(crate) last: Option<i32>,
    /// From this time on: ISO 8601, or an age such as 1h32m22s. Default: one hour ago
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Until this time: ISO 8601, or an age. Default: now
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
}

/// `run` as a command of its own: how `load` reads the entries of a file.
#[derive(Debug, Parser)]
#[command(name = "toolforge jobs run", infer_long_args = true)]
pub(crate) struct Entry {
    #[command(flatten)]
    pub(crate) run: Run,
}

/// A job to run.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Run {
    /// Name of the new job. Default for webservice jobs: webservice
    pub(crate) name: Option<String>,
    /// Command to run; not needed for webservice jobs
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) command: Option<String>,
    /// Short name of the image (see `toolforge jobs images`)
    #[arg(long, required = true)]
    pub(crate) image: String,
    /// Do not write output to files in the home
    #[arg(long, conflicts_with = "filelog")]
    pub(crate) no_filelog: bool,
    /// Write output to files, also with an image of the build service
    #[arg(long)]
    pub(crate) filelog: bool,
    /// File for standard output
    #[arg(short = 'o', long, value_name = "PATH")]
    pub(crate) filelog_stdout: Option<String>,
    /// File for standard error
    #[arg(short = 'e', long, value_name = "PATH")]
    pub(crate) filelog_stderr: Option<String>,
    /// How often a failed run is tried again
    #[arg(long, value_name = "0-5", value_parser = clap::value_parser!(i32).range(0..=5))]
    pub(crate) retry: Option<i32>,
    /// Memory limit, such as 512Mi or 2Gi
    #[arg(long, value_name = "QUANTITY")]
    pub(crate) mem: Option<String>,
    /// Processor limit in cores, such as 0.5 or 500m
    #[arg(long, value_name = "QUANTITY")]
    pub(crate) cpu: Option<String>,
    /// When to send mail. Default: none
    #[arg(long, value_parser = ["none", "all", "onfinish", "onfailure"], value_name = "WHEN")]
    pub(crate) emails: Option<String>,
    /// Which shared directories it sees. Default: none on images of the build service, else all
    #[arg(long, value_parser = ["all", "none"], value_name = "WHICH")]
    pub(crate) mount: Option<String>,
    /// Scheduled jobs: seconds after which a run is stopped
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) timeout: Option<i32>,
    /// Run at times: five cron fields, or @hourly, @daily, @weekly, @monthly, @yearly
    #[arg(long, value_name = "CRON", group = "kind")]
    pub(crate) schedule: Option<String>,
    /// Scheduled jobs: what to do when a run is due while another one runs. Default: forbid
    #[arg(long, value_parser = ["forbid", "allow", "replace", "queue"], value_name = "WHAT")]
    pub(crate) concurrency: Option<String>,
    /// Scheduled jobs: what to do about times that passed while the platform was away. Default: latest
    #[arg(long, value_parser = ["none", "latest", "all"], value_name = "WHAT")]
    pub(crate) catch_up: Option<String>,
    /// Scheduled jobs: time zone of the schedule, such as Europe/Paris. Default: UTC
    #[arg(long, value_name = "ZONE")]
    pub(crate) time_zone: Option<String>,
    /// Scheduled jobs: pass over due times
    #[arg(long)]
    pub(crate) suspended: bool,
    /// Run always
    #[arg(long, group = "kind")]
    pub(crate) continuous: bool,
    /// Wait until the job has ended, at most so many seconds (default: 600)
    #[arg(long, value_name = "SECONDS", group = "kind", num_args = 0..=1, default_missing_value = WAIT)]
    pub(crate) wait: Option<u64>,
    /// Run always, published on the web
    #[arg(long, group = "kind")]
    pub(crate) webservice: bool,
    /// Command that exits with 0 while the job is well
    #[arg(long, value_name = "COMMAND", group = "health", allow_hyphen_values = true)]
    pub(crate) health_check_script: Option<String>,
    /// Path that answers while the job is well
    #[arg(long, value_name = "PATH", group = "health")]
    pub(crate) health_check_http: Option<String>,
    /// Port it listens on, such as 8080, 8080/tcp or 8080/udp
    #[arg(short, long)]
    pub(crate) port: Option<String>,
    /// How many instances
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    pub(crate) replicas: Option<i32>,
    /// Publish the port at the tool's address on the web
    #[arg(long, num_args = 0..=1, default_missing_value = "/", value_parser = ["/"], action = ArgAction::Set)]
    pub(crate) publish: Option<String>,
}
