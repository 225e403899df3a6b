//! Messages to and from what the use cases speak.

use api::config::v1::{ChangeType, ListToolsRequest, Tool, WatchToolsResponse};
use config_core::{Change, Located, Tools};
use mesh::page::{self, Query};
use mesh::status::Problem;
use prost_types::Timestamp;
use tonic::{Code, Status};

use super::status::DOMAIN;

/// Most tools of one page.
const PAGE: usize = 1000;

pub(super) fn tool(located: &Located) -> Tool {
    let Located { tool, home } = located;
    Tool {
        name: tool.name.to_string(),
        uid: tool.uid.clone(),
        unix_id: tool.unix_id,
        home: home.display().to_string(),
        create_time: Some(timestamp(tool.created)),
        certificate_expire_time: tool.certificate.as_ref().map(|certificate| timestamp(certificate.expires)),
        removing: tool.removing.is_some(),
    }
}

pub(super) fn change(change: Change, tools: &Tools) -> WatchToolsResponse {
    match change {
        Change::Put(changed) => {
            let tool = Some(tool(&tools.locate(changed)));
            WatchToolsResponse { r#type: ChangeType::Put.into(), tool }
        }
        Change::Deleted(name) => {
            let tool = Some(Tool { name: name.to_string(), ..Tool::default() });
            WatchToolsResponse { r#type: ChangeType::Deleted.into(), tool }
        }
        Change::Synced => WatchToolsResponse { r#type: ChangeType::Synced.into(), tool: None },
    }
}

/// A request id is a UUID; nothing else is kept.
pub(super) fn request_id(text: Option<String>) -> Result<Option<String>, Status> {
    match text {
        Some(text) if uuid::Uuid::try_parse(&text).is_err() => Err(invalid("request_id", "must be a UUID")),
        other => Ok(other),
    }
}

/// Which part of the list was asked for. The position is the name after which the page begins: names are unique and
/// sorted, so that a page neither repeats nor leaves out what did not change meanwhile.
pub(super) struct Page {
    size: Option<usize>,
    after: Option<String>,
}

pub(super) fn page(request: &ListToolsRequest) -> Result<Page, Status> {
    let size = match request.page_size {
        None | Some(0) => None,
        Some(size) => match usize::try_from(size) {
            Ok(size @ 1..=PAGE) => Some(size),
            _ => return Err(invalid("page_size", "must be between 1 and 1000")),
        },
    };
    let foreign = || invalid("page_token", "is not one of this list");
    let token = request.page_token.as_deref().unwrap_or_default();
    let after = page::decode(list(), token).map_err(|_| foreign())?;
    Ok(Page { size, after: after.map(String::from_utf8).transpose().map_err(|_| foreign())? })
}

/// The one list there is; tokens of others are refused.
fn list() -> Query {
    Query::of(["tools"])
}

impl Page {
    pub(super) fn cut(self, all: Vec<Located>) -> Result<(Vec<Located>, Option<String>), Status> {
        let after =
            |located: &Located| self.after.as_deref().is_none_or(|after| located.tool.name.as_str() > after);
        let mut rest: Vec<_> = all.into_iter().filter(after).collect();
        let Some(size) = self.size.filter(|size| *size < rest.len()) else { return Ok((rest, None)) };
        rest.truncate(size);
        let token = |last: &Located| page::encode(list(), last.tool.name.as_str().as_bytes());
        let next = rest.last().map(token).transpose();
        Ok((rest, next.map_err(|error| Status::internal(error.to_string()))?))
    }
}

fn invalid(field: &str, description: &str) -> Status {
    let message = format!("{field} {description}");
    Problem::new(Code::InvalidArgument, DOMAIN, "INVALID_ARGUMENT", message)
        .violation(field, description)
        .into_status()
}

fn timestamp(time: jiff::Timestamp) -> Timestamp {
    let nanos = time.subsec_nanosecond();
    // Proto timestamps count nanoseconds forward from the second, also before 1970.
    let borrow = i64::from(nanos < 0);
    Timestamp { seconds: time.as_second() - borrow, nanos: nanos + if nanos < 0 { 1_000_000_000 } else { 0 } }
}
