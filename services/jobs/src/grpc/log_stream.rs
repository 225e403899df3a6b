//! The log stream of former clients: one JSON object a line as plain text (contract 3.12).

use api::google::api::HttpBody;
use api::jobs::v1::StreamJobLogsRequest;
use engine::{Cursor, Direction, LogEntry};
use futures_core::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jobs_core::cases::{LogRequest, LogWindow};
use jobs_core::{JobName, Jobs, ToolName};
use tonic::Status;

use super::from_proto::{job_name, tool};
use super::status::{status, violations};
use super::to_proto::CONTAINER;

/// Opens the stream; what is wrong with the request or the job is said before its first line.
pub(super) async fn open(
    jobs: &Jobs,
    request: StreamJobLogsRequest,
) -> Result<BoxStream<'static, Result<HttpBody, Status>>, Status> {
    let StreamJobLogsRequest { tool: owner, name, lines, follow, since, until } = request;
    let (owner, name) = (tool(&owner)?, job_name("name", &name)?);
    let lines = LogWindow::parse_lines(lines.as_deref()).map_err(|found| violations(&found).into_status())?;
    let window = LogWindow { lines: Some(lines), since, until, ..LogWindow::default() };
    // Exactly this word (contract 2.5).
    if follow.as_deref() == Some("true") {
        let entries = jobs.follow_logs(&owner, &name, &window).await.map_err(status)?;
        return Ok(entries.map(|entry| entry.map(|entry| line(&entry)).map_err(status)).boxed());
    }
    let asked = LogRequest { window, direction: Direction::OldestFirst, page_size: 0, cursor: None };
    let first = jobs.logs(&owner, &name, asked.clone()).await.map_err(status)?;
    let rest = pages(jobs.clone(), owner, name, asked, first.next);
    let entries = stream::iter(first.entries.into_iter().map(Ok)).chain(rest);
    Ok(entries.map_ok(|entry| line(&entry)).boxed())
}

/// The entries of every page after the first.
fn pages(
    jobs: Jobs,
    owner: ToolName,
    name: JobName,
    asked: LogRequest,
    next: Option<Cursor>,
) -> BoxStream<'static, Result<LogEntry, Status>> {
    stream::try_unfold(next, move |next| {
        let (jobs, owner, name, asked) = (jobs.clone(), owner.clone(), name.clone(), asked.clone());
        async move {
            let Some(cursor) = next else { return Ok(None) };
            let asked = LogRequest { cursor: Some(cursor), ..asked };
            let page = jobs.logs(&owner, &name, asked).await.map_err(status)?;
            Ok::<_, Status>(Some((stream::iter(page.entries.into_iter().map(Ok)), page.next)))
        }
    })
    .try_flatten()
    .boxed()
}

fn line(entry: &LogEntry) -> HttpBody {
    let datetime = entry.time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let json = serde_json::json!({
        "pod": entry.instance.0,
        "container": CONTAINER,
        "datetime": datetime,
        "message": entry.message,
    });
    let content_type = "text/plain; charset=utf8".to_owned();
    HttpBody { content_type, data: format!("{json}\n").into_bytes(), extensions: Vec::new() }
}
