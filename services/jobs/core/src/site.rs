//! What a site decides for all its tools.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Cpu, Limits, LimitsOverride, ToolName};

/// Settings of a site; the defaults are Toolforge's where it has them.
#[derive(Clone, Debug)]
pub struct Site {
    /// Homes of tools are directories in this one.
    pub homes: String,
    /// Tools are published at `<tool>.<this>`.
    pub public_domain: String,
    /// Processor limit of a job that asks for none (contract 3.9).
    pub default_cpu_limit: Cpu,
    /// What every tool may use.
    pub limits: Limits,
    /// What some tools may use instead.
    pub overrides: BTreeMap<ToolName, LimitsOverride>,
    /// How long a finished one-off stays in the collection.
    pub finished_job_ttl: Duration,
    /// Between asking an instance to end and ending it.
    pub grace: Duration,
    /// How long a deletion waits for instances to vanish (contract 3.11).
    pub delete_wait: Duration,
    /// Runs kept of each job.
    pub runs_kept: usize,
    /// How long runs are kept.
    pub runs_age: Duration,
}

impl Default for Site {
    fn default() -> Self {
        Self {
            homes: "/data/project".to_owned(),
            public_domain: "localhost".to_owned(),
            default_cpu_limit: Cpu::millis(1000),
            limits: Limits::default(),
            overrides: BTreeMap::new(),
            finished_job_ttl: Duration::from_secs(30),
            grace: Duration::from_secs(15),
            delete_wait: Duration::from_secs(30),
            runs_kept: 100,
            runs_age: Duration::from_hours(30 * 24),
        }
    }
}

impl Site {
    /// A tool's home directory, as its jobs see it.
    pub fn home(&self, tool: &ToolName) -> String {
        format!("{}/{tool}", self.homes)
    }

    /// The host name that a tool is published under.
    pub fn host(&self, tool: &ToolName) -> String {
        format!("{tool}.{}", self.public_domain)
    }

    /// What a tool may use.
    pub fn limits_of(&self, tool: &ToolName) -> Limits {
        self.overrides.get(tool).map_or_else(|| self.limits.clone(), |over| over.over(&self.limits))
    }
}
