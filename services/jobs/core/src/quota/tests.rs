#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use super::*;
use crate::RunState;
use crate::tests::{continuous, job, one_off, run_of, scheduled_job};

const NOW: &str = "2026-11-23T10:00:00Z";

fn footprint(pods: u64) -> Footprint {
    Footprint { pods, cpu: Cpu::millis(500).times(pods), memory: Memory::DEFAULT.times(pods) }
}

#[test]
fn the_document_has_the_contracts_names_and_order() {
    let job = Job { footprint: footprint(3), ..job(&continuous("web", "x"), NOW) };
    let usage = Usage::of([&job, &scheduled_job("@daily", NOW)].into_iter(), std::iter::empty());
    let document = QuotaDocument::new(&Limits::default(), &usage);
    let rows: Vec<(&str, &str, &str, Option<&str>)> = document
        .categories
        .iter()
        .flat_map(|category| {
            category
                .items
                .iter()
                .map(|item| (category.name, item.name, item.limit.as_str(), item.used.as_deref()))
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("Running jobs", "Total running jobs at once (Kubernetes pods)", "10", Some("3")),
            ("Running jobs", "Running one-off and cron jobs", "15", Some("0")),
            ("Running jobs", "CPU", "2.0", Some("1.5")),
            ("Running jobs", "Memory", "8.0Gi", Some("1.5Gi")),
            ("Per-job limits", "CPU", "1.0", None),
            ("Per-job limits", "Memory", "4.0Gi", None),
            ("Job definitions", "Cron jobs", "50", Some("1")),
            ("Job definitions", "Continuous jobs (including web services)", "3", Some("1")),
        ]
    );
}

#[test]
fn finished_runs_count_as_jobs_but_hold_nothing() {
    let job = job(&one_off("a", "x"), NOW);
    let running = Run { footprint: footprint(1), ..run_of(&job, NOW) };
    let finished = Run { state: RunState::Succeeded, ..running.clone() };
    let left = Run { live: false, ..finished.clone() };
    let usage = Usage::of([&job].into_iter(), [&running, &finished, &left].into_iter());
    assert_eq!((usage.jobs, usage.running), (2, footprint(1)));
    let gone = Job { deleting: Some(job.created), footprint: footprint(1), ..job };
    assert_eq!(Usage::of([&gone].into_iter(), std::iter::empty()).running, Footprint::NONE);
}

#[test]
fn what_is_exceeded_is_named_and_less_is_always_allowed() {
    let usage = |pods: u64, jobs: u64| Usage {
        running: footprint(pods),
        jobs,
        cron_jobs: jobs * 10,
        deployments: jobs,
    };
    let limits = Limits::default();
    let over = usage(20, 16);
    assert_eq!(
        over.exceeded(&usage(0, 0), &limits),
        ["count/cronjobs.batch", "count/deployments.apps", "count/jobs.batch", "cpu", "memory", "pods"]
    );
    assert!(over.exceeded(&over, &limits).is_empty());
    assert!(usage(19, 15).exceeded(&over, &limits).is_empty());
    assert!(usage(4, 3).exceeded(&usage(0, 0), &limits).is_empty(), "a limit may be reached");
}

#[test]
fn single_jobs_have_limits_with_the_contracts_texts() {
    let text = |cpu: &str, memory: &str| {
        let input = crate::DefinitionInput {
            cpu: Some(cpu.to_owned()),
            memory: Some(memory.to_owned()),
            ..one_off("a", "x")
        };
        let definition = Definition::parse(&input).unwrap();
        Limits::default().check_container(&definition).map_err(|wrong| wrong.to_string())
    };
    assert_eq!(text("1", "4Gi"), Ok(()));
    assert_eq!(text("50m", "100Mi"), Ok(()));
    assert_eq!(
        text("10m", "1Gi").unwrap_err(),
        "Requested CPU 0.01 is less than minimum required per container (0.05)"
    );
    assert_eq!(
        text("2", "1Gi").unwrap_err(),
        "Requested CPU 2.0 is over maximum allowed per container (1.0)"
    );
    assert_eq!(
        text("1", "50Mi").unwrap_err(),
        "Requested memory 0.049Gi is less than minimum required per container (0.098Gi)"
    );
    assert_eq!(
        text("1", "5Gi").unwrap_err(),
        "Requested memory 5.0Gi is over maximum allowed per container (4.0Gi)"
    );
}

#[test]
fn overrides_replace_only_what_they_name() {
    let over = LimitsOverride { pods: Some(25), pod_cpu: Some(Cpu::millis(3000)), ..Default::default() };
    let limits = over.over(&Limits::default());
    assert_eq!(limits.pods, 25);
    assert_eq!(limits.container_cpu_max, Cpu::millis(3000));
    assert_eq!(limits.jobs, Limits::default().jobs);
}
