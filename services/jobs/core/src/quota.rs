//! What a tool may use, what it uses, and the document that tells (contract 3.17, 8.2).

#[cfg(test)]
mod tests;

use crate::{Cpu, Definition, Job, JobType, Memory, Run, Violations};

/// What a tool may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Processor limits of everything that runs, together.
    pub cpu: Cpu,
    /// Memory limits of everything that runs, together.
    pub memory: Memory,
    /// Instances at once.
    pub pods: u64,
    /// Runs at once, of one-off and scheduled jobs; finished ones count until they leave.
    pub jobs: u64,
    /// Scheduled jobs.
    pub cron_jobs: u64,
    /// Continuous and webservice jobs.
    pub deployments: u64,
    /// Least processor limit of one job.
    pub container_cpu_min: Cpu,
    /// Largest processor limit of one job.
    pub container_cpu_max: Cpu,
    /// Least memory limit of one job.
    pub container_memory_min: Memory,
    /// Largest memory limit of one job.
    pub container_memory_max: Memory,
}

impl Default for Limits {
    /// The published numbers of 2023 (contract 8.2).
    fn default() -> Self {
        Self {
            cpu: Cpu::millis(2000),
            memory: Memory::gib(8),
            pods: 10,
            jobs: 15,
            cron_jobs: 50,
            deployments: 3,
            container_cpu_min: Cpu::millis(50),
            container_cpu_max: Cpu::millis(1000),
            container_memory_min: Memory::thousandths_of_gib(98),
            container_memory_max: Memory::gib(4),
        }
    }
}

/// What one tool may use instead; the keys of Toolforge's overrides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitsOverride {
    /// Instead of [`Limits::cpu`].
    pub cpu: Option<Cpu>,
    /// Instead of [`Limits::memory`].
    pub memory: Option<Memory>,
    /// Instead of [`Limits::pods`].
    pub pods: Option<u64>,
    /// Instead of [`Limits::jobs`].
    pub jobs: Option<u64>,
    /// Instead of [`Limits::cron_jobs`].
    pub cron_jobs: Option<u64>,
    /// Instead of [`Limits::deployments`].
    pub deployments: Option<u64>,
    /// Instead of [`Limits::container_cpu_max`].
    pub pod_cpu: Option<Cpu>,
    /// Instead of [`Limits::container_memory_max`].
    pub pod_memory: Option<Memory>,
}

impl LimitsOverride {
    pub(crate) fn over(&self, base: &Limits) -> Limits {
        Limits {
            cpu: self.cpu.unwrap_or(base.cpu),
            memory: self.memory.unwrap_or(base.memory),
            pods: self.pods.unwrap_or(base.pods),
            jobs: self.jobs.unwrap_or(base.jobs),
            cron_jobs: self.cron_jobs.unwrap_or(base.cron_jobs),
            deployments: self.deployments.unwrap_or(base.deployments),
            container_cpu_max: self.pod_cpu.unwrap_or(base.container_cpu_max),
            container_memory_max: self.pod_memory.unwrap_or(base.container_memory_max),
            ..base.clone()
        }
    }
}

/// What one job or run holds while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Instances.
    pub pods: u64,
    /// Their processor limits together.
    pub cpu: Cpu,
    /// Their memory limits together.
    pub memory: Memory,
}

impl Footprint {
    /// Nothing.
    pub const NONE: Self = Self { pods: 0, cpu: Cpu::ZERO, memory: Memory::ZERO };
}

/// What a tool uses. Computed from the objects themselves in the commit that changes them, never counted beside
/// them, so that it cannot drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// What runs.
    pub running: Footprint,
    /// Runs that have not left.
    pub jobs: u64,
    /// Scheduled jobs.
    pub cron_jobs: u64,
    /// Continuous and webservice jobs.
    pub deployments: u64,
}

