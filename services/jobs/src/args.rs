//! The command line of `toolforged-jobs`; nothing deeper reads the environment.

use std::path::PathBuf;

use clap::Parser;
use jobs::embedded::Running;
use mesh::args::Service;

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
    #[command(flatten)]
    pub(crate) service: Service,
    /// The config service, which knows the tools
    #[arg(long, env = "TOOLFORGE_CONFIG", value_name = "HOST:PORT")]
    pub(crate) config: String,
    #[command(flatten)]
    pub(crate) running: Running,
}
