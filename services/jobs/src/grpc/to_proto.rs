//! What the use cases speak to messages.

use api::jobs::v1::{
    CatchUp, Concurrency, Emails, HealthCheck, HealthCheckType, ImageState, Job, JobStatus, JobType, Mount,
    PortProtocol, Quota, QuotaCategory, QuotaItem, Run, RunState, RunTrigger, StatusShort,
};
use api::logs::v1::{LogEntry, Stream};
use jobs_core::{
    DefinitionInput, HealthCheckInput, JobView, QuotaDocument, ScheduleTimes, Short, SkipReason, Status,
    Trigger,
};
use prost_types::Timestamp;

/// The name of the one container of an instance, for readers who know pods.
pub(super) const CONTAINER: &str = "job";

/// A job. Without `include_unset` only what the user set and what names it (contract 3.3).
pub(super) fn job(view: &JobView, include_unset: bool) -> Job {
    let fields = view.fields(include_unset);
    let image = Some(view.resolved.image.name.clone());
    let mut job = Job { image: image.clone(), ..definition(fields) };
    job.imagename = image;
    if !include_unset {
        return job;
    }
    let warning = view.warning();
    job.image_state = Some(image_state(view.image_state()).into());
    job.schedule_actual.clone_from(&view.schedule_actual);
    job.status_short = Some(view.legacy.short.clone());
    job.status_long = Some(warning.unwrap_or_else(|| view.legacy.long.clone()));
    job.status = Some(status(&view.status, view.duration()));
    job.uid = Some(view.job.uid.to_string());
    job.etag = Some(view.job.etag());
    job.create_time = Some(timestamp(view.job.created));
    job.update_time = Some(timestamp(view.job.updated));
    job
}

fn definition(fields: DefinitionInput) -> Job {
    let number = |value: Option<i64>| value.and_then(|value| i32::try_from(value).ok());
    Job {
        name: fields.name,
        cmd: fields.cmd,
        job_type: fields.job_type.as_deref().map(job_type),
        filelog: fields.filelog,
        filelog_stdout: fields.filelog_stdout,
        filelog_stderr: fields.filelog_stderr,
        emails: fields.emails.as_deref().map(emails),
        mount: fields.mount.as_deref().map(mount),
        memory: fields.memory,
        cpu: fields.cpu,
        retry: number(fields.retry),
        schedule: fields.schedule,
        timeout: number(fields.timeout),
        continuous: fields.continuous.filter(|continuous| *continuous),
        replicas: number(fields.replicas),
        port: number(fields.port),
        port_protocol: fields.port_protocol.as_deref().map(port_protocol),
        health_check: fields.health_check.map(health_check),
        publish: fields.publish,
        concurrency: fields.concurrency.as_deref().map(concurrency),
        catch_up: fields.catch_up.as_deref().map(catch_up),
        time_zone: fields.time_zone,
        suspended: fields.suspended,
        ..Job::default()
    }
}

