//! Watching jobs: what is there, that this was all, and every change.

use api::jobs::v1::{
    ChangeType, DeleteJobRequest, FlushJobsRequest, ListJobsRequest, StatusShort, WatchJobsRequest,
    WatchJobsResponse,
};
use jobs_core::{Cpu, Limits, Memory, Site};
use tonic::Streaming;

use crate::world::{World, continuous, next, one_off, scheduled};

async fn watch(world: &World, name: Option<&str>) -> Streaming<WatchJobsResponse> {
    let request = WatchJobsRequest { tool: "alpha".into(), name: name.map(str::to_owned) };
    world.jobs().watch_jobs(request).await.unwrap().into_inner()
}

/// What happened next, to which job.
async fn told(watch: &mut Streaming<WatchJobsResponse>) -> (ChangeType, Option<String>) {
    let change = next(watch).await.unwrap();
    (change.r#type(), change.job.and_then(|job| job.name))
}

#[tokio::test]
async fn what_is_there_comes_first_and_deletions_name_the_job() {
    let world = World::new().await;
    world.create(scheduled("a", "true")).await.unwrap();
    world.create(scheduled("b", "true")).await.unwrap();
    let mut changes = watch(&world, None).await;
    assert_eq!(told(&mut changes).await, (ChangeType::Put, Some("a".into())));
    assert_eq!(told(&mut changes).await, (ChangeType::Put, Some("b".into())));
    assert_eq!(told(&mut changes).await, (ChangeType::Synced, None));
    world.create(scheduled("c", "true")).await.unwrap();
    assert_eq!(told(&mut changes).await, (ChangeType::Put, Some("c".into())));
    let request = DeleteJobRequest { tool: "alpha".into(), name: "a".into(), ..Default::default() };
    world.jobs().delete_job(request).await.unwrap();
    assert_eq!(told(&mut changes).await, (ChangeType::Deleted, Some("a".into())));
}

#[tokio::test]
async fn a_watch_of_one_job_is_of_that_job() {
    let world = World::new().await;
    world.create(scheduled("a", "true")).await.unwrap();
    let mut changes = watch(&world, Some("b")).await;
    assert_eq!(told(&mut changes).await, (ChangeType::Synced, None));
    world.create(scheduled("c", "true")).await.unwrap();
    world.create(continuous("b")).await.unwrap();
    assert_eq!(told(&mut changes).await, (ChangeType::Put, Some("b".into())));
}

#[tokio::test]
async fn a_status_that_changes_is_told() {
    let world = World::new().await;
    world.create(one_off("a", "sleep 5; exit 1")).await.unwrap();
    let mut changes = watch(&world, None).await;
    let mut seen = Vec::new();
    let mut advanced = false;
    while seen.last() != Some(&StatusShort::Failed) {
        let change = next(&mut changes).await.unwrap();
        let Some(job) = change.job else { continue };
        seen.push(job.status.unwrap().short());
        if seen.last() == Some(&StatusShort::Running) && !advanced {
            advanced = true;
            world.advance(5);
        }
    }
    assert!(seen.contains(&StatusShort::Running), "{seen:?}");
}

#[tokio::test]
async fn more_jobs_than_fit_one_commit_are_flushed() {
    let limits = Limits {
        jobs: 100,
        pods: 100,
        cpu: Cpu::millis(1_000_000),
        memory: Memory::gib(100),
        ..Limits::default()
    };
    let world = World::with(Site { limits, ..Site::default() }).await;
    // A job with its run is three writes; a commit takes 256.
    for number in 0..90 {
        world.create(one_off(&format!("job-{number}"), "sleep 500")).await.unwrap();
    }
    world.jobs().flush_jobs(FlushJobsRequest { tool: "alpha".into() }).await.unwrap();
    let left =
        world.jobs().list_jobs(ListJobsRequest { tool: "alpha".into(), ..Default::default() }).await.unwrap();
    assert!(left.into_inner().jobs.is_empty());
}
