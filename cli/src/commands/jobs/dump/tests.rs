//! What the golden dump in `tests/` does not have.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

#[test]
fn our_own_fields_of_schedules_are_kept() {
    let mut job = Job { imagename: Some("i".into()), suspended: Some(true), ..Job::default() };
    job.set_job_type(JobType::Scheduled);
    job.set_concurrency(api::jobs::v1::Concurrency::Queue);
    job.time_zone = Some("Europe/Paris".into());
    let expected = "concurrency: queue\nimage: i\nsuspended: true\ntime-zone: Europe/Paris\n";
    assert_eq!(yaml(&entry(&job).unwrap()), expected);
}

#[test]
fn a_webservice_job_never_has_what_load_refuses() {
    let mut job = Job {
        imagename: Some("i".into()),
        continuous: Some(true),
        publish: Some("/".into()),
        ..Job::default()
    };
    job.set_job_type(JobType::Webservice);
    assert_eq!(yaml(&entry(&job).unwrap()), "image: i\nwebservice: true\n");
}

#[test]
fn a_job_without_an_image_is_an_error() {
    let mut job = Job::default();
    job.set_job_type(JobType::OneOff);
    assert!(matches!(entry(&job), Err(Failure::Internal { .. })));
}
