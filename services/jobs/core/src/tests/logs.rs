//! Output of jobs.

use engine::{Direction, LogEntry};
use futures_util::StreamExt as _;

use super::harness::Harness;
use super::{name, one_off, tool};
use crate::cases::{LogRequest, LogWindow};
use crate::{DefinitionInput, Error};

fn quiet(job: &str, cmd: &str) -> DefinitionInput {
    DefinitionInput { filelog: Some(false), ..one_off(job, cmd) }
}

fn messages(entries: &[LogEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.message.as_str()).collect()
}

async fn refusal(h: &Harness, job: &str, window: LogWindow) -> String {
    let request = LogRequest { window, ..LogRequest::default() };
    h.jobs.logs(&tool(), &name(job), request).await.unwrap_err().to_string()
}

#[tokio::test]
async fn output_is_paged_and_outlives_the_job() {
    let h = Harness::new().await;
    h.create(&quiet("a", "echo 1; echo 2; echo 3")).await.unwrap();
    h.advance(40).await;
    let page = async |request: LogRequest| h.jobs.logs(&tool(), &name("a"), request).await.unwrap();
    let all = page(LogRequest::default()).await;
    assert_eq!(messages(&all.entries), ["1", "2", "3"]);
    let newest = LogRequest { direction: Direction::NewestFirst, page_size: 2, ..LogRequest::default() };
    let first = page(newest.clone()).await;
    assert_eq!(messages(&first.entries), ["3", "2"]);
    let second = page(LogRequest { cursor: first.next, ..newest }).await;
    assert_eq!((messages(&second.entries), second.next), (vec!["1"], None));
    let window = LogWindow { lines: Some(1), ..LogWindow::default() };
    let last = page(LogRequest { window, ..LogRequest::default() }).await;
    assert_eq!(messages(&last.entries), ["3"]);
    let run = Some(h.runs("a").await.remove(0).name);
    let window = LogWindow { run, ..LogWindow::default() };
    assert_eq!(page(LogRequest { window, ..LogRequest::default() }).await.entries.len(), 3);
}

#[tokio::test]
async fn what_is_not_output_has_its_text() {
    let h = Harness::new().await;
    h.create(&one_off("files", "sleep 500")).await.unwrap();
    h.create(&quiet("silent", "sleep 500")).await.unwrap();
    let none = LogWindow::default;
    assert_eq!(
        refusal(&h, "files", none()).await,
        "Job 'files' has file logging enabled, which is incompatible with the logs command"
    );
    for job in ["silent", "never"] {
        assert_eq!(refusal(&h, job, none()).await, format!("Job '{job}' does not have any logs available"));
    }
    let lines = |lines| LogWindow { lines: Some(lines), ..LogWindow::default() };
    assert_eq!(
        refusal(&h, "silent", lines(5001)).await,
        "Requested number of 5001 lines is over limit of 5000"
    );
    assert_eq!(refusal(&h, "silent", lines(0)).await, "Requested number of 0 lines is not positive");
    let since = LogWindow { since: Some("soon".into()), ..LogWindow::default() };
    assert_eq!(
        refusal(&h, "silent", since).await,
        "Unable to parse since \"soon\", expected an ISO 8601 time or a duration such as 1d2h3m4s"
    );
    assert_eq!(
        LogWindow::parse_lines(Some("x")).unwrap_err().to_string(),
        "Unable to parse lines as integer"
    );
    assert_eq!((LogWindow::parse_lines(None).unwrap(), LogWindow::parse_lines(Some("7")).unwrap()), (500, 7));
}

#[tokio::test]
async fn output_of_the_last_hour_is_told_unless_more_is_asked_for() {
    let h = Harness::new().await;
    h.create(&quiet("a", "echo old; sleep 3700; echo new; sleep 500")).await.unwrap();
    h.clock.advance(std::time::Duration::from_mins(62));
    h.settle().await;
    let page = h.jobs.logs(&tool(), &name("a"), LogRequest::default()).await.unwrap();
    assert_eq!(messages(&page.entries), ["new"]);
    let window = LogWindow { since: Some("2h".into()), until: Some("1h".into()), ..LogWindow::default() };
    let request = LogRequest { window, ..LogRequest::default() };
    let page = h.jobs.logs(&tool(), &name("a"), request).await.unwrap();
    assert_eq!(messages(&page.entries), ["old"]);
}

#[tokio::test]
async fn output_is_followed_to_the_end() {
    let h = Harness::new().await;
    h.create(&quiet("a", "echo 1; sleep 2; echo 2")).await.unwrap();
    let stream = h.jobs.follow_logs(&tool(), &name("a"), &LogWindow::default()).await.unwrap();
    let entries: Vec<LogEntry> = h.drive(stream.map(Result::unwrap).collect()).await;
    assert_eq!(messages(&entries), ["1", "2"]);
    let missing = h.jobs.follow_logs(&tool(), &name("b"), &LogWindow::default()).await.err().unwrap();
    assert!(matches!(missing, Error::NoLogs(_)));
}
