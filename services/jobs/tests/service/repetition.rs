//! Requests that are repeated with the same id have one effect.

use api::jobs::v1::{
    CreateJobRequest, DeleteJobRequest, JobSpec, ListRunsRequest, RestartJobRequest, RunJobRequest,
    UpsertJobRequest,
};
use tonic::Code;

use crate::world::{Refused, World, continuous, scheduled};

const ID: &str = "6f1c1a1e-7d0b-4b6e-9f2e-0d4e3d1c2b5a";

#[tokio::test]
async fn a_creation_has_one_effect() {
    let world = World::new().await;
    let request = CreateJobRequest {
        tool: "alpha".into(),
        job: Some(continuous("a")),
        request_id: Some(ID.into()),
        ..Default::default()
    };
    let first = world.jobs().create_job(request.clone()).await.unwrap().into_inner().job.unwrap();
    let again = world.jobs().create_job(request.clone()).await.unwrap().into_inner().job.unwrap();
    assert_eq!(first.uid, again.uid);
    let other = CreateJobRequest { job: Some(continuous("b")), ..request };
    let found = Refused::by(world.jobs().create_job(other).await);
    assert_eq!(found.parts(), (Code::InvalidArgument, "REQUEST_ID_REUSED", None, vec!["request_id"]));
}

#[tokio::test]
async fn a_run_is_made_once() {
    let world = World::new().await;
    world.create(scheduled("a", "sleep 5")).await.unwrap();
    let request = RunJobRequest {
        tool: "alpha".into(),
        name: "a".into(),
        request_id: Some(ID.into()),
        ..Default::default()
    };
    let first = world.jobs().run_job(request.clone()).await.unwrap().into_inner().run.unwrap();
    let again = world.jobs().run_job(request).await.unwrap().into_inner().run.unwrap();
    assert_eq!(first.name, again.name);
    let all = ListRunsRequest { tool: "alpha".into(), ..Default::default() };
    assert_eq!(world.runs().list_runs(all).await.unwrap().into_inner().runs.len(), 1);
}

#[tokio::test]
async fn a_change_is_told_again_as_it_was() {
    let world = World::new().await;
    let request = UpsertJobRequest {
        tool: "alpha".into(),
        job: Some(continuous("a")),
        request_id: Some(ID.into()),
        ..Default::default()
    };
    let first = world.jobs().upsert_job(request.clone()).await.unwrap().into_inner();
    assert_eq!(first, world.jobs().upsert_job(request).await.unwrap().into_inner());
    assert!(first.job_changed);
}

#[tokio::test]
async fn a_restart_and_a_deletion_have_one_effect() {
    let world = World::new().await;
    world.create(continuous("a")).await.unwrap();
    let restart = RestartJobRequest { tool: "alpha".into(), name: "a".into(), request_id: Some(ID.into()) };
    world.jobs().restart_job(restart.clone()).await.unwrap();
    let etag = world.get("a").await.unwrap().etag;
    world.advance(1);
    world.jobs().restart_job(restart).await.unwrap();
    assert_eq!(world.get("a").await.unwrap().etag, etag);
    let delete = DeleteJobRequest {
        tool: "alpha".into(),
        name: "a".into(),
        request_id: Some("0b0e4a4e-53b1-4a64-8a43-6f3d7f8f3f11".into()),
        etag: None,
    };
    world.jobs().delete_job(delete.clone()).await.unwrap();
    let again = JobSpec { replicas: Some(2), ..continuous("a") };
    world.create(again).await.unwrap();
    world.jobs().delete_job(delete).await.unwrap();
    assert!(world.get("a").await.is_ok(), "the repetition does not reach the job that came after");
}

#[tokio::test]
async fn an_id_is_a_uuid() {
    let world = World::new().await;
    let request =
        RestartJobRequest { tool: "alpha".into(), name: "a".into(), request_id: Some("again".into()) };
    let found = Refused::by(world.jobs().restart_job(request).await);
    assert_eq!(found.parts(), (Code::InvalidArgument, "INVALID_ARGUMENT", None, vec!["request_id"]));
    assert_eq!(found.message, "request_id must be a UUID");
}
