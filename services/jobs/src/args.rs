//! The command line of `toolforged-jobs`; nothing deeper reads the environment.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use mesh::args::{Log, Tls};

const EXAMPLES: &str = "\
Example:
  toolforged-config issue-service jobs --data /srv/toolforge --out /etc/toolforge/jobs
  toolforged-jobs --data /srv/toolforge --listen 10.0.0.3:8443 --config config.svc:8443 \\
    --tls-cert /etc/toolforge/jobs/jobs.crt --tls-key /etc/toolforge/jobs/jobs.key \\
    --mesh-root /etc/toolforge/jobs/mesh-ca.crt";

/// Jobs of tools: what runs, when, and what became of it
#[derive(Parser, Debug)]
#[command(name = "toolforged-jobs", version, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Directory of jobs, their output and the images
    #[arg(long, env = "TOOLFORGED_DATA", value_name = "DIR", default_value = "./.toolforge")]
    pub(crate) data: PathBuf,
    /// Address to serve gRPC with mutual TLS on
    #[arg(long, env = "TOOLFORGE_LISTEN", default_value = "127.0.0.1:0", value_name = "HOST:PORT")]
    pub(crate) listen: SocketAddr,
    /// The config service, which knows the tools
    #[arg(long, env = "TOOLFORGE_CONFIG", value_name = "HOST:PORT")]
    pub(crate) config: String,
    #[command(flatten)]
    pub(crate) tls: Tls,
    /// Address of published jobs, at <http://TOOL.DOMAIN:PORT/>
    #[arg(long, env = "TOOLFORGED_WEB", value_name = "HOST:PORT", default_value = "127.0.0.1:30000")]
    pub(crate) web: SocketAddr,
    /// Domain under which the first label names a tool
    #[arg(long, env = "TOOLFORGED_DOMAIN", value_name = "DOMAIN", default_value = "localhost")]
    pub(crate) domain: String,
    /// Stop every instance when the server ends, instead of leaving it running
    #[arg(long)]
    pub(crate) stop_instances: bool,
    /// Seconds that a finished one-off job stays in the list
    #[arg(long, env = "TOOLFORGED_FINISHED_JOB_TTL", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) finished_job_ttl: Duration,
    /// Run instances of several tools also where they cannot be kept apart
    #[arg(long)]
    pub(crate) trust_tools: bool,
    /// Quotas and limits of the site [default: DIR/site.yaml, where it is there]
    #[arg(long, env = "TOOLFORGED_SITE", value_name = "FILE")]
    pub(crate) site: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) log: Log,
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse().map(Duration::from_secs).map_err(|_| "expected a number of seconds".to_owned())
}
