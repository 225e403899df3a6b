//! Runs as resources of their own.

use bytes::Bytes;
use engine::Output;
use futures_util::StreamExt as _;

use super::harness::Harness;
use super::{continuous, name, one_off, scheduled, tool};
use crate::cases::RunOverrides;
use crate::{DefinitionInput, Error, Options, Run, RunState, Short, Site, Trigger};

async fn run_now(h: &Harness, job: &str, overrides: &RunOverrides) -> Result<Run, Error> {
    let run = h.jobs.run_now(&tool(), &name(job), overrides, &Options::default()).await;
    h.settle().await;
    run
}

#[tokio::test]
async fn a_job_is_run_now_with_overrides() {
    let h = Harness::new().await;
    let quiet = DefinitionInput { filelog: Some(false), ..scheduled("a", "sleep 5", "0 0 * * *") };
    h.create(&quiet).await.unwrap();
    let run = run_now(&h, "a", &RunOverrides::default()).await.unwrap();
    assert_eq!((run.trigger, run.name.as_str()), (Trigger::Manual, "a-1795428005"));
    assert_eq!(h.short("a").await, Short::Running, "it executes what is defined");
    let overrides = RunOverrides {
        command: Some("echo".into()),
        args: vec!["it's".into()],
        env: vec![("X".into(), "1".into())],
        stdin: true,
    };
    let run = run_now(&h, "a", &overrides).await.unwrap();
    assert_eq!(run.command.as_deref(), Some(r"echo 'it'\''s'"));
    assert_eq!(run.name.as_str(), "a-1795428006", "two runs of one second are told apart");
    let workload = h.engine.workloads().into_iter().find(|found| found.id == run.workload_id()).unwrap();
    assert_eq!((workload.env, workload.stdin), (overrides.env, true));
    h.create(&continuous("web", "sleep infinity")).await.unwrap();
    let refusal = run_now(&h, "web", &RunOverrides::default()).await.unwrap_err();
    assert_eq!(refusal.to_string(), "Job 'web' runs all the time, it can't be run once more");
    for (env, arg) in [(("1x", "y"), "a"), (("", "y"), "a"), (("x", "a\0"), "a"), (("x", "y"), "a\0")] {
        let overrides = RunOverrides {
            env: vec![(env.0.into(), env.1.into())],
            args: vec![arg.into()],
            ..RunOverrides::default()
        };
        assert!(matches!(run_now(&h, "a", &overrides).await, Err(Error::Invalid(_))), "{env:?} {arg:?}");
    }
}

#[tokio::test]
async fn a_cancelled_run_ends_and_says_so() {
    let h = Harness::new().await;
    h.create(&one_off("a", "trap '' TERM; sleep 500")).await.unwrap();
    let run = h.runs("a").await.remove(0);
    let tool = tool();
    let cancelled = h.drive(h.jobs.cancel(&tool, &run.name)).await.unwrap();
    assert_eq!((cancelled.state, cancelled.exit_code), (RunState::Cancelled, Some(137)));
    let again = h.jobs.cancel(&tool, &run.name).await.unwrap_err();
    assert_eq!(again.to_string(), format!("Run '{}' is not running", run.name));
    h.advance(31).await;
    assert!(matches!(h.get("a").await, Err(Error::JobNotFound(_))));
    let missing = crate::RunName::parse("a-1").unwrap();
    assert_eq!(h.jobs.get_run(&tool, &missing).await.unwrap_err().to_string(), "Run 'a-1' does not exist");
}

#[tokio::test]
async fn a_run_is_watched_until_its_end() {
    let h = Harness::new().await;
    h.create(&one_off("a", "sleep 2; exit 4")).await.unwrap();
    let run = h.runs("a").await.remove(0);
    let watch = h.jobs.watch_run(&tool(), &run.name);
    let seen: Vec<Run> = h.drive(watch.map(Result::unwrap).collect()).await;
    let states: Vec<RunState> = seen.iter().map(|run| run.state).collect();
    assert_eq!(states, [RunState::Running, RunState::Failed]);
    assert_eq!(seen[1].exit_code, Some(4));
}

#[tokio::test]
async fn jobs_are_watched() {
    use crate::cases::JobEvent;
    let h = Harness::new().await;
    h.create(&one_off("a", "sleep 2")).await.unwrap();
    let mut watch = h.jobs.watch(&tool());
    let mut next = async || match h.drive(watch.next()).await.unwrap().unwrap() {
        JobEvent::Put(view) => format!("{} {}", view.job.name(), view.status.short),
        JobEvent::Gone(name) => format!("{name} gone"),
        JobEvent::Synced => "synced".to_owned(),
    };
    assert_eq!(next().await, "a running");
    assert_eq!(next().await, "synced");
    let mut rest = Vec::new();
    while rest.last().map(String::as_str) != Some("a gone") {
        rest.push(next().await);
    }
    rest.dedup();
    assert_eq!(rest, ["a succeeded", "a gone"]);
}

#[tokio::test]
async fn runs_are_paged_newest_first() {
    let h = Harness::new().await;
    h.create(&scheduled("a", "true", "0 0 * * *")).await.unwrap();
    for _ in 0..5 {
        run_now(&h, "a", &RunOverrides::default()).await.unwrap();
        h.advance(1).await;
    }
    let all: Vec<_> = h.runs("a").await.into_iter().rev().map(|run| run.name).collect();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = h.jobs.list_runs(&tool(), None, 2, after).await.unwrap();
        seen.extend(page.runs.into_iter().map(|run| run.name));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((seen.len(), &seen), (5, &all));
}

#[tokio::test]
async fn old_runs_are_forgotten() {
    let site = Site { runs_kept: 3, limits: super::harness::generous(), ..Site::default() };
    let h = Harness::with(site).await;
    h.create(&scheduled("a", "true", "* * * * *")).await.unwrap();
    h.advance(60 * 6).await;
    let runs = h.runs("a").await;
    assert!((3..=4).contains(&runs.len()), "{}", runs.len());
    assert!(runs.last().unwrap().created > h.now().checked_sub(std::time::Duration::from_mins(2)).unwrap());
}

#[tokio::test]
async fn a_run_is_attached_to() {
    let h = Harness::new().await;
    let quiet = DefinitionInput { filelog: Some(false), ..scheduled("a", "cat", "0 0 * * *") };
    h.create(&quiet).await.unwrap();
    let overrides = RunOverrides { stdin: true, ..RunOverrides::default() };
    let run = run_now(&h, "a", &overrides).await.unwrap();
    let mut attached = h.jobs.attach(&tool(), &run.name).await.unwrap();
    attached.input.take().unwrap().send(Bytes::from_static(b"hello\n")).await.unwrap();
    let first = h.drive(attached.output.next()).await.unwrap();
    assert!(matches!(first, Output::Stdout(bytes) if bytes.starts_with(b"hello")));
    h.advance(2).await;
    let over = h.jobs.attach(&tool(), &run.name).await.unwrap_err();
    assert!(matches!(over, Error::RunNotOpen(_)));
}

#[tokio::test]
async fn runs_that_are_too_old_are_forgotten() {
    let h = Harness::new().await;
    h.create(&one_off("a", "true")).await.unwrap();
    h.advance(31).await;
    assert_eq!(h.runs("a").await.len(), 1);
    for _ in 0..31 * 4 {
        h.clock.advance(std::time::Duration::from_hours(6));
        h.settle().await;
    }
    assert!(h.runs("a").await.is_empty());
}
