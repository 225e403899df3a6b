//! Every refusal of jobs and runs: code, reason, HTTP status and the fields that are wrong.

use api::jobs::v1::{
    CancelRunRequest, CreateJobRequest, DeleteJobRequest, GetRunRequest, JobSpec, ListImagesRequest,
    RestartJobRequest, RunJobRequest, UpsertJobRequest,
};
use engine::memory::Call;
use jobs_core::{Limits, Site};
use tonic::Code;

use crate::faults::Fault;
use crate::world::{Refused, World, continuous, one_off, scheduled};

async fn refused(world: &World, job: JobSpec) -> Refused {
    Refused::by(world.create(job).await)
}

fn restart(name: &str) -> RestartJobRequest {
    RestartJobRequest { tool: "alpha".into(), name: name.into(), request_id: None }
}

#[tokio::test]
async fn malformed_values_are_422_and_each_names_its_field() {
    let world = World::new().await;
    let job = JobSpec { retry: Some(9), memory: Some("lots".into()), emails: Some(77), ..one_off("a", "x") };
    let found = refused(&world, job).await;
    assert_eq!((found.code, found.http), (Code::InvalidArgument, Some(422)), "{found:?}");
    assert_eq!(found.reason, "SCHEMA_VIOLATION");
    let mut fields = found.fields;
    fields.sort();
    assert_eq!(fields, ["emails", "memory", "retry"]);
}

#[tokio::test]
async fn a_job_that_is_not_there_lacks_what_is_required() {
    let world = World::new().await;
    let request = CreateJobRequest { tool: "alpha".into(), ..CreateJobRequest::default() };
    let found = Refused::by(world.jobs().create_job(request).await);
    for field in ["name", "imagename", "cmd"] {
        assert!(found.fields.iter().any(|found| found == field), "{field}: {found:?}");
    }
}

#[tokio::test]
async fn broken_rules_are_400_and_name_their_field() {
    let world = World::new().await;
    let found = refused(&world, JobSpec { publish: Some("/".into()), ..continuous("a") }).await;
    assert_eq!(found.parts(), (Code::InvalidArgument, "RULE_VIOLATION", None, vec!["publish"]));
}

#[tokio::test]
async fn names_are_checked_everywhere() {
    let world = World::new().await;
    let bad = Refused::by(world.get("No Name").await);
    assert_eq!((bad.code, bad.fields), (Code::InvalidArgument, vec!["name".to_owned()]));
    let request = GetRunRequest { tool: "alpha".into(), name: "../x".into() };
    let bad = Refused::by(world.runs().get_run(request).await);
    assert_eq!((bad.code, bad.fields), (Code::InvalidArgument, vec!["name".to_owned()]));
    let request = CreateJobRequest { tool: "A!".into(), job: Some(one_off("a", "x")), ..Default::default() };
    let bad = Refused::by(world.jobs_as("admin:root").create_job(request).await);
    assert_eq!((bad.code, bad.fields), (Code::InvalidArgument, vec!["tool".to_owned()]));
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let world = World::new().await;
    let job = Refused::by(world.get("a").await);
    assert_eq!(job.parts(), (Code::NotFound, "JOB_NOT_FOUND", None, vec![]));
    assert_eq!(job.message, "Job 'a' does not exist");
    let request = DeleteJobRequest { tool: "alpha".into(), name: "a".into(), ..Default::default() };
    assert_eq!(Refused::by(world.jobs().delete_job(request).await).reason, "JOB_NOT_FOUND");
    assert_eq!(Refused::by(world.jobs().restart_job(restart("a")).await).reason, "JOB_NOT_FOUND");
    let request = RunJobRequest { tool: "alpha".into(), name: "a".into(), ..Default::default() };
    assert_eq!(Refused::by(world.jobs().run_job(request).await).reason, "JOB_NOT_FOUND");
    for call in [
        Refused::by(world.runs().get_run(GetRunRequest { tool: "alpha".into(), name: "a-1".into() }).await),
        Refused::by(
            world.runs().cancel_run(CancelRunRequest { tool: "alpha".into(), name: "a-1".into() }).await,
        ),
    ] {
        assert_eq!(call.parts(), (Code::NotFound, "RUN_NOT_FOUND", None, vec![]));
    }
}

#[tokio::test]
async fn what_is_in_the_way_conflicts() {
    let world = World::new().await;
    let web = |name| JobSpec { port: Some(8000), publish: Some("/".into()), ..continuous(name) };
    world.create(web("a")).await.unwrap();
    assert_eq!(
        refused(&world, continuous("a")).await.parts(),
        (Code::AlreadyExists, "JOB_EXISTS", None, vec![])
    );
    let taken = refused(&world, web("b")).await;
    assert_eq!(taken.parts(), (Code::FailedPrecondition, "PUBLISH_CONFLICT", None, vec!["publish"]));
    assert!(taken.message.contains("'alpha.localhost'"), "{taken:?}");
}