fn health_check(check: HealthCheckInput) -> HealthCheck {
    let HealthCheckInput { kind, script, path } = check;
    HealthCheck { r#type: kind.as_deref().map(health_check_type), health_check_type: None, script, path }
}

fn status(status: &Status, duration: String) -> JobStatus {
    let short = match status.short {
        Short::Pending => StatusShort::Pending,
        Short::Running => StatusShort::Running,
        Short::Succeeded => StatusShort::Succeeded,
        Short::Failed => StatusShort::Failed,
        Short::Unknown => StatusShort::Unknown,
    };
    let ScheduleTimes { previous, next } =
        status.schedule.unwrap_or(ScheduleTimes { previous: None, next: None });
    // Whole seconds, as clients print them (contract 3.4).
    let seconds = |time: jiff::Timestamp| Timestamp { seconds: time.as_second(), nanos: 0 };
    JobStatus {
        short: short.into(),
        duration,
        up_to_date: status.up_to_date,
        messages: status.messages.clone(),
        previous_schedule: previous.map(seconds),
        next_schedule: next.map(seconds),
    }
}

pub(super) fn run(run: &jobs_core::Run) -> Run {
    let (trigger, due) = match run.trigger {
        Trigger::Created => (RunTrigger::Create, None),
        Trigger::Schedule { due } => (RunTrigger::Schedule, Some(due)),
        Trigger::Manual => (RunTrigger::Manual, None),
        Trigger::Restart => (RunTrigger::Restart, None),
    };
    let (state, skipped) = run_state(run.state);
    Run {
        name: run.name.to_string(),
        job: run.job.to_string(),
        job_uid: run.job_uid.to_string(),
        trigger: trigger.into(),
        state: state.into(),
        message: run.message.clone().or_else(|| skipped.map(str::to_owned)),
        exit_code: run.exit_code,
        attempts: i32::try_from(run.attempts).unwrap_or(i32::MAX),
        schedule_time: due.map(timestamp),
        create_time: Some(timestamp(run.created)),
        start_time: run.started.map(timestamp),
        end_time: run.finished.map(timestamp),
        cmd: run.command.clone(),
    }
}

const fn run_state(state: jobs_core::RunState) -> (RunState, Option<&'static str>) {
    use jobs_core::RunState as Core;
    match state {
        Core::Queued => (RunState::Queued, None),
        Core::Pending => (RunState::Pending, None),
        Core::Running => (RunState::Running, None),
        Core::Succeeded => (RunState::Succeeded, None),
        Core::Failed => (RunState::Failed, None),
        Core::Cancelled => (RunState::Cancelled, None),
        Core::Missed => (RunState::Missed, None),
        Core::Skipped(reason) => (
            RunState::Skipped,
            Some(match reason {
                SkipReason::Overlap => "another run was still going",
                SkipReason::Deadline => "it was too late to start",
                SkipReason::Suspended => "the job was suspended",
                SkipReason::Quota => "out of quota",
            }),
        ),
    }
}

pub(super) fn quota(document: QuotaDocument) -> Quota {
    let item = |item: jobs_core::QuotaItem| QuotaItem {
        name: item.name.to_owned(),
        limit: item.limit,
        used: item.used,
    };
    let category = |category: jobs_core::QuotaCategory| QuotaCategory {
        name: category.name.to_owned(),
        items: category.items.into_iter().map(item).collect(),
    };
    Quota { categories: document.categories.into_iter().map(category).collect() }
}

pub(super) fn log_entry(entry: engine::LogEntry) -> LogEntry {
    let stream = match entry.stream {
        engine::Stream::Stdout => Stream::Stdout,
        engine::Stream::Stderr => Stream::Stderr,
    };
    LogEntry {
        pod: entry.instance.0,
        container: CONTAINER.to_owned(),
        datetime: Some(timestamp(entry.time)),
        message: entry.message,
        stream: stream.into(),
    }
}

const fn image_state(state: engine::ImageState) -> ImageState {
    match state {
        engine::ImageState::Stable => ImageState::Stable,
        engine::ImageState::Deprecated => ImageState::Deprecated,
        engine::ImageState::Unknown => ImageState::Unknown,
    }
}

/// Numbers of words; a word that the rules do not make is "not stated".
macro_rules! number {
    ($function:ident, $enum:ident, $($word:literal => $variant:ident),+ $(,)?) => {
        fn $function(word: &str) -> i32 {
            match word {
                $($word => $enum::$variant,)+
                _ => $enum::Unspecified,
            }
            .into()
        }
    };
}

number!(job_type, JobType,
    "one-off" => OneOff,
    "scheduled" => Scheduled,
    "continuous" => Continuous,
    "webservice" => Webservice,
);
number!(emails, Emails, "none" => None, "all" => All, "onfinish" => Onfinish, "onfailure" => Onfailure);
number!(mount, Mount, "all" => All, "none" => None);
number!(port_protocol, PortProtocol, "tcp" => Tcp, "udp" => Udp);
number!(health_check_type, HealthCheckType, "script" => Script, "http" => Http);
number!(concurrency, Concurrency,
    "forbid" => Forbid,
    "allow" => Allow,
    "replace" => Replace,
    "queue" => Queue,
);
number!(catch_up, CatchUp, "none" => None, "latest" => Latest, "all" => All);

/// Proto timestamps count nanoseconds forward from the second, also before 1970.
pub(super) fn timestamp(time: jiff::Timestamp) -> Timestamp {
    let (seconds, nanos) = (time.as_second(), time.subsec_nanosecond());
    if nanos < 0 {
        Timestamp { seconds: seconds - 1, nanos: nanos + 1_000_000_000 }
    } else {
        Timestamp { seconds, nanos }
    }
}
