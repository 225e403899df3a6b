//! Jobs from their creation to their end.

use engine::memory::Call;

use super::harness::{Harness, START, generous};
use super::{continuous, moment, name, one_off, scheduled, tool, webservice};
use crate::{Cpu, DefinitionInput, Error, Limits, Options, RunState, Short, Site};

#[tokio::test]
async fn a_one_off_runs_leaves_after_its_time_and_its_run_remains() {
    let h = Harness::new().await;
    let view = h.create(&one_off("a", "sleep 5")).await.unwrap();
    assert_eq!(view.status.short, Short::Pending);
    assert_eq!(h.short("a").await, Short::Running);
    h.advance(5).await;
    assert_eq!(h.short("a").await, Short::Succeeded);
    h.advance(29).await;
    assert_eq!(h.get("a").await.unwrap().legacy.short, "Completed");
    h.advance(1).await;
    assert_eq!(h.get("a").await.unwrap_err().to_string(), "Job 'a' does not exist");
    assert!(h.workloads().is_empty());
    let runs = h.runs("a").await;
    assert_eq!(runs.len(), 1);
    assert_eq!((runs[0].state, runs[0].exit_code, runs[0].live), (RunState::Succeeded, Some(0), false));
    assert_eq!(runs[0].started, Some(moment(START)));
    let usage = h.jobs.quota(&tool()).await.unwrap();
    assert_eq!(usage.categories[0].items[1].used.as_deref(), Some("0"));
}

#[tokio::test]
async fn a_failure_has_its_exit_code_after_the_last_try() {
    let h = Harness::new().await;
    let input = DefinitionInput { retry: Some(1), ..one_off("a", "sleep 1; exit 3") };
    h.create(&input).await.unwrap();
    h.advance(1).await;
    assert_eq!(h.runs("a").await[0].state, RunState::Running, "it is tried again");
    h.advance(20).await;
    let run = h.runs("a").await.remove(0);
    assert_eq!((run.state, run.exit_code, run.attempts), (RunState::Failed, Some(3), 2));
    let view = h.get("a").await.unwrap();
    assert_eq!((view.status.short, view.status.messages), (Short::Failed, vec!["exitcode 3".to_owned()]));
}

#[tokio::test]
async fn a_name_is_taken_until_the_one_off_has_completed() {
    let h = Harness::new().await;
    h.create(&one_off("a", "sleep 5")).await.unwrap();
    let taken = h.create(&one_off("a", "true")).await.unwrap_err();
    assert_eq!(taken.to_string(), "A job with the name a already exists");
    h.advance(5).await;
    let view = h.create(&one_off("a", "sleep 9")).await.unwrap();
    assert_eq!(view.job.definition.cmd.as_deref(), Some("sleep 9"));
    assert_eq!(h.workloads().len(), 1, "the old one has left the engine");
    h.advance(31).await;
    assert!(h.get("a").await.is_ok(), "the old one's time does not count for the new one");
    let runs = h.runs("a").await;
    assert_eq!(runs.len(), 2);
    assert_ne!(runs[0].name, runs[1].name);
    h.create(&one_off("b", "exit 1")).await.unwrap();
    h.advance(1).await;
    assert!(matches!(h.create(&one_off("b", "true")).await.unwrap_err(), Error::JobExists(_)));
}

#[tokio::test]
async fn a_create_that_the_engine_refuses_leaves_nothing_behind() {
    let h = Harness::new().await;
    for input in [one_off("a", "true"), continuous("b", "sleep infinity")] {
        let job = input.name.clone().unwrap();
        let lacking = engine::Error::Unsupported { feature: "that".into(), hint: "buy it".into() };
        h.engine.fail_next(Call::Apply, lacking);
        let refusal = h.create(&input).await.unwrap_err();
        assert_eq!(refusal.to_string(), "that is not available here: buy it");
        assert!(h.jobs.list(&tool()).await.unwrap().is_empty());
        assert!(h.runs(&job).await.is_empty() && h.workloads().is_empty());
        h.create(&input).await.unwrap();
        h.delete(&job).await.unwrap();
        h.advance(60).await;
    }
}

#[tokio::test]
async fn an_unknown_image_is_refused_by_its_name() {
    let h = Harness::new().await;
    let input = DefinitionInput { imagename: Some("tool-x/y:latest".into()), ..one_off("a", "true") };
    let refusal = h.create(&input).await.unwrap_err();
    assert_eq!(refusal.to_string(), "No such image 'tool-x/y:latest'");
    assert!(matches!(h.get("a").await, Err(Error::JobNotFound(_))));
}

