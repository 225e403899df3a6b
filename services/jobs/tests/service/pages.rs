//! Pages of lists: nothing twice, nothing left out, and tokens of their list alone.

use api::jobs::v1::{ListJobsRequest, ListRunsRequest, RunJobRequest};
use tonic::Code;

use crate::world::{Refused, World, scheduled};

async fn with_jobs(names: &[&str]) -> World {
    let world = World::new().await;
    for name in names {
        world.create(scheduled(name, "true")).await.unwrap();
    }
    world
}

#[tokio::test]
async fn pages_of_jobs_follow_one_another_while_jobs_come_and_go() {
    let world = with_jobs(&["a", "b", "c", "d"]).await;
    let mut request = ListJobsRequest { tool: "alpha".into(), page_size: Some(3), ..Default::default() };
    let first = world.jobs().list_jobs(request.clone()).await.unwrap().into_inner();
    assert_eq!(first.jobs.len(), 3);
    world.create(scheduled("bb", "true")).await.unwrap();
    request.page_token = first.next_page_token;
    assert!(request.page_token.is_some());
    let second = world.jobs().list_jobs(request).await.unwrap().into_inner();
    let names: Vec<_> = second.jobs.iter().map(|job| job.name.as_deref().unwrap()).collect();
    assert_eq!((names, second.next_page_token), (vec!["d"], None));
}

#[tokio::test]
async fn pages_of_runs_are_complete() {
    let world = with_jobs(&["a"]).await;
    for _ in 0..5 {
        let run = RunJobRequest { tool: "alpha".into(), name: "a".into(), ..Default::default() };
        world.jobs().run_job(run).await.unwrap();
        world.advance(1);
    }
    let mut request = ListRunsRequest { tool: "alpha".into(), page_size: Some(2), ..Default::default() };
    let mut names = Vec::new();
    loop {
        let page = world.runs().list_runs(request.clone()).await.unwrap().into_inner();
        names.extend(page.runs.into_iter().map(|run| run.name));
        request.page_token = page.next_page_token;
        if request.page_token.is_none() {
            break;
        }
    }
    assert_eq!(names.len(), 5);
    let mut once = names.clone();
    once.dedup();
    assert_eq!(once, names);
}

#[tokio::test]
async fn a_token_is_of_its_own_list() {
    let world = with_jobs(&["a", "b"]).await;
    for _ in 0..2 {
        let run = RunJobRequest { tool: "alpha".into(), name: "a".into(), ..Default::default() };
        world.jobs().run_job(run).await.unwrap();
        world.advance(1);
    }
    let of_a = ListRunsRequest {
        tool: "alpha".into(),
        job: Some("a".into()),
        page_size: Some(1),
        ..Default::default()
    };
    let token = world.runs().list_runs(of_a.clone()).await.unwrap().into_inner().next_page_token;
    assert!(token.is_some());
    for request in [
        ListRunsRequest { job: None, page_token: token.clone(), ..of_a.clone() },
        ListRunsRequest { page_token: Some("forged".into()), ..of_a.clone() },
    ] {
        let found = Refused::by(world.runs().list_runs(request).await);
        assert_eq!(found.parts(), (Code::InvalidArgument, "INVALID_ARGUMENT", None, vec!["page_token"]));
    }
    let jobs = ListJobsRequest { tool: "alpha".into(), page_token: token, ..Default::default() };
    let found = Refused::by(world.jobs().list_jobs(jobs).await);
    assert_eq!(found.parts(), (Code::InvalidArgument, "INVALID_ARGUMENT", None, vec!["page_token"]));
}

#[tokio::test]
async fn sizes_have_bounds() {
    let world = with_jobs(&["a"]).await;
    for size in [-1, 1001] {
        let jobs = ListJobsRequest { tool: "alpha".into(), page_size: Some(size), ..Default::default() };
        let found = Refused::by(world.jobs().list_jobs(jobs).await);
        assert_eq!(found.parts(), (Code::InvalidArgument, "INVALID_ARGUMENT", None, vec!["page_size"]));
        let runs = ListRunsRequest { tool: "alpha".into(), page_size: Some(size), ..Default::default() };
        let found = Refused::by(world.runs().list_runs(runs).await);
        assert_eq!(found.parts(), (Code::InvalidArgument, "INVALID_ARGUMENT", None, vec!["page_size"]));
    }
}
