//! Jobs and runs come back as they were stored; two commits from one state never both succeed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use jobs_core::{
    Answer, Change, CommitError, Cpu, Definition, DefinitionInput, Footprint, HealthCheckInput, Job, Memory,
    Outcome, Repository as _, Run, RunQuery, RunState, SkipReason, ToolName, Trigger, Uid,
};
use store::memory::Memory as MemoryStore;

use super::Records;

fn records() -> Records {
    Records::new(Arc::new(MemoryStore::default()))
}

fn tool() -> ToolName {
    ToolName::parse("alpha").unwrap()
}

fn job(uid: &str) -> Job {
    let input = DefinitionInput {
        name: Some("web".into()),
        imagename: Some("python3.11".into()),
        cmd: Some("./serve \"ü\"".into()),
        job_type: Some("continuous".into()),
        emails: Some("onfailure".into()),
        memory: Some("2G".into()),
        cpu: Some("100m".into()),
        replicas: Some(2),
        port: Some(8000),
        port_protocol: Some("tcp".into()),
        health_check: Some(HealthCheckInput {
            kind: Some("http".into()),
            script: None,
            path: Some("/h".into()),
        }),
        publish: Some("/".into()),
        ..DefinitionInput::default()
    };
    Job {
        uid: Uid(uid.into()),
        tool: tool(),
        generation: 3,
        definition: Definition::parse(&input).unwrap(),
        image_url: "registry/python311:latest".into(),
        footprint: Footprint { pods: 2, cpu: Cpu::millis(250), memory: Memory::gib(1) },
        created: "2026-11-23T01:02:03.5Z".parse().unwrap(),
        updated: "2026-11-23T02:00:00Z".parse().unwrap(),
        restarted_at: Some("2026-11-23T03:00:00.000001Z".parse().unwrap()),
        last_scheduled: None,
        scheduled_until: "2026-11-23T03:30:00Z".parse().unwrap(),
        deleting: Some("2026-11-23T04:00:00Z".parse().unwrap()),
    }
}

fn run(name: &str, state: RunState, live: bool) -> Run {
    Run {
        uid: Uid(format!("uid-{name}")),
        name: jobs_core::RunName::parse(name).unwrap(),
        tool: tool(),
        job: jobs_core::JobName::parse("backup").unwrap(),
        job_uid: Uid("j1".into()),
        generation: 1,
        trigger: Trigger::Schedule { due: "2026-11-23T05:00:00Z".parse().unwrap() },
        state,
        command: Some("echo".into()),
        env: if state.is_open() { vec![("A".into(), "1".into())] } else { Vec::new() },
        retries: 2,
        stdin: true,
        footprint: Footprint::NONE,
        live,
        created: "2026-11-23T05:00:01Z".parse().unwrap(),
        started: None,
        finished: None,
        attempts: 1,
        exit_code: Some(-1),
        message: Some("why".into()),
        cancelled_at: None,
    }
}

#[tokio::test]
async fn a_job_comes_back_as_it_was() {
    let records = records();
    let state = records.load(&tool()).await.unwrap();
    records.commit(&tool(), &state.revision, vec![Change::PutJob(Box::new(job("j1")))]).await.unwrap();
    assert_eq!(records.load(&tool()).await.unwrap().jobs, [job("j1")]);
    assert_eq!(records.tools().await.unwrap(), [tool()]);
}

#[tokio::test]
async fn the_environment_of_a_run_is_kept_until_its_end() {
    let records = records();
    for (state, kept) in [(RunState::Queued, 1), (RunState::Running, 1), (RunState::Failed, 0)] {
        let run = Run { env: vec![("TOKEN".into(), "hush".into())], ..run("backup-1", state, true) };
        let before = records.load(&tool()).await.unwrap();
        records.commit(&tool(), &before.revision, vec![Change::PutRun(Box::new(run))]).await.unwrap();
        assert_eq!(records.load(&tool()).await.unwrap().runs[0].env.len(), kept, "{state:?}");
    }
}

