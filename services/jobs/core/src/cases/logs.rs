//! Output of jobs: what may be asked for, and the answers that are not output (contract 3.12, 4.4).

use std::time::Duration;

use engine::{Cursor, Direction, LogEntry, LogPage, LogQuery, Stream};
use futures_core::stream::BoxStream;
use futures_util::StreamExt as _;

use super::Jobs;
use crate::quoted::Quoted;
use crate::{Error, JobName, RunName, ToolName, Violations, parse_moment};

/// The most lines one request may ask for.
const LINES_MAX: i64 = 5000;
/// How far back is looked when nothing is said.
const SINCE: Duration = Duration::from_hours(1);
/// Entries in a page when nothing is said, and at most.
const PAGE: usize = 500;
const PAGE_MAX: usize = 5000;

/// Which output is asked for, as users write it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogWindow {
    /// At most so many of the most recent lines.
    pub lines: Option<i64>,
    /// From when: ISO 8601, or how long ago; an hour ago when absent.
    pub since: Option<String>,
    /// Until when; now when absent.
    pub until: Option<String>,
    /// Only of this run.
    pub run: Option<RunName>,
    /// Only this output.
    pub stream: Option<Stream>,
}

/// A page of output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogRequest {
    /// Which output.
    pub window: LogWindow,
    /// In which order.
    pub direction: Direction,
    /// At most so many entries; 500 when 0.
    pub page_size: usize,
    /// Where the former page ended.
    pub cursor: Option<Cursor>,
}

impl Jobs {
    /// One page of a job's output. To have the next one ask the same again with its cursor.
    pub async fn logs(&self, tool: &ToolName, name: &JobName, request: LogRequest) -> Result<LogPage, Error> {
        let mut query = self.log_query(tool, name, &request.window).await?;
        let is_first = request.cursor.is_none();
        query.direction = request.direction;
        query.page_size = if request.page_size == 0 { PAGE } else { request.page_size.min(PAGE_MAX) };
        query.cursor = request.cursor;
        let page = self.inner.engine.logs(query).await.map_err(Error::of_engine)?;
        if is_first && page.entries.is_empty() {
            return Err(Error::NoLogs(name.clone()));
        }
        Ok(page)
    }

    /// A job's output so far and from now on; ends when nothing of the job runs any more.
    pub async fn follow_logs(
        &self,
        tool: &ToolName,
        name: &JobName,
        window: &LogWindow,
    ) -> Result<BoxStream<'static, Result<LogEntry, Error>>, Error> {
        let query = self.log_query(tool, name, window).await?;
        let known = self.inner.repository.load(tool).await?.job(name).is_some();
        let stream = self.inner.engine.follow(query).await.map_err(Error::of_engine)?;
        let mut entries = stream.map(|entry| entry.map_err(Error::of_engine)).boxed();
        if known {
            return Ok(entries);
        }
        // a job that is gone can write nothing more: it has output, or it never had
        match entries.next().await {
            Some(first) => Ok(futures_util::stream::once(async { first }).chain(entries).boxed()),
            None => Err(Error::NoLogs(name.clone())),
        }
    }

    async fn log_query(
        &self,
        tool: &ToolName,
        name: &JobName,
        window: &LogWindow,
    ) -> Result<LogQuery, Error> {
        let now = self.inner.clock.now();
        let mut wrong = Violations::default();
        let lines = window.lines.and_then(|lines| wrong.keep(check_lines(lines)));
        let mut moment = |field: &'static str, text: &Option<String>| {
            let text = text.as_deref()?;
            let parsed = parse_moment(text, now);
            if parsed.is_none() {
                let text = Quoted(text);
                let text = format!(
                    "Unable to parse {field} {text}, expected an ISO 8601 time or a duration such as 1d2h3m4s"
                );
                wrong.add_rule(field, text);
            }
            parsed
        };
        let (since, until) = (moment("since", &window.since), moment("until", &window.until));
        wrong.into_result(())?;
        if self.writes_files(tool, name).await? {
            return Err(Error::FileLog(name.clone()));
        }
        let workload = match &window.run {
            Some(run) => Some(self.get_run(tool, run).await?.workload_id()),
            None => None,
        };
        Ok(LogQuery {
            tool: tool.as_str().to_owned(),
            name: name.as_str().to_owned(),
            workload,
            stream: window.stream,
            since: Some(since.unwrap_or_else(|| now.checked_sub(SINCE).unwrap_or(now))),
            until,
            lines,
            direction: Direction::OldestFirst,
            page_size: PAGE,
            cursor: None,
        })
    }

    async fn writes_files(&self, tool: &ToolName, name: &JobName) -> Result<bool, Error> {
        let state = self.inner.repository.load(tool).await?;
        let Some(job) = state.job(name) else { return Ok(false) };
        Ok(self.resolve(job, &self.catalogue().await?).filelog)
    }
}

impl LogWindow {
    /// Reads the number of lines as the oldest endpoint takes it (contract 3.12), where nothing said is 500.
    pub fn parse_lines(text: Option<&str>) -> Result<i64, Violations> {
        const DEFAULT: i64 = 500;
        text.map_or(Ok(DEFAULT), |text| {
            text.parse().map_err(|_| Violations::rule("lines", "Unable to parse lines as integer"))
        })
    }
}

fn check_lines(lines: i64) -> Result<u64, Violations> {
    if lines > LINES_MAX {
        let text = format!("Requested number of {lines} lines is over limit of {LINES_MAX}");
        return Err(Violations::rule("lines", text));
    }
    match u64::try_from(lines) {
        Ok(lines) if lines > 0 => Ok(lines),
        _ => Err(Violations::rule("lines", format!("Requested number of {lines} lines is not positive"))),
    }
}
