//! Schedules: what is due is started, and what is not started is recorded.

use jiff::Timestamp;

use super::harness::{Harness, generous};
use super::{moment, name, scheduled, tool};
use crate::{
    DefinitionInput, Limits, Options, Run, RunState, ScheduleTimes, Short, Site, SkipReason, Trigger,
};

fn due(run: &Run) -> Timestamp {
    match run.trigger {
        Trigger::Schedule { due } => due,
        other => panic!("{other:?}"),
    }
}

async fn states(h: &Harness, job: &str) -> Vec<(String, RunState)> {
    let mut runs = h.runs(job).await;
    runs.sort_by_key(due);
    runs.iter().map(|run| (crate::moment_text(due(run))[11..16].to_owned(), run.state)).collect()
}

fn expect(wanted: &[(&str, RunState)]) -> Vec<(String, RunState)> {
    wanted.iter().map(|(due, state)| ((*due).to_owned(), *state)).collect()
}

#[tokio::test]
async fn a_schedule_runs_at_the_minute() {
    let h = Harness::new().await;
    let view = h.create(&scheduled("a", "sleep 10", "* * * * *")).await.unwrap();
    assert_eq!(view.schedule_actual.as_deref(), Some("* * * * *"));
    assert_eq!(view.legacy.short, "Waiting for scheduled time");
    let next = Some(moment("2026-11-23T10:01:00Z"));
    assert_eq!(view.status.schedule, Some(ScheduleTimes { previous: None, next }));
    h.advance(54).await;
    assert!(h.runs("a").await.is_empty());
    h.advance(1).await;
    let view = h.get("a").await.unwrap();
    assert_eq!((view.status.short, view.status.schedule.unwrap().previous), (Short::Running, next));
    assert_eq!(h.runs("a").await[0].name.as_str(), "a-29923801");
    h.advance(10).await;
    assert_eq!(h.short("a").await, Short::Succeeded);
    h.advance(30).await;
    let view = h.get("a").await.unwrap();
    assert_eq!((view.status.short, view.duration().as_str()), (Short::Pending, "40s"));
    assert_eq!(view.legacy.short, "Last schedule time: 2026-11-23T10:01:00Z");
    h.advance(60).await;
    let done = RunState::Succeeded;
    assert_eq!(states(&h, "a").await, expect(&[("10:01", done), ("10:02", done)]));
}

#[tokio::test]
async fn an_overlap_is_skipped_and_recorded() {
    let h = Harness::new().await;
    h.create(&scheduled("a", "sleep 100", "* * * * *")).await.unwrap();
    h.advance(200).await;
    assert_eq!(
        states(&h, "a").await,
        expect(&[
            ("10:01", RunState::Succeeded),
            ("10:02", RunState::Skipped(SkipReason::Overlap)),
            ("10:03", RunState::Running),
        ])
    );
}

#[tokio::test]
async fn a_queued_run_begins_when_the_open_one_ends() {
    let h = Harness::new().await;
    let queue =
        DefinitionInput { concurrency: Some("queue".into()), ..scheduled("a", "sleep 150", "* * * * *") };
    h.create(&queue).await.unwrap();
    h.advance(180).await;
    let overlap = RunState::Skipped(SkipReason::Overlap);
    assert_eq!(
        states(&h, "a").await,
        expect(&[("10:01", RunState::Running), ("10:02", RunState::Queued), ("10:03", overlap)])
    );
    h.advance(30).await;
    let states = states(&h, "a").await;
    assert_eq!(states[..2], expect(&[("10:01", RunState::Succeeded), ("10:02", RunState::Running)]));
}

#[tokio::test]
async fn a_replaced_run_is_cancelled() {
    let h = Harness::new().await;
    let replace =
        DefinitionInput { concurrency: Some("replace".into()), ..scheduled("a", "sleep 150", "* * * * *") };
    h.create(&replace).await.unwrap();
    h.advance(140).await;
    assert_eq!(
        states(&h, "a").await,
        expect(&[("10:01", RunState::Cancelled), ("10:02", RunState::Running)])
    );
    assert_eq!(h.workloads().len(), 1);
}