#[tokio::test]
async fn two_commits_from_one_state_never_both_succeed() {
    let records = records();
    let state = records.load(&tool()).await.unwrap();
    records.commit(&tool(), &state.revision, vec![Change::PutJob(Box::new(job("j1")))]).await.unwrap();
    let second = records.commit(&tool(), &state.revision, vec![Change::PutJob(Box::new(job("j2")))]).await;
    assert!(matches!(second, Err(CommitError::Stale)));
    assert_eq!(records.load(&tool()).await.unwrap().jobs.len(), 1);
}

#[tokio::test]
async fn every_state_of_a_run_comes_back_and_history_is_not_loaded() {
    let states = [
        RunState::Queued,
        RunState::Pending,
        RunState::Running,
        RunState::Succeeded,
        RunState::Failed,
        RunState::Cancelled,
        RunState::Missed,
        RunState::Skipped(SkipReason::Overlap),
        RunState::Skipped(SkipReason::Deadline),
        RunState::Skipped(SkipReason::Suspended),
        RunState::Skipped(SkipReason::Quota),
    ];
    let records = records();
    for (number, state) in (1..).zip(states) {
        let run = run(&format!("backup-{number}"), state, number % 2 == 0);
        let revision = records.load(&tool()).await.unwrap().revision;
        records.commit(&tool(), &revision, vec![Change::PutRun(Box::new(run.clone()))]).await.unwrap();
        assert_eq!(records.run(&tool(), &run.name).await.unwrap(), Some(run));
    }
    assert_eq!(records.load(&tool()).await.unwrap().runs.len(), 5);
    let all = records.runs(&tool(), RunQuery { limit: 100, ..RunQuery::default() }).await.unwrap();
    assert_eq!(all.len(), 11);
}

#[tokio::test]
async fn a_run_that_becomes_history_is_there_once() {
    let records = records();
    for live in [true, false] {
        let revision = records.load(&tool()).await.unwrap().revision;
        let change = Change::PutRun(Box::new(run("backup-1", RunState::Failed, live)));
        records.commit(&tool(), &revision, vec![change]).await.unwrap();
    }
    let all = records.runs(&tool(), RunQuery { limit: 100, ..RunQuery::default() }).await.unwrap();
    assert_eq!(all.len(), 1);
    assert!(records.load(&tool()).await.unwrap().runs.is_empty());
}

#[tokio::test]
async fn pages_of_runs_leave_nothing_out() {
    let records = records();
    for number in 1..=7 {
        let revision = records.load(&tool()).await.unwrap().revision;
        let change = Change::PutRun(Box::new(run(&format!("backup-{number}"), RunState::Failed, number < 4)));
        records.commit(&tool(), &revision, vec![change]).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = records.runs(&tool(), RunQuery { job: None, after, limit: 3 }).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.created, last.name.clone()));
        seen.extend(page.into_iter().map(|run| run.name.to_string()));
    }
    assert_eq!(seen, (1..=7).rev().map(|number| format!("backup-{number}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn answers_come_back_and_old_ones_go() {
    let records = records();
    let answer = |request: &str, at: &str, outcome| Answer {
        request: request.into(),
        fingerprint: "f".into(),
        outcome,
        at: at.parse().unwrap(),
    };
    let old = answer("r1", "2026-11-21T00:00:00Z", Outcome::Upserted { changed: true, text: "t".into() });
    let new =
        answer("r2", "2026-11-23T00:00:00Z", Outcome::Created(jobs_core::JobName::parse("web").unwrap()));
    for answer in [&old, &new] {
        let revision = records.load(&tool()).await.unwrap().revision;
        records.commit(&tool(), &revision, vec![Change::Remember(answer.clone())]).await.unwrap();
        assert_eq!(records.recall(&tool(), &answer.request).await.unwrap().as_ref(), Some(answer));
    }
    assert_eq!(records.recall(&tool(), "r1").await.unwrap(), None);
}