impl Usage {
    /// The use of these jobs and runs. Jobs that are being deleted hold nothing any more.
    pub fn of<'a>(jobs: impl Iterator<Item = &'a Job>, runs: impl Iterator<Item = &'a Run>) -> Self {
        let mut usage = Self { running: Footprint::NONE, jobs: 0, cron_jobs: 0, deployments: 0 };
        for job in jobs.filter(|job| job.deleting.is_none()) {
            match job.definition.job_type {
                JobType::OneOff => {}
                JobType::Scheduled => usage.cron_jobs += 1,
                JobType::Continuous | JobType::Webservice => {
                    usage.deployments += 1;
                    usage.hold(job.footprint);
                }
            }
        }
        for run in runs.filter(|run| run.live) {
            usage.jobs += 1;
            if run.state.is_open() {
                usage.hold(run.footprint);
            }
        }
        usage
    }

    /// Adds a running thing.
    pub(crate) fn hold(&mut self, footprint: Footprint) {
        self.running.pods += footprint.pods;
        self.running.cpu = self.running.cpu.plus(footprint.cpu);
        self.running.memory = self.running.memory.plus(footprint.memory);
    }

    /// Takes a running thing away.
    pub(crate) fn release(&mut self, footprint: Footprint) {
        self.running.pods = self.running.pods.saturating_sub(footprint.pods);
        self.running.cpu = self.running.cpu.minus(footprint.cpu);
        self.running.memory = self.running.memory.minus(footprint.memory);
    }

    /// The resources that this use exceeds and a former one did not exceed as much, as Kubernetes names them without
    /// `requests.` and `limits.`, sorted. Using less than before is always allowed.
    pub fn exceeded(&self, before: &Self, limits: &Limits) -> Vec<String> {
        let over = [
            ("count/cronjobs.batch", self.cron_jobs > limits.cron_jobs && self.cron_jobs > before.cron_jobs),
            (
                "count/deployments.apps",
                self.deployments > limits.deployments && self.deployments > before.deployments,
            ),
            ("count/jobs.batch", self.jobs > limits.jobs && self.jobs > before.jobs),
            ("cpu", self.running.cpu > limits.cpu && self.running.cpu > before.running.cpu),
            ("memory", self.running.memory > limits.memory && self.running.memory > before.running.memory),
            ("pods", self.running.pods > limits.pods && self.running.pods > before.running.pods),
        ];
        over.into_iter().filter(|(_, over)| *over).map(|(name, _)| name.to_owned()).collect()
    }
}

impl Limits {
    /// Whether what one job asks for is within the limits of a container; the texts are those of contract 3.2.
    pub fn check_container(&self, definition: &Definition) -> Result<(), Violations> {
        let mut wrong = Violations::default();
        let low = |what: &str, asked: String, least: String| {
            format!("Requested {what} {asked} is less than minimum required per container ({least})")
        };
        let high = |what: &str, asked: String, most: String| {
            format!("Requested {what} {asked} is over maximum allowed per container ({most})")
        };
        if let Some(cpu) = definition.cpu {
            if cpu < self.container_cpu_min {
                wrong.add_rule("cpu", low("CPU", cpu.to_string(), self.container_cpu_min.to_string()));
            } else if cpu > self.container_cpu_max {
                wrong.add_rule("cpu", high("CPU", cpu.to_string(), self.container_cpu_max.to_string()));
            }
        }
        if let Some(memory) = definition.memory {
            if memory < self.container_memory_min {
                let text = low("memory", memory.to_string(), self.container_memory_min.to_string());
                wrong.add_rule("memory", text);
            } else if memory > self.container_memory_max {
                let text = high("memory", memory.to_string(), self.container_memory_max.to_string());
                wrong.add_rule("memory", text);
            }
        }
        wrong.into_result(())
    }
}

/// The quota document; names, order and spelling are the contract's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaDocument {
    /// Its categories, none of them empty.
    pub categories: Vec<QuotaCategory>,
}

/// A category of the quota document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaCategory {
    /// Its heading.
    pub name: &'static str,
    /// Its rows: all have a use, or none has.
    pub items: Vec<QuotaItem>,
}

/// A row of the quota document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaItem {
    /// What is limited.
    pub name: &'static str,
    /// How much is allowed.
    pub limit: String,
    /// How much is used; absent, and not empty, for limits of single jobs.
    pub used: Option<String>,
}

impl QuotaDocument {
    /// The document about a use.
    pub fn new(limits: &Limits, usage: &Usage) -> Self {
        let item = |name, limit: &dyn ToString, used: Option<&dyn ToString>| QuotaItem {
            name,
            limit: limit.to_string(),
            used: used.map(ToString::to_string),
        };
        let running = vec![
            item("Total running jobs at once (Kubernetes pods)", &limits.pods, Some(&usage.running.pods)),
            item("Running one-off and cron jobs", &limits.jobs, Some(&usage.jobs)),
            item("CPU", &limits.cpu, Some(&usage.running.cpu)),
            item("Memory", &limits.memory, Some(&usage.running.memory)),
        ];
        let per_job = vec![
            item("CPU", &limits.container_cpu_max, None),
            item("Memory", &limits.container_memory_max, None),
        ];
        let definitions = vec![
            item("Cron jobs", &limits.cron_jobs, Some(&usage.cron_jobs)),
            item("Continuous jobs (including web services)", &limits.deployments, Some(&usage.deployments)),
        ];
        Self {
            categories: vec![
                QuotaCategory { name: "Running jobs", items: running },
                QuotaCategory { name: "Per-job limits", items: per_job },
                QuotaCategory { name: "Job definitions", items: definitions },
            ],
        }
    }
}
