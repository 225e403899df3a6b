//! What an operator says about jobs on one machine, be they a process of their own or not.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use jobs_core::Site;

use super::site;

/// How jobs run here, and where they are published.
#[derive(Args, Clone, Debug)]
pub struct Running {
    /// Address of published jobs, at <http://TOOL.DOMAIN:PORT/>
    #[arg(long, env = "TOOLFORGED_WEB", value_name = "HOST:PORT", default_value = "127.0.0.1:30000")]
    pub web: SocketAddr,
    /// Domain under which the first label names a tool
    #[arg(long, env = "TOOLFORGED_DOMAIN", value_name = "DOMAIN", default_value = "localhost")]
    pub domain: String,
    /// Stop every instance when the server ends, instead of leaving it running
    #[arg(long)]
    pub stop_instances: bool,
    /// Seconds that a finished one-off job stays in the list
    #[arg(long, env = "TOOLFORGED_FINISHED_JOB_TTL", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub finished_job_ttl: Duration,
    /// Run instances of several tools also where they cannot be kept apart
    #[arg(long)]
    pub trust_tools: bool,
    /// Quotas and limits of the site; see docs/operators.md [default: DIR/site.yaml, where it is there]
    #[arg(long, env = "TOOLFORGED_SITE", value_name = "FILE")]
    pub site: Option<PathBuf>,
}

impl Running {
    /// The site's settings, from the file that was named, else from `usual` where that is there.
    pub fn site(&self, usual: &Path) -> Result<Site> {
        site::read(self.site.as_deref(), usual, self.domain.clone(), self.finished_job_ttl)
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse().map(Duration::from_secs).map_err(|_| "expected a number of seconds".to_owned())
}
