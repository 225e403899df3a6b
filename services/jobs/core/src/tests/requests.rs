//! Request ids, etags, and questions that change nothing.

use super::harness::Harness;
use super::{continuous, name, one_off, tool};
use crate::cases::RunOverrides;
use crate::{DefinitionInput, Error, Options};

fn with_id(id: &str) -> Options {
    Options { request_id: Some(id.to_owned()), ..Options::default() }
}

#[tokio::test]
async fn a_repeated_request_has_one_effect() {
    let h = Harness::new().await;
    let (tool, job) = (tool(), continuous("a", "sleep infinity"));
    let first = h.jobs.create(&tool, &job, &with_id("1")).await.unwrap();
    let again = h.jobs.create(&tool, &job, &with_id("1")).await.unwrap();
    assert_eq!(first.job.uid, again.job.uid);
    let other = continuous("a", "true");
    let reused = h.jobs.create(&tool, &other, &with_id("1")).await.unwrap_err();
    assert_eq!(reused.to_string(), "The request id was used before for another request");
    let changed = DefinitionInput { replicas: Some(2), ..job.clone() };
    for _ in 0..2 {
        let done = h.jobs.upsert(&tool, &changed, &with_id("2")).await.unwrap();
        assert_eq!(done.text, "Job a was updated in storage and runtime");
    }
    h.create(&one_off("o", "sleep 50")).await.unwrap();
    let overrides = RunOverrides::default();
    let run = h.jobs.run_now(&tool, &name("o"), &overrides, &with_id("3")).await.unwrap();
    let same = h.jobs.run_now(&tool, &name("o"), &overrides, &with_id("3")).await.unwrap();
    assert_eq!((run.name, h.runs("o").await.len()), (same.name, 2));
    h.drive(h.jobs.delete(&tool, &name("a"), &with_id("4"))).await.unwrap();
    h.jobs.delete(&tool, &name("a"), &with_id("4")).await.unwrap();
    for id in ["", &"x".repeat(129)] {
        assert!(matches!(h.jobs.create(&tool, &other, &with_id(id)).await, Err(Error::Invalid(_))));
    }
}

#[tokio::test]
async fn an_answer_is_kept_for_a_day() {
    let h = Harness::new().await;
    let (tool, job) = (tool(), one_off("a", "true"));
    h.jobs.create(&tool, &job, &with_id("1")).await.unwrap();
    h.advance(40).await;
    let gone = h.jobs.create(&tool, &job, &with_id("1")).await.unwrap_err();
    assert!(matches!(gone, Error::JobNotFound(_)), "it was made, and has left since");
    h.clock.advance(std::time::Duration::from_hours(24));
    h.jobs.create(&tool, &job, &with_id("1")).await.unwrap();
}

#[tokio::test]
async fn a_taken_back_request_may_be_repeated() {
    let h = Harness::new().await;
    let (tool, job) = (tool(), one_off("a", "sleep 5"));
    h.engine.fail_next(engine::memory::Call::Apply, engine::Error::Unavailable("draining".into()));
    assert!(matches!(h.jobs.create(&tool, &job, &with_id("1")).await, Err(Error::Engine(_))));
    h.jobs.create(&tool, &job, &with_id("1")).await.unwrap();
}

#[tokio::test]
async fn an_etag_keeps_changes_of_others() {
    let h = Harness::new().await;
    let (tool, job) = (tool(), continuous("a", "sleep infinity"));
    let etag = h.create(&job).await.unwrap().job.etag();
    let with = |etag: &str| Options { etag: Some(etag.to_owned()), ..Options::default() };
    h.jobs.restart(&tool, &name("a"), &with(&etag)).await.unwrap();
    let changed = DefinitionInput { replicas: Some(2), ..job };
    assert!(matches!(h.jobs.upsert(&tool, &changed, &with(&etag)).await, Err(Error::EtagMismatch)));
    assert!(matches!(h.jobs.delete(&tool, &name("a"), &with(&etag)).await, Err(Error::EtagMismatch)));
    assert!(matches!(h.jobs.restart(&tool, &name("a"), &with(&etag)).await, Err(Error::EtagMismatch)));
    let etag = h.get("a").await.unwrap().job.etag();
    h.jobs.upsert(&tool, &changed, &with(&etag)).await.unwrap();
}

#[tokio::test]
async fn validation_changes_nothing() {
    let h = Harness::new().await;
    let tool = tool();
    let only = Options { validate_only: true, ..Options::default() };
    let view = h.jobs.create(&tool, &one_off("a", "true"), &only).await.unwrap();
    assert_eq!(view.job.name(), &name("a"));
    let done = h.jobs.upsert(&tool, &continuous("b", "x"), &only).await.unwrap();
    assert_eq!(done.text, "Job b created in storage and runtime");
    assert!(h.jobs.list(&tool).await.unwrap().is_empty() && h.workloads().is_empty());
    h.create(&continuous("c", "sleep infinity")).await.unwrap();
    h.jobs.delete(&tool, &name("c"), &only).await.unwrap();
    h.jobs.flush(&tool, &only).await.unwrap();
    h.jobs.restart(&tool, &name("c"), &only).await.unwrap();
    assert_eq!(h.get("c").await.unwrap().job.restarted_at, None);
}