#[tokio::test]
async fn a_run_without_quota_is_skipped() {
    let limits = Limits { jobs: 1, ..generous() };
    let h = Harness::with(Site { limits, ..Site::default() }).await;
    h.create(&scheduled("a", "sleep 5", "* * * * *")).await.unwrap();
    h.create(&scheduled("b", "sleep 5", "* * * * *")).await.unwrap();
    h.advance(60).await;
    let mut found: Vec<RunState> = Vec::new();
    for job in ["a", "b"] {
        found.extend(states(&h, job).await.into_iter().map(|(_, state)| state));
    }
    assert!(found.contains(&RunState::Succeeded) && found.contains(&RunState::Skipped(SkipReason::Quota)));
}

#[tokio::test]
async fn an_outage_is_recorded_and_the_latest_is_made_up_for() {
    let mut h = Harness::new().await;
    h.create(&scheduled("a", "true", "* * * * *")).await.unwrap();
    h.advance(60).await;
    h.kill().await;
    h.clock.advance(std::time::Duration::from_secs(185));
    h.start().await;
    let (done, missed) = (RunState::Succeeded, RunState::Missed);
    assert_eq!(
        states(&h, "a").await,
        expect(&[("10:01", done), ("10:02", missed), ("10:03", missed), ("10:04", done)])
    );
    h.kill().await;
    h.start().await;
    h.advance(20).await;
    assert_eq!(states(&h, "a").await.len(), 4, "one record for each due time");
}

#[tokio::test]
async fn restart_runs_a_scheduled_job_now_instead_of_what_runs() {
    let h = Harness::new().await;
    h.create(&scheduled("a", "sleep 100", "* * * * *")).await.unwrap();
    h.advance(60).await;
    let (tool, job, options) = (tool(), name("a"), Options::default());
    h.drive(h.jobs.restart(&tool, &job, &options)).await.unwrap();
    h.settle().await;
    let runs = h.runs("a").await;
    let found: Vec<(RunState, bool)> =
        runs.iter().map(|run| (run.state, run.trigger == Trigger::Restart)).collect();
    assert_eq!(found, [(RunState::Cancelled, false), (RunState::Running, true)]);
    assert_eq!(h.workloads().len(), 1);
    assert_eq!(h.short("a").await, Short::Running);
}

#[tokio::test]
async fn a_changed_schedule_counts_from_the_change() {
    let h = Harness::new().await;
    let suspended = DefinitionInput { suspended: Some(true), ..scheduled("a", "true", "* * * * *") };
    h.create(&suspended).await.unwrap();
    h.advance(60).await;
    let skipped = RunState::Skipped(SkipReason::Suspended);
    assert_eq!(states(&h, "a").await, expect(&[("10:01", skipped)]));
    let hourly = scheduled("a", "true", "2 * * * *");
    h.jobs.upsert(&tool(), &hourly, &Options::default()).await.unwrap();
    h.advance(60).await;
    assert_eq!(states(&h, "a").await, expect(&[("10:01", skipped), ("10:02", RunState::Succeeded)]));
}

#[tokio::test]
async fn a_run_that_the_engine_refuses_has_failed() {
    use engine::memory::Call;
    let h = Harness::new().await;
    h.create(&scheduled("a", "true", "* * * * *")).await.unwrap();
    let lacking = engine::Error::Unsupported { feature: "that".into(), hint: "buy it".into() };
    h.engine.fail_next(Call::Apply, lacking);
    h.advance(60).await;
    let run = h.runs("a").await.remove(0);
    assert_eq!(run.state, RunState::Failed);
    assert_eq!(run.message.as_deref(), Some("that is not available here: buy it"));
    h.engine.fail_next(Call::Apply, engine::Error::Unavailable("draining".into()));
    h.advance(70).await;
    assert_eq!(h.runs("a").await[1].state, RunState::Succeeded, "what may work later is tried again");
}
