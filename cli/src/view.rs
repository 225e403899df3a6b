//! Jobs in the cells of the former client's tables (contract 7.5).

use api::jobs::v1::{HealthCheck, ImageState, Job, JobStatus, JobType, StatusShort};

use crate::failure::Failure;
use crate::text::{capitalize, duration, fill};
use crate::words::Word as _;

/// Headings of `list -o long`; `show` has one more, [`HINTS`].
pub(crate) const LONG: [&str; 17] = [
    "Job name:",
    "Command:",
    "Job type:",
    "Image:",
    "Port:",
    "Public:",
    "File log:",
    "Output log:",
    "Error log:",
    "Emails:",
    "Resources:",
    "Replicas:",
    "Mounts:",
    "Retry:",
    "Timeout:",
    "Health check:",
    "Status:",
];

/// Headings of `list`.
pub(crate) const SHORT: [&str; 3] = ["Job name:", "Job type:", "Status:"];

/// Heading of what `show` says more of the status.
pub(crate) const HINTS: &str = "Hints:";

const NOT_APPLICABLE: &str = "N/A";

/// Where published jobs are found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Public<'a> {
    /// The tool.
    pub(crate) tool: &'a str,
    /// A URL with `{tool_name}` in it.
    pub(crate) template: &'a str,
}

/// The cells under [`SHORT`].
pub(crate) fn short(job: &Job) -> Result<Vec<String>, Failure> {
    Ok(vec![name(job), kind(job)?, status(job)])
}

/// The cells under [`LONG`].
pub(crate) fn long(job: &Job, public: Public<'_>) -> Result<Vec<String>, Failure> {
    let has_service = matches!(job.job_type(), JobType::Continuous | JobType::Webservice);
    let health = if has_service { health_check(job.health_check.as_ref()) } else { NOT_APPLICABLE.into() };
    Ok(vec![
        name(job),
        text(job.cmd.as_deref()),
        kind(job)?,
        image(job),
        port(job),
        address(job, public),
        filelog(job).into(),
        text(job.filelog_stdout.as_deref()),
        text(job.filelog_stderr.as_deref()),
        text(job.emails.map(|_| job.emails().word())),
        resources(job),
        job.replicas.map_or_else(|| NOT_APPLICABLE.into(), |count| count.to_string()),
        text(job.mount.map(|_| job.mount().word())),
        retry(job),
        timeout(job),
        health,
        status(job),
    ])
}

/// What `show` says under [`HINTS`].
pub(crate) fn hints(job: &Job) -> String {
    let Some(status) = &job.status else { return NOT_APPLICABLE.into() };
    let mut text = fill(&status.messages.join(". "));
    if job.job_type() == JobType::Scheduled {
        let times = [("Previous", status.previous_schedule), ("Next", status.next_schedule)];
        for (what, time) in times {
            if let Some(time) = time {
                let space = if text.is_empty() { "" } else { ". " };
                text = format!("{text}{space}{what}: {time}");
            }
        }
        text = fill(&text);
    }
    if text.is_empty() { NOT_APPLICABLE.into() } else { text }
}

/// The word for a status and its duration, as a pair.
pub(crate) fn state(job: &Job) -> (&'static str, &str) {
    let unknown = (StatusShort::Unknown.word(), "");
    job.status.as_ref().map_or(unknown, |status| (short_word(status), &*status.duration))
}

/// Resources that are not the default ones.
pub(crate) fn resources(job: &Job) -> String {
    let default = |value: &Option<String>, default: &str| {
        value.as_deref().filter(|value| *value != default).unwrap_or("default").to_owned()
    };
    let (mem, cpu) = (default(&job.memory, "0.5Gi"), default(&job.cpu, "0.1"));
    if mem == "default" && cpu == "default" { mem } else { format!("mem: {mem}, cpu: {cpu}") }
}

/// The time from one moment to another, or to now.
pub(crate) fn elapsed(
    from: &prost_types::Timestamp,
    to: Option<&prost_types::Timestamp>,
    now: i64,
) -> String {
    let end = to.map_or(now, |to| to.seconds);
    duration(u64::try_from(end - from.seconds).unwrap_or_default())
}

/// The image, and its state where it should not be used.
pub(crate) fn image(job: &Job) -> String {
    let image = text(job.imagename.as_deref());
    match job.image_state() {
        ImageState::Stable | ImageState::Unspecified => image,
        state => format!("{image} ({})", state.word()),
    }
}

/// The port as users write it.
pub(crate) fn port(job: &Job) -> String {
    let port = job.port.filter(|port| *port != 0);
    match (job.job_type(), port) {
        (JobType::Continuous, Some(port)) if job.port_protocol.is_some() => {
            format!("{port}/{}", job.port_protocol().word())
        }
        (_, Some(port)) => port.to_string(),
        (JobType::Continuous | JobType::Webservice, None) => "none".into(),
        _ => NOT_APPLICABLE.into(),
    }
}

fn name(job: &Job) -> String {
    text(job.name.as_deref())
}

fn text(value: Option<&str>) -> String {
    value.unwrap_or(NOT_APPLICABLE).to_owned()
}

fn kind(job: &Job) -> Result<String, Failure> {
    match job.job_type() {
        JobType::Unspecified => Err(Failure::client("Unexpected job type: the service has not stated it")),
        JobType::Scheduled => Ok(format!("scheduled: {}", job.schedule())),
        kind => Ok(kind.word().to_owned()),
    }
}

fn status(job: &Job) -> String {
    let (word, duration) = state(job);
    let word = capitalize(word);
    if duration.is_empty() { word } else { format!("{word} for {duration}") }
}

fn short_word(status: &JobStatus) -> &'static str {
    match status.short() {
        StatusShort::Unspecified => StatusShort::Unknown.word(),
        short => short.word(),
    }
}

fn address(job: &Job, public: Public<'_>) -> String {
    let url = || public.template.replace("{tool_name}", public.tool);
    match job.job_type() {
        JobType::Webservice => format!("{}/", url()),
        JobType::Continuous if !job.publish().is_empty() => format!("{}{}", url(), job.publish()),
        _ => NOT_APPLICABLE.into(),
    }
}

fn filelog(job: &Job) -> &'static str {
    match job.job_type() {
        JobType::Webservice => NOT_APPLICABLE,
        _ if job.filelog() => "yes",
        _ => "no",
    }
}

fn retry(job: &Job) -> String {
    match (job.job_type(), job.retry) {
        (JobType::OneOff | JobType::Scheduled, None | Some(0)) => "no".into(),
        (JobType::OneOff | JobType::Scheduled, Some(times)) => format!("yes: {times} time(s)"),
        (_, Some(times)) => times.to_string(),
        (_, None) => NOT_APPLICABLE.into(),
    }
}

fn timeout(job: &Job) -> String {
    match (job.job_type(), job.timeout) {
        (JobType::Scheduled, None | Some(0)) => "no".into(),
        (JobType::Scheduled, Some(seconds)) => format!("yes: {seconds}s"),
        (_, Some(seconds)) => seconds.to_string(),
        (_, None) => NOT_APPLICABLE.into(),
    }
}

fn health_check(check: Option<&HealthCheck>) -> String {
    let Some(check) = check else { return "none".into() };
    let value = check.script.as_deref().or(check.path.as_deref()).unwrap_or("None");
    format!("{}: {value}", check.r#type().word())
}

#[cfg(test)]
mod tests;
