//! Jobs: create, look, change, restart, delete.

use api::jobs::v1::{
    DeleteJobRequest, FlushJobsRequest, GetJobRequest, HealthCheck, HealthCheckType, JobSpec, JobType,
    ListJobsRequest, ListRunsRequest, PortProtocol, RestartJobRequest, RunState, StatusShort,
    UpsertJobRequest, UpsertJobResponse,
};

use crate::world::{Refused, World, continuous, one_off, scheduled};

fn list() -> ListJobsRequest {
    ListJobsRequest { tool: "alpha".into(), ..ListJobsRequest::default() }
}

async fn upsert(world: &World, job: JobSpec) -> UpsertJobResponse {
    let request = UpsertJobRequest { tool: "alpha".into(), job: Some(job), ..UpsertJobRequest::default() };
    world.jobs().upsert_job(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_created_job_runs_and_is_shown_with_its_defaults() {
    let world = World::new().await;
    let made = world.create(one_off("a", "sleep 5; exit 3")).await.unwrap();
    assert_eq!((made.name.as_deref(), made.job_type()), (Some("a"), JobType::OneOff));
    assert_eq!((made.retry, made.cpu.as_deref()), (Some(0), Some("0.1")));
    assert!(made.uid.is_some_and(|uid| !uid.is_empty()) && made.etag.is_some());
    assert_eq!(made.create_time.unwrap().seconds, 1_795_428_005);
    world.run_in("a", RunState::Running).await;
    world.advance(5);
    let run = world.run_in("a", RunState::Failed).await;
    assert_eq!(
        (run.exit_code, run.end_time.unwrap().seconds),
        (Some(3), run.start_time.unwrap().seconds + 5)
    );
    let status = world.get("a").await.unwrap().status.unwrap();
    assert_eq!(status.short(), StatusShort::Failed);
}

#[tokio::test]
async fn only_what_was_set_is_shown_where_that_is_asked_for() {
    let world = World::new().await;
    world.create(scheduled("a", "true")).await.unwrap();
    let request = GetJobRequest { tool: "alpha".into(), name: "a".into(), include_unset: Some(false) };
    let job = world.jobs().get_job(request).await.unwrap().into_inner().job.unwrap();
    assert_eq!((job.schedule.as_deref(), job.filelog), (Some("17 3 * * *"), Some(false)));
    assert_eq!((job.imagename.as_deref(), job.image.as_deref()), (Some("bookworm"), Some("bookworm")));
    assert_eq!((job.retry, job.emails, job.status, job.uid), (None, None, None, None));
}

#[tokio::test]
async fn every_field_comes_back_as_it_was_set() {
    let world = World::new().await;
    let spec = JobSpec {
        memory: Some("1.0Gi".into()),
        cpu: Some("0.5".into()),
        replicas: Some(2),
        port: Some(8000),
        port_protocol: Some(PortProtocol::Tcp.into()),
        health_check: Some(HealthCheck {
            r#type: Some(HealthCheckType::Http.into()),
            path: Some("/ok".into()),
            ..HealthCheck::default()
        }),
        publish: Some("/".into()),
        emails: Some(api::jobs::v1::Emails::Onfailure.into()),
        mount: Some(api::jobs::v1::Mount::All.into()),
        ..continuous("a")
    };
    world.create(spec.clone()).await.unwrap();
    let job = world.get("a").await.unwrap();
    assert_eq!(job.health_check, spec.health_check);
    assert_eq!((job.emails, job.mount, job.port_protocol), (spec.emails, spec.mount, spec.port_protocol));
    assert_eq!((job.memory, job.cpu, job.publish), (spec.memory, spec.cpu, spec.publish));
    assert_eq!((job.replicas, job.port, job.continuous), (spec.replicas, spec.port, Some(true)));
}

#[tokio::test]
async fn fields_that_only_scheduled_jobs_have_come_back() {
    let world = World::new().await;
    let spec = JobSpec {
        concurrency: Some(api::jobs::v1::Concurrency::Queue.into()),
        catch_up: Some(api::jobs::v1::CatchUp::Latest.into()),
        time_zone: Some("Europe/Berlin".into()),
        suspended: Some(true),
        timeout: Some(60),
        ..scheduled("a", "true")
    };
    world.create(spec.clone()).await.unwrap();
    let job = world.get("a").await.unwrap();
    assert_eq!((job.concurrency, job.catch_up), (spec.concurrency, spec.catch_up));
    assert_eq!((job.time_zone, job.suspended, job.timeout), (spec.time_zone, spec.suspended, spec.timeout));
    assert_eq!(job.schedule_actual.as_deref(), Some("17 3 * * *"));
}

#[tokio::test]
async fn the_list_is_in_the_order_of_names() {
    let world = World::new().await;
    for name in ["b", "c", "a"] {
        world.create(scheduled(name, "true")).await.unwrap();
    }
    let found = world.jobs().list_jobs(list()).await.unwrap().into_inner();
    let names: Vec<_> = found.jobs.iter().map(|job| job.name.as_deref().unwrap()).collect();
    assert_eq!((names, found.next_page_token), (vec!["a", "b", "c"], None));
    assert_eq!(found.messages, Some(api::jobs::v1::Messages::default()));
}

#[tokio::test]
async fn an_upsert_creates_changes_and_leaves() {
    let world = World::new().await;
    let created = upsert(&world, continuous("a")).await;
    assert!(created.job_changed, "{created:?}");
    assert_eq!(created.messages.unwrap().info, ["Job a created in storage and runtime"]);
    assert!(!upsert(&world, continuous("a")).await.job_changed);
    let two = JobSpec { replicas: Some(2), ..continuous("a") };
    assert!(upsert(&world, two).await.job_changed);
    assert_eq!(world.get("a").await.unwrap().replicas, Some(2));
}

#[tokio::test]
async fn validation_alone_changes_nothing() {
    let world = World::new().await;
    let request = api::jobs::v1::CreateJobRequest {
        tool: "alpha".into(),
        job: Some(continuous("a")),
        validate_only: Some(true),
        ..Default::default()
    };
    let shown = world.jobs().create_job(request).await.unwrap().into_inner().job.unwrap();
    assert_eq!(shown.name.as_deref(), Some("a"));
    let request = UpsertJobRequest {
        tool: "alpha".into(),
        job: Some(continuous("b")),
        validate_only: Some(true),
        ..Default::default()
    };
    assert!(world.jobs().upsert_job(request).await.unwrap().into_inner().job_changed);
    assert!(world.jobs().list_jobs(list()).await.unwrap().into_inner().jobs.is_empty());
    assert!(world.engine.workloads().is_empty());
}

#[tokio::test]
async fn a_restart_replaces_what_runs_and_runs_what_is_scheduled() {
    let world = World::new().await;
    let before = world.create(continuous("a")).await.unwrap().etag;
    world.create(scheduled("b", "true")).await.unwrap();
    for name in ["a", "b"] {
        let request = RestartJobRequest { tool: "alpha".into(), name: name.into(), request_id: None };
        world.jobs().restart_job(request).await.unwrap();
    }
    assert_ne!(world.get("a").await.unwrap().etag, before);
    world.run_in("b", RunState::Succeeded).await;
}

#[tokio::test]
async fn a_deleted_job_is_gone_and_so_is_what_ran() {
    let world = World::new().await;
    world.create(continuous("a")).await.unwrap();
    world.create(one_off("b", "sleep 500")).await.unwrap();
    world.create(scheduled("c", "true")).await.unwrap();
    let request = DeleteJobRequest { tool: "alpha".into(), name: "a".into(), ..Default::default() };
    world.jobs().delete_job(request).await.unwrap();
    assert_eq!(Refused::by(world.get("a").await).reason, "JOB_NOT_FOUND");
    assert_eq!(world.engine.workloads().len(), 1);
    world.jobs().flush_jobs(FlushJobsRequest { tool: "alpha".into() }).await.unwrap();
    assert!(world.jobs().list_jobs(list()).await.unwrap().into_inner().jobs.is_empty());
    assert!(world.engine.workloads().is_empty());
    let all = ListRunsRequest { tool: "alpha".into(), ..ListRunsRequest::default() };
    let runs = world.runs().list_runs(all).await.unwrap().into_inner().runs;
    assert_eq!((runs.len(), runs[0].state()), (1, RunState::Cancelled), "what has been stays known");
}

#[tokio::test]
async fn a_finished_job_leaves_the_list_after_its_time() {
    let world = World::new().await;
    world.create(one_off("a", "true")).await.unwrap();
    world.run_in("a", RunState::Succeeded).await;
    assert!(world.get("a").await.is_ok());
    world
        .until(async || {
            world.advance(1);
            world.get("a").await.is_err().then_some(())
        })
        .await;
}
