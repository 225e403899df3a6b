//! What a site decides: quotas, limits, and what some tools may use instead. A YAML file, every part of it optional.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use jobs_core::{Cpu, Limits, LimitsOverride, Memory, Site, ToolName};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SiteFile {
    default_cpu_limit: Option<String>,
    limits: LimitsFile,
    overrides: BTreeMap<String, LimitsFile>,
}

/// Names and units as Toolforge's operators write them (contract 8.2).
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsFile {
    cpu: Option<String>,
    memory: Option<String>,
    pods: Option<u64>,
    jobs: Option<u64>,
    cronjobs: Option<u64>,
    deployments: Option<u64>,
    pod_cpu: Option<String>,
    pod_memory: Option<String>,
}

/// The site's settings: from `given`, which must be there, else from `usual` where that is there.
pub(super) fn read(given: Option<&Path>, usual: &Path, domain: String, ttl: Duration) -> Result<Site> {
    let file = match given {
        Some(path) => parse(path)?,
        None if usual.exists() => parse(usual)?,
        None => SiteFile::default(),
    };
    let mut site =
        Site { public_domain: domain, finished_job_ttl: ttl, limits: usual_limits(), ..Site::default() };
    if let Some(cpu) = &file.default_cpu_limit {
        site.default_cpu_limit = Cpu::parse(cpu).context("default_cpu_limit")?;
    }
    let LimitsFile { pods, jobs, cronjobs, deployments, .. } = file.limits;
    let over = file.limits.parse().context("limits")?;
    let limits = &mut site.limits;
    limits.cpu = over.cpu.unwrap_or(limits.cpu);
    limits.memory = over.memory.unwrap_or(limits.memory);
    limits.pods = pods.unwrap_or(limits.pods);
    limits.jobs = jobs.unwrap_or(limits.jobs);
    limits.cron_jobs = cronjobs.unwrap_or(limits.cron_jobs);
    limits.deployments = deployments.unwrap_or(limits.deployments);
    limits.container_cpu_max = over.pod_cpu.unwrap_or(limits.container_cpu_max);
    limits.container_memory_max = over.pod_memory.unwrap_or(limits.container_memory_max);
    for (name, limits) in &file.overrides {
        let tool = ToolName::parse(name).with_context(|| format!("overrides: {name}"))?;
        site.overrides.insert(tool, limits.parse().with_context(|| format!("overrides: {name}"))?);
    }
    Ok(site)
}

/// Toolforge's numbers, with more processor and instances: with the limit of one core that a job has when it asks for
/// none, two cores would be two jobs.
fn usual_limits() -> Limits {
    Limits { cpu: Cpu::millis(16_000), pods: 16, jobs: 15, deployments: 16, ..Limits::default() }
}

fn parse(path: &Path) -> Result<SiteFile> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    if text.trim().is_empty() {
        return Ok(SiteFile::default());
    }
    serde_saphyr::from_str(&text).with_context(|| format!("cannot understand {}", path.display()))
}

impl LimitsFile {
    fn parse(&self) -> Result<LimitsOverride> {
        let cpu = |text: &Option<String>| text.as_deref().map(Cpu::parse).transpose();
        let memory = |text: &Option<String>| text.as_deref().map(Memory::parse).transpose();
        Ok(LimitsOverride {
            cpu: cpu(&self.cpu).context("cpu")?,
            memory: memory(&self.memory).context("memory")?,
            pods: self.pods,
            jobs: self.jobs,
            cron_jobs: self.cronjobs,
            deployments: self.deployments,
            pod_cpu: cpu(&self.pod_cpu).context("pod_cpu")?,
            pod_memory: memory(&self.pod_memory).context("pod_memory")?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn site(text: &str) -> Result<Site> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.yaml");
        std::fs::write(&path, text).unwrap();
        read(Some(&path), Path::new("/nonexistent"), "localhost".into(), Duration::from_secs(30))
    }

    #[test]
    fn parts_that_are_not_there_keep_their_usual_value() {
        let site = site("limits: {pods: 3, memory: 20Gi}\noverrides:\n  alpha: {cronjobs: 60}\n").unwrap();
        assert_eq!((site.limits.pods, site.limits.memory), (3, Memory::gib(20)));
        assert_eq!(site.limits.cron_jobs, Limits::default().cron_jobs);
        assert_eq!(site.limits_of(&ToolName::parse("alpha").unwrap()).cron_jobs, 60);
    }

    #[test]
    fn a_mistake_names_its_place() {
        let error = |text| format!("{:#}", site(text).unwrap_err());
        assert!(
            error("limits: {memory: lots}").contains("limits: memory"),
            "{}",
            error("limits: {memory: lots}")
        );
        assert!(error("limit: {}").contains("site.yaml"), "{}", error("limit: {}"));
        assert!(error("overrides: {Alpha: {pods: 1}}").contains("Alpha"));
    }
}
