//! Pages of lists: sizes within bounds, and tokens that are of one list alone.

use jiff::Timestamp;
use jobs_core::{JobView, RunName};
use mesh::page::{self, Query};
use tonic::Status;

use super::status::invalid;

/// A page size within bounds; none asks for the default.
pub(super) fn size(size: Option<i32>, most: usize) -> Result<Option<usize>, Status> {
    match size {
        None | Some(0) => Ok(None),
        Some(size) => match usize::try_from(size) {
            Ok(size) if size <= most => Ok(Some(size)),
            _ => Err(invalid("page_size", &format!("must be between 1 and {most}"))),
        },
    }
}

/// The page of jobs that was asked for. Jobs are listed by name, so that the position is the name after which the
/// next page begins.
pub(super) fn jobs(
    query: Query,
    all: Vec<JobView>,
    size: Option<usize>,
    token: Option<&str>,
) -> Result<(Vec<JobView>, Option<String>), Status> {
    let after = position(query, token)?;
    let comes = |view: &JobView| after.as_deref().is_none_or(|after| view.job.name().as_str() > after);
    let mut rest: Vec<_> = all.into_iter().filter(comes).collect();
    let Some(size) = size.filter(|size| *size < rest.len()) else { return Ok((rest, None)) };
    rest.truncate(size);
    let last = rest.last().map(|view| encode(query, view.job.name().as_str()));
    Ok((rest, last.transpose()?))
}

/// The token of a page of runs: the run after which it begins.
pub(super) fn after_run(query: Query, (created, name): &(Timestamp, RunName)) -> Result<String, Status> {
    encode(query, &format!("{} {name}", created.as_nanosecond()))
}

/// The run after which a page begins.
pub(super) fn run_position(
    query: Query,
    token: Option<&str>,
) -> Result<Option<(Timestamp, RunName)>, Status> {
    let Some(text) = position(query, token)? else { return Ok(None) };
    let parse = |text: &str| {
        let (created, name) = text.split_once(' ')?;
        let created = Timestamp::from_nanosecond(created.parse().ok()?).ok()?;
        Some((created, RunName::parse(name).ok()?))
    };
    parse(&text).map(Some).ok_or_else(foreign)
}

fn position(query: Query, token: Option<&str>) -> Result<Option<String>, Status> {
    let bytes = page::decode(query, token.unwrap_or_default()).map_err(|_| foreign())?;
    bytes.map(String::from_utf8).transpose().map_err(|_| foreign())
}

fn encode(query: Query, position: &str) -> Result<String, Status> {
    page::encode(query, position.as_bytes()).map_err(|error| Status::internal(error.to_string()))
}

fn foreign() -> Status {
    invalid("page_token", "is not one of this list")
}