#[tokio::test]
async fn an_image_must_exist() {
    let world = World::new().await;
    let job = JobSpec { imagename: Some("potato".into()), ..one_off("a", "x") };
    let found = refused(&world, job).await;
    assert_eq!(found.parts(), (Code::InvalidArgument, "NO_SUCH_IMAGE", None, vec!["imagename"]));
}

#[tokio::test]
async fn quota_is_409_and_names_what_is_out() {
    let world =
        World::with(Site { limits: Limits { cron_jobs: 1, ..Limits::default() }, ..Site::default() }).await;
    world.create(scheduled("a", "true")).await.unwrap();
    let found = refused(&world, scheduled("b", "true")).await;
    assert_eq!(found.parts(), (Code::ResourceExhausted, "OUT_OF_QUOTA", Some(409), vec![]));
    assert!(found.message.starts_with("Out of quota for "), "{found:?}");
}

#[tokio::test]
async fn what_a_type_cannot_do_is_a_precondition() {
    let world = World::new().await;
    world.create(one_off("once", "sleep 500")).await.unwrap();
    world.create(continuous("always")).await.unwrap();
    let found = Refused::by(world.jobs().restart_job(restart("once")).await);
    assert_eq!(found.parts(), (Code::FailedPrecondition, "ONE_OFF_NOT_RESTARTABLE", None, vec![]));
    let request = RunJobRequest { tool: "alpha".into(), name: "always".into(), ..Default::default() };
    let found = Refused::by(world.jobs().run_job(request).await);
    assert_eq!(found.parts(), (Code::FailedPrecondition, "JOB_HAS_NO_RUNS", None, vec![]));
}

#[tokio::test]
async fn a_run_that_is_over_cannot_be_cancelled() {
    let world = World::new().await;
    world.create(one_off("a", "true")).await.unwrap();
    let name = world.run_in("a", api::jobs::v1::RunState::Succeeded).await.name;
    let request = CancelRunRequest { tool: "alpha".into(), name };
    let found = Refused::by(world.runs().cancel_run(request).await);
    assert_eq!(found.parts(), (Code::FailedPrecondition, "RUN_NOT_OPEN", Some(409), vec![]));
}

#[tokio::test]
async fn a_job_that_changed_meanwhile_aborts() {
    let world = World::new().await;
    let etag = world.create(continuous("a")).await.unwrap().etag;
    world.jobs().restart_job(restart("a")).await.unwrap();
    let job = Some(JobSpec { replicas: Some(2), ..continuous("a") });
    let request = UpsertJobRequest { tool: "alpha".into(), job, etag: etag.clone(), ..Default::default() };
    let found = Refused::by(world.jobs().upsert_job(request).await);
    assert_eq!(found.parts(), (Code::Aborted, "ETAG_MISMATCH", None, vec![]));
    let request = DeleteJobRequest { tool: "alpha".into(), name: "a".into(), etag, request_id: None };
    assert_eq!(Refused::by(world.jobs().delete_job(request).await).reason, "ETAG_MISMATCH");
    assert!(world.get("a").await.is_ok());
}

#[tokio::test]
async fn what_the_engine_lacks_is_said_with_what_helps() {
    let world = World::new().await;
    let lacking = engine::Error::Unsupported { feature: "a cage".into(), hint: "run as root".into() };
    world.engine.fail_next(Call::Apply, lacking);
    let found = refused(&world, continuous("a")).await;
    assert_eq!(found.parts(), (Code::FailedPrecondition, "UNSUPPORTED", None, vec![]));
    assert_eq!(found.message, "a cage is not available here: run as root");
    assert_eq!(Refused::by(world.get("a").await).reason, "JOB_NOT_FOUND", "nothing is left behind");
}

#[tokio::test]
async fn failures_below_are_internal_and_keep_their_causes() {
    let world = World::new().await;
    world.engine.fail_next(Call::Images, engine::Error::Unavailable("secret cause".into()));
    let found =
        Refused::by(world.images("tool:alpha").list_images(ListImagesRequest { tool: "alpha".into() }).await);
    assert_eq!(found.parts(), (Code::Internal, "INTERNAL", None, vec![]));
    assert!(!found.message.contains("secret"), "{found:?}");
    world.records.set(Fault::Broken);
    let found = Refused::by(world.get("a").await);
    assert_eq!(found.parts(), (Code::Internal, "INTERNAL", None, vec![]));
    assert!(!found.message.contains("disk"), "{found:?}");
}

#[tokio::test]
async fn others_that_are_always_faster_make_a_call_abort() {
    let world = World::new().await;
    world.records.set(Fault::Contended);
    let found = refused(&world, continuous("a")).await;
    assert_eq!(found.parts(), (Code::Aborted, "BUSY", None, vec![]));
}
