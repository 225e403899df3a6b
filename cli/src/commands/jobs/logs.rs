//! `toolforge jobs logs`.

use api::jobs::v1::Messages;
use api::logs::v1::{Direction, LogEntry, QueryLogsRequest, QueryLogsResponse, StreamLogsRequest};

use crate::args::jobs::Logs;
use crate::failure::Failure;
use crate::session::Session;

/// Shows what a job has written, the oldest first, and goes on where asked.
pub(super) async fn run(session: &Session<'_>, arguments: Logs) -> Result<(), Failure> {
    let Logs { name, follow, last, since, until } = arguments;
    let lines = last.filter(|lines| *lines != 0);
    if !follow {
        let request = QueryLogsRequest {
            tool: session.tool(),
            name,
            lines,
            since,
            until,
            ..QueryLogsRequest::default()
        };
        return pages(session, request).await;
    }
    let request =
        StreamLogsRequest { tool: session.tool(), name, lines, since, until, ..StreamLogsRequest::default() };
    tokio::select! {
        ended = stream(session, request) => ended,
        // to stop following is no error
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

async fn stream(session: &Session<'_>, request: StreamLogsRequest) -> Result<(), Failure> {
    let mut entries = session.logs().await?.stream_logs(request).await?.into_inner();
    while let Some(entry) = entries.message().await? {
        session.printer.line(line(&entry))?;
    }
    Ok(())
}

/// Page after page; each is printed as it comes.
async fn pages(session: &Session<'_>, mut request: QueryLogsRequest) -> Result<(), Failure> {
    request.set_direction(Direction::OldestFirst);
    let mut logs = session.logs().await?;
    loop {
        let QueryLogsResponse { data, messages } = logs.query_logs(request.clone()).await?.into_inner();
        if let Some(api::logs::v1::Messages { info, warning, error }) = messages {
            session.messages(Some(&Messages { info, warning, error }))?;
        }
        let page = data.ok_or_else(|| Failure::service("unexpected response format"))?;
        let text: Vec<String> = page.logs.iter().map(line).collect();
        if !text.is_empty() {
            session.printer.line(text.join("\n"))?;
        }
        let Some(next) = page.next else { return Ok(()) };
        if page.logs.is_empty() {
            return Err(Failure::service("bad server: got a pagination cursor but no logs"));
        }
        let cursor = cursor(&next.url).ok_or_else(|| Failure::service("unexpected cursor format"))?;
        if request.cursor.as_deref() == Some(&cursor) {
            return Err(Failure::service("bad server: identical pagination cursor"));
        }
        let QueryLogsRequest { tool, name, .. } = request;
        request = QueryLogsRequest { tool, name, cursor: Some(cursor), ..QueryLogsRequest::default() };
    }
}

fn line(entry: &LogEntry) -> String {
    let LogEntry { pod, container, datetime, message, .. } = entry;
    format!("{} [{pod}] [{container}] {message}", datetime.unwrap_or_default())
}

/// The cursor in the address of the next page, which is a query alone.
fn cursor(url: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let value = query.split('&').find_map(|pair| pair.strip_prefix("cursor="))?;
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    //! Addresses of pages, and lines.

    use super::*;

    #[test]
    fn the_cursor_is_found_and_decoded() {
        assert_eq!(cursor("?cursor=abc").as_deref(), Some("abc"));
        assert_eq!(cursor("logs?lines=5&cursor=a%2Bb%3D").as_deref(), Some("a+b="));
        assert_eq!(
            (cursor("?page=2"), cursor("abc"), cursor("?cursor=%2"), cursor("?cursor=%zz")),
            (None, None, None, None)
        );
    }

    #[test]
    fn a_line_has_time_and_place() {
        let datetime = Some(prost_types::Timestamp { seconds: 1_772_486_995, nanos: 120_000_000 });
        let entry = LogEntry {
            pod: "p".into(),
            container: "job".into(),
            datetime,
            message: "hi [x]".into(),
            stream: 0,
        };
        assert_eq!(line(&entry), "2026-03-02T21:29:55.120Z [p] [job] hi [x]");
    }
}
