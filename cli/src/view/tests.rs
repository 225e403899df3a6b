//! Cells that the golden tables in `tests/` do not have.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

const PUBLIC: Public<'_> = Public { tool: "alpha", template: "https://{tool_name}.example.org" };

#[test]
fn a_job_of_no_kind_is_an_error() {
    assert_eq!(
        short(&Job::default()),
        Err(Failure::client("Unexpected job type: the service has not stated it"))
    );
}

#[test]
fn what_the_service_leaves_out_is_not_applicable() {
    let mut job = Job::default();
    job.set_job_type(JobType::OneOff);
    let cells = long(&job, PUBLIC).unwrap();
    assert_eq!(cells.len(), LONG.len());
    let expected = [
        "N/A", "N/A", "one-off", "N/A", "N/A", "N/A", "no", "N/A", "N/A", "N/A", "default", "N/A", "N/A",
        "no", "N/A", "N/A", "Unknown",
    ];
    assert_eq!(cells, expected);
    assert_eq!(hints(&job), "N/A");
}

#[test]
fn the_address_follows_the_template() {
    let mut job = Job { publish: Some("/".into()), ..Job::default() };
    job.set_job_type(JobType::Continuous);
    assert_eq!(long(&job, PUBLIC).unwrap()[5], "https://alpha.example.org/");
}