#[tokio::test]
async fn quota_is_reserved_by_live_objects_and_freed_with_them() {
    let limits = Limits { jobs: 2, ..generous() };
    let h = Harness::with(Site { limits, ..Site::default() }).await;
    h.create(&one_off("a", "sleep 3")).await.unwrap();
    h.create(&one_off("b", "sleep 100")).await.unwrap();
    let refusal = h.create(&one_off("c", "true")).await.unwrap_err();
    assert_eq!(refusal.to_string(), "Out of quota for count/jobs.batch");
    assert!(matches!(h.get("c").await, Err(Error::JobNotFound(_))));
    h.advance(33).await;
    h.create(&one_off("c", "true")).await.unwrap();
    h.delete("b").await.unwrap();
    h.create(&one_off("d", "true")).await.unwrap();
    let pods = Limits { pods: 3, cpu: Cpu::millis(1500), ..generous() };
    let h = Harness::with(Site { limits: pods, ..Site::default() }).await;
    let many = DefinitionInput { replicas: Some(4), ..continuous("a", "sleep infinity") };
    assert_eq!(h.create(&many).await.unwrap_err().to_string(), "Out of quota for cpu, pods");
    let few = DefinitionInput { cpu: Some("0.5".into()), replicas: Some(3), ..many };
    h.create(&few).await.unwrap();
    let more = DefinitionInput { replicas: Some(4), ..few };
    let refusal = h.jobs.upsert(&tool(), &more, &Options::default()).await.unwrap_err();
    assert_eq!(refusal.to_string(), "Out of quota for cpu, pods");
    assert_eq!(h.get("a").await.unwrap().resolved.replicas, 3, "the job is as it was");
}

#[tokio::test]
async fn upsert_says_what_it_did() {
    let h = Harness::new().await;
    let options = Options::default();
    let upsert = async |input: &DefinitionInput| {
        let done = h.jobs.upsert(&tool(), input, &options).await.unwrap();
        h.settle().await;
        (done.changed, done.text)
    };
    let says = |changed: bool, text: &str| (changed, text.to_owned());
    let one = one_off("o", "true");
    assert_eq!(
        upsert(&one).await,
        says(false, "OneOffJobs can't be updated, delete and recreate it instead")
    );
    let job = DefinitionInput { memory: Some("512Mi".into()), ..continuous("a", "sleep infinity") };
    assert_eq!(upsert(&job).await, says(true, "Job a created in storage and runtime"));
    assert_eq!(upsert(&job).await, says(false, "Job a is already up to date"));
    let dump = h.get("a").await.unwrap().fields(false);
    assert_eq!(upsert(&dump).await, says(false, "Job a is already up to date"));
    let explicit = DefinitionInput { replicas: Some(1), ..job.clone() };
    assert_eq!(upsert(&explicit).await, says(true, "Job a was updated in storage and runtime"));
    let view = h.get("a").await.unwrap();
    assert_eq!((view.job.generation, view.status.up_to_date), (2, true));
    assert_eq!(h.engine.workloads()[0].generation, 2);
    h.engine.fail_next(Call::Apply, engine::Error::Unavailable("draining".into()));
    let changed = DefinitionInput { replicas: Some(2), ..job };
    assert!(matches!(h.jobs.upsert(&tool(), &changed, &options).await, Err(Error::Engine(_))));
    let view = h.get("a").await.unwrap();
    assert_eq!(
        (view.resolved.replicas, view.job.generation),
        (1, 4),
        "the former definition is in force again"
    );
    assert_eq!(upsert(&explicit).await, says(false, "Job a is already up to date"));
}

#[tokio::test]
async fn upsert_gives_the_engine_what_it_lacks() {
    let h = Harness::new().await;
    let job = continuous("a", "sleep infinity");
    h.create(&job).await.unwrap();
    let uid = h.get("a").await.unwrap().job.workload_id();
    h.jobs.inner.board.forget(&uid);
    let view = h.get("a").await.unwrap();
    let warning =
        "The running version of job 'a' is different from what was configured, please recreate or redeploy.";
    assert_eq!(view.warning().as_deref(), Some(warning));
    assert_eq!(view.legacy.long, warning);
    let done = h.jobs.upsert(&tool(), &job, &Options::default()).await.unwrap();
    assert_eq!((done.changed, done.text.as_str()), (true, "Job a was updated in runtime only"));
    assert!(h.get("a").await.unwrap().status.up_to_date);
}

