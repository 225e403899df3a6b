//! `toolforge.logs.v1` (contract 4.4).

use std::fmt::Write as _;

use api::logs::v1::logs_server::Logs as LogsApi;
use api::logs::v1::status_server::Status as StatusApi;
use api::logs::v1::{
    Direction, GetHealthRequest, GetHealthResponse, Health, LogEntry, LogPage, Messages, NextPage,
    QueryLogsRequest, QueryLogsResponse, Stream, StreamLogsRequest,
};
use engine::Cursor;
use futures_core::stream::BoxStream;
use futures_util::StreamExt as _;
use jobs_core::cases::{LogRequest, LogWindow};
use jobs_core::{moment_text, parse_moment};
use tonic::{Request, Response, Status};

use super::from_proto::{direction, job_name, run_name, stream, tool};
use super::status::{log_status, status};
use super::{Edge, Reply, pages, to_proto};

/// Most entries of one page.
const PAGE_MAX: usize = 5000;
/// Where a window begins when nothing is said.
const SINCE: &str = "1h";

#[tonic::async_trait]
impl LogsApi for Edge {
    async fn query_logs(&self, request: Request<QueryLogsRequest>) -> Reply<QueryLogsResponse> {
        let mut request = request.into_inner();
        let owner = tool(&request.tool)?;
        let name = job_name("name", &request.name)?;
        self.fix_window(&mut request);
        let asked = LogRequest {
            window: LogWindow {
                lines: request.lines.map(i64::from),
                since: request.since.clone(),
                until: request.until.clone(),
                run: request.run.as_deref().map(|run| run_name("run", run)).transpose()?,
                stream: stream(request.stream)?,
            },
            direction: direction(request.direction)?,
            page_size: pages::size(request.page_size, PAGE_MAX)?.unwrap_or_default(),
            cursor: request.cursor.clone().map(Cursor),
        };
        let page = self.jobs().logs(&owner, &name, asked).await.map_err(log_status)?;
        let next = page.next.map(|cursor| NextPage { url: next_url(&request, &cursor) });
        let logs = page.entries.into_iter().map(to_proto::log_entry).collect();
        let data = Some(LogPage { logs, next });
        Ok(Response::new(QueryLogsResponse { data, messages: Some(Messages::default()) }))
    }

    type StreamLogsStream = BoxStream<'static, Result<LogEntry, Status>>;

    async fn stream_logs(&self, request: Request<StreamLogsRequest>) -> Reply<Self::StreamLogsStream> {
        let request = request.into_inner();
        let window = LogWindow {
            lines: request.lines.map(i64::from),
            since: request.since,
            until: request.until,
            run: request.run.as_deref().map(|run| run_name("run", run)).transpose()?,
            stream: stream(request.stream)?,
        };
        let entries = self
            .jobs()
            .follow_logs(&tool(&request.tool)?, &job_name("name", &request.name)?, &window)
            .await
            .map_err(log_status)?;
        Ok(Response::new(entries.map(|entry| entry.map(to_proto::log_entry).map_err(status)).boxed()))
    }
}

#[tonic::async_trait]
impl StatusApi for Edge {
    async fn get_health(&self, _: Request<GetHealthRequest>) -> Reply<GetHealthResponse> {
        let data = Some(Health { status: "OK".to_owned() });
        Ok(Response::new(GetHealthResponse { data, messages: Some(Messages::default()) }))
    }
}

impl Edge {
    /// Ages become moments, so that every page of one query is of the same window.
    fn fix_window(&self, request: &mut QueryLogsRequest) {
        let now = self.deps.clock.now();
        request.since.get_or_insert_with(|| SINCE.to_owned());
        for text in [&mut request.since, &mut request.until].into_iter().flatten() {
            // What cannot be read stays: the rules refuse it by name.
            if let Some(moment) = parse_moment(text, now) {
                *text = moment_text(moment);
            }
        }
    }
}

/// The address of the next page: a query alone, with everything in it, because clients send nothing else.
fn next_url(request: &QueryLogsRequest, cursor: &Cursor) -> String {
    let mut url = String::from("?cursor=");
    escape(&mut url, &cursor.0);
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = write!(url, "&{name}=");
            escape(&mut url, &value);
        }
    };
    add("lines", request.lines.map(|lines| lines.to_string()));
    add("since", request.since.clone());
    add("until", request.until.clone());
    add("direction", request.direction.map(|_| direction_word(request.direction()).to_owned()));
    add("stream", request.stream.map(|_| stream_word(request.stream()).to_owned()));
    add("run", request.run.clone());
    add("page_size", request.page_size.map(|size| size.to_string()));
    url
}

const fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::NewestFirst => "newest_first",
        Direction::Unspecified | Direction::OldestFirst => "oldest_first",
    }
}

const fn stream_word(stream: Stream) -> &'static str {
    match stream {
        Stream::Stderr => "stderr",
        Stream::Unspecified | Stream::Stdout => "stdout",
    }
}

/// Appends a query value, percent-encoded but for unreserved characters (RFC 3986, 2.3).
fn escape(url: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_a_query_with_everything_in_it() {
        let request = QueryLogsRequest {
            lines: Some(5),
            since: Some("2026-11-23T00:00:00+01:00".into()),
            direction: Some(Direction::NewestFirst.into()),
            ..QueryLogsRequest::default()
        };
        assert_eq!(
            next_url(&request, &Cursor("a=b&c".into())),
            "?cursor=a%3Db%26c&lines=5&since=2026-11-23T00%3A00%3A00%2B01%3A00&direction=newest_first"
        );
    }
}
