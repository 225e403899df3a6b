//! Runs: run now, look, watch, cancel.

use api::jobs::v1::{
    CancelRunRequest, ListRunsRequest, RunJobRequest, RunState, RunTrigger, WatchRunRequest,
};
use tonic::Code;

use crate::world::{Refused, World, next, one_off, scheduled};

fn run_now(name: &str) -> RunJobRequest {
    RunJobRequest { tool: "alpha".into(), name: name.into(), ..RunJobRequest::default() }
}

#[tokio::test]
async fn a_run_may_have_its_own_command_and_environment() {
    let world = World::new().await;
    world.create(scheduled("a", "true")).await.unwrap();
    let request = RunJobRequest {
        cmd: Some("sleep 1; exit".into()),
        args: vec!["7".into()],
        env: [("GREETING".to_owned(), "hello".to_owned())].into(),
        ..run_now("a")
    };
    let run = world.jobs().run_job(request).await.unwrap().into_inner().run.unwrap();
    assert_eq!((run.trigger(), run.cmd.as_deref()), (RunTrigger::Manual, Some("sleep 1; exit 7")));
    let env = &world.engine.workloads()[0].env;
    assert!(env.contains(&("GREETING".to_owned(), "hello".to_owned())), "{env:?}");
    world.run_in("a", RunState::Running).await;
    world.advance(1);
    assert_eq!(world.run_in("a", RunState::Failed).await.exit_code, Some(7));
}

#[tokio::test]
async fn what_a_run_is_given_is_checked() {
    let world = World::new().await;
    world.create(scheduled("a", "true")).await.unwrap();
    let bad = RunJobRequest { env: [("1=".to_owned(), String::new())].into(), ..run_now("a") };
    let found = Refused::by(world.jobs().run_job(bad).await);
    assert_eq!(found.parts(), (Code::InvalidArgument, "SCHEMA_VIOLATION", Some(422), vec!["env"]));
    let bad = RunJobRequest { args: vec!["\0".into()], ..run_now("a") };
    let found = Refused::by(world.jobs().run_job(bad).await);
    assert_eq!(found.parts(), (Code::InvalidArgument, "SCHEMA_VIOLATION", Some(422), vec!["args"]));
}

#[tokio::test]
async fn the_schedule_makes_runs_that_say_when_they_were_due() {
    let world = World::new().await;
    world.create(scheduled("a", "true")).await.unwrap();
    world.advance(17 * 3600 + 16 * 60 + 55);
    let run = world.run_in("a", RunState::Succeeded).await;
    assert_eq!(run.trigger(), RunTrigger::Schedule);
    let due = run.schedule_time.unwrap().seconds;
    assert_eq!((due % 86_400, run.job.as_str()), (3 * 3600 + 17 * 60, "a"));
    let status = world.get("a").await.unwrap().status.unwrap();
    assert_eq!(status.previous_schedule.unwrap().seconds, due);
    assert_eq!(status.next_schedule.unwrap().seconds, due + 86_400);
}

#[tokio::test]
async fn a_watch_tells_a_run_to_its_end() {
    let world = World::new().await;
    world.create(one_off("a", "sleep 5; exit 2")).await.unwrap();
    let name = world.run_in("a", RunState::Running).await.name;
    let request = WatchRunRequest { tool: "alpha".into(), name: name.clone() };
    let mut watch = world.runs().watch_run(request.clone()).await.unwrap().into_inner();
    assert_eq!(next(&mut watch).await.unwrap().run.unwrap().state(), RunState::Running);
    world.advance(5);
    let mut last = next(&mut watch).await.unwrap().run.unwrap();
    while let Some(told) = watch.message().await.unwrap() {
        last = told.run.unwrap();
    }
    assert_eq!((last.state(), last.exit_code), (RunState::Failed, Some(2)));
    let mut watch = world.runs().watch_run(request).await.unwrap().into_inner();
    assert_eq!(next(&mut watch).await.unwrap().run, Some(last), "of a run that is over, its end");
    assert_eq!(watch.message().await.unwrap(), None);
}

#[tokio::test]
async fn watching_nothing_is_not_found() {
    let world = World::new().await;
    let request = WatchRunRequest { tool: "alpha".into(), name: "a-1".into() };
    let result = async { next(&mut world.runs().watch_run(request).await?.into_inner()).await };
    assert_eq!(Refused::by(result.await).parts(), (Code::NotFound, "RUN_NOT_FOUND", None, vec![]));
}

#[tokio::test]
async fn a_cancelled_run_has_stopped() {
    let world = World::new().await;
    world.create(one_off("a", "sleep 500")).await.unwrap();
    let name = world.run_in("a", RunState::Running).await.name;
    let request = CancelRunRequest { tool: "alpha".into(), name: name.clone() };
    let run = world.runs().cancel_run(request).await.unwrap().into_inner().run.unwrap();
    assert_eq!(run.state(), RunState::Cancelled);
    assert_eq!(world.run(&name).await, run);
    assert!(world.engine.workloads().is_empty());
}

#[tokio::test]
async fn runs_are_listed_by_job_the_newest_first() {
    let world = World::new().await;
    for name in ["a", "b"] {
        world.create(scheduled(name, "true")).await.unwrap();
        for _ in 0..2 {
            world.jobs().run_job(run_now(name)).await.unwrap();
            world.advance(1);
        }
    }
    let list = |job: Option<&str>| {
        let request =
            ListRunsRequest { tool: "alpha".into(), job: job.map(str::to_owned), ..Default::default() };
        async { world.runs().list_runs(request).await.unwrap().into_inner().runs }
    };
    assert_eq!(list(None).await.len(), 4);
    let of_a = list(Some("a")).await;
    assert!(of_a.len() == 2 && of_a.iter().all(|run| run.job == "a"), "{of_a:?}");
    assert!(of_a[0].create_time.unwrap().seconds > of_a[1].create_time.unwrap().seconds);
    assert_eq!(list(Some("never")).await, []);
}