#[tokio::test]
async fn upsert_of_another_type_takes_the_place() {
    let h = Harness::new().await;
    h.create(&continuous("a", "sleep infinity")).await.unwrap();
    let options = Options::default();
    let done = h.jobs.upsert(&tool(), &scheduled("a", "true", "@daily"), &options).await.unwrap();
    assert_eq!(done.text, "Job a was updated in storage and runtime");
    h.advance(30).await;
    assert!(h.workloads().is_empty());
    assert_eq!(h.jobs.list(&tool()).await.unwrap().len(), 1);
    assert_eq!(h.repository_jobs().await, 1, "the former job is forgotten");
}

#[tokio::test]
async fn the_tools_host_has_one_owner_on_creation_and_on_update() {
    let h = Harness::new().await;
    let public =
        DefinitionInput { port: Some(8080), publish: Some("/".into()), ..continuous("a", "sleep infinity") };
    h.create(&public).await.unwrap();
    let text = "Attempt to create job failed. The job cannot be published because the domain 'alpha.localhost' and \
                path '/' are already in use by another public job or webservice.";
    let refusal = h.create(&webservice("w")).await.unwrap_err();
    assert_eq!(refusal.to_string(), text);
    assert!(matches!(h.get("w").await, Err(Error::JobNotFound(_))));
    let private = DefinitionInput { publish: None, name: Some("b".into()), ..public.clone() };
    h.create(&private).await.unwrap();
    let taking = DefinitionInput { name: Some("b".into()), ..public.clone() };
    let refusal = h.jobs.upsert(&tool(), &taking, &Options::default()).await.unwrap_err();
    assert_eq!(refusal.to_string(), text);
    let moved = DefinitionInput { port: Some(9090), ..public };
    h.jobs.upsert(&tool(), &moved, &Options::default()).await.unwrap();
    h.delete("a").await.unwrap();
    h.jobs.upsert(&tool(), &taking, &Options::default()).await.unwrap();
    assert!(h.engine.workloads()[0].expose.is_some());
}

#[tokio::test]
async fn a_deleted_job_is_gone_at_once_and_its_name_is_free() {
    let h = Harness::new().await;
    h.create(&continuous("a", "trap '' TERM; sleep infinity")).await.unwrap();
    h.delete("a").await.unwrap();
    assert!(matches!(h.get("a").await, Err(Error::JobNotFound(_))));
    assert!(h.now() > moment(START), "the instance was waited for");
    assert_eq!(h.repository_jobs().await, 0);
    let missing = h.delete("a").await.unwrap_err();
    assert_eq!(missing.to_string(), "Job 'a' does not exist");
    h.create(&one_off("b", "sleep 100")).await.unwrap();
    h.delete("b").await.unwrap();
    let run = h.runs("b").await.remove(0);
    assert_eq!((run.state, run.live), (RunState::Cancelled, false));
    h.create(&one_off("b", "true")).await.unwrap();
}

#[tokio::test]
async fn flush_deletes_all_jobs() {
    let h = Harness::new().await;
    for job in ["a", "b"] {
        h.create(&one_off(job, "sleep 100")).await.unwrap();
    }
    h.create(&scheduled("c", "true", "@daily")).await.unwrap();
    h.create(&continuous("d", "sleep infinity")).await.unwrap();
    let (tool, options) = (tool(), Options::default());
    h.drive(h.jobs.flush(&tool, &options)).await.unwrap();
    h.settle().await;
    assert!(h.jobs.list(&tool).await.unwrap().is_empty());
    assert_eq!((h.repository_jobs().await, h.workloads().len()), (0, 0));
    h.drive(h.jobs.flush(&tool, &options)).await.unwrap();
}

#[tokio::test]
async fn restart_replaces_the_instances_of_what_always_runs() {
    let h = Harness::new().await;
    h.create(&continuous("a", "sleep infinity")).await.unwrap();
    let before = h.jobs.inner.board.instances(&[h.get("a").await.unwrap().job.workload_id()]);
    h.advance(3).await;
    h.jobs.restart(&tool(), &name("a"), &Options::default()).await.unwrap();
    h.advance(40).await;
    let view = h.get("a").await.unwrap();
    assert_eq!(view.job.restarted_at, Some(moment("2026-11-23T10:00:08Z")));
    let after = h.jobs.inner.board.instances(&[view.job.workload_id()]);
    assert_eq!(after.len(), 1);
    assert_ne!(before[0].id, after[0].id);
    h.create(&one_off("o", "sleep 100")).await.unwrap();
    let refusal = h.jobs.restart(&tool(), &name("o"), &Options::default()).await.unwrap_err();
    assert_eq!(refusal.to_string(), "Unable to restart a one-off job");
    let refusal = h.jobs.restart(&tool(), &name("x"), &Options::default()).await.unwrap_err();
    assert_eq!(refusal.to_string(), "Job 'x' does not exist");
}

#[tokio::test]
async fn jobs_are_listed_by_name() {
    let h = Harness::new().await;
    for job in ["b", "a.b", "a"] {
        h.create(&one_off(job, "sleep 9")).await.unwrap();
    }
    let names: Vec<String> =
        h.jobs.list(&tool()).await.unwrap().iter().map(|view| view.job.name().to_string()).collect();
    assert_eq!(names, ["a", "a.b", "b"]);
    let images = h.jobs.images().await.unwrap();
    let images: Vec<&str> = images.iter().map(|image| image.shortname.as_str()).collect();
    assert_eq!(images, ["bookworm", "python3.11", "tool-alpha/app:latest"]);
}

#[tokio::test]
async fn a_killed_service_finds_everything_again() {
    let mut h = Harness::new().await;
    h.create(&continuous("web", "sleep infinity")).await.unwrap();
    h.create(&one_off("short", "sleep 5")).await.unwrap();
    h.create(&one_off("long", "sleep 500")).await.unwrap();
    h.create(&one_off("gone", "sleep 500")).await.unwrap();
    h.advance(1).await;
    h.kill().await;
    // a deletion that was made durable and no more
    let state = h.repository_state().await;
    let job = state.job(&name("gone")).unwrap();
    let changes = crate::cases::mark_deleted(&state, job, h.now());
    crate::Repository::commit(&*h.repository, &tool(), &state.revision, changes).await.unwrap();
    h.advance(20).await;
    h.start().await;
    h.advance(15).await;
    assert_eq!(h.runs("short").await[0].exit_code, Some(0), "an end that nobody saw is found");
    assert_eq!(h.short("web").await, Short::Running);
    assert_eq!(h.short("long").await, Short::Running);
    assert_eq!(h.runs("gone").await[0].state, RunState::Cancelled);
    assert_eq!(h.repository_jobs().await, 2);
    assert_eq!(h.workloads(), ["long", "web"]);
}

#[tokio::test]
async fn a_lost_stream_of_observations_is_asked_for_again() {
    let h = Harness::new().await;
    h.create(&one_off("a", "sleep 5")).await.unwrap();
    h.engine.drop_observers();
    h.advance(6).await;
    assert_eq!(h.short("a").await, Short::Succeeded);
}

#[tokio::test]
async fn a_record_without_a_workload_is_given_to_the_engine() {
    let mut h = Harness::new().await;
    h.kill().await;
    // committed, and killed before the engine was told
    let view = h.create(&one_off("a", "sleep 5")).await.unwrap();
    let run = view.latest_run.unwrap();
    engine::Engine::delete(&h.engine, &run.workload_id()).await.unwrap();
    h.kill().await;
    assert!(h.workloads().is_empty());
    h.start().await;
    assert_eq!(h.short("a").await, Short::Running);
}

#[tokio::test]
async fn jobs_are_shown_without_their_status_when_the_engine_cannot_be_asked() {
    let h = Harness::new().await;
    h.create(&continuous("a", "sleep infinity")).await.unwrap();
    h.engine.fail_next(Call::Images, engine::Error::Unavailable("draining".into()));
    let view = h.get("a").await.unwrap();
    assert_eq!((view.status.short, view.legacy.short.as_str()), (Short::Unknown, "Toolforge error"));
    assert_eq!(h.short("a").await, Short::Running);
}

#[tokio::test]
async fn a_watch_sees_what_changes_with_time_alone() {
    use crate::cases::JobEvent;
    use futures_util::StreamExt as _;
    let h = Harness::new().await;
    h.engine.refuse(Some(engine::ConditionKind::Progressing));
    h.create(&continuous("a", "sleep infinity")).await.unwrap();
    let mut watch = h.jobs.watch(&tool());
    loop {
        if let JobEvent::Put(view) = h.drive(watch.next()).await.unwrap().unwrap()
            && view.status.short == Short::Failed
        {
            break;
        }
    }
    let waited = h.now().duration_since(moment(START)).as_secs();
    assert!((600..=640).contains(&waited), "{waited}");
}
