//! `toolforge jobs dump`: all jobs as the YAML that `load` reads (contract 3.13).

use api::jobs::v1::{HealthCheck, HealthCheckType, Job, JobType};

use super::list;
use crate::failure::Failure;
use crate::session::Session;
use crate::value::{Value, yaml};
use crate::view;
use crate::words::Word as _;

/// Prints the jobs, or writes them to a file.
pub(super) async fn run(session: &Session<'_>, to_file: Option<&str>) -> Result<(), Failure> {
    let reply = list::fetch(session, Some(false)).await?;
    session.messages(reply.messages.as_ref())?;
    if reply.jobs.is_empty() {
        let file = to_file.map(|file| format!(", file {file} will not be created")).unwrap_or_default();
        session.printer.warning(format_args!("no jobs defined{file}"));
        return Ok(());
    }
    let jobs: Result<Vec<Value>, Failure> = reply.jobs.iter().map(entry).collect();
    let text = yaml(&Value::List(jobs?));
    match to_file {
        Some(file) => {
            std::fs::write(file, text).map_err(|error| Failure::user(format!("cannot write {file}: {error}")))
        }
        None => session.printer.line(text),
    }
}

/// A job with the names that `run` has for its options, sorted.
fn entry(job: &Job) -> Result<Value, Failure> {
    let mut pairs = common(job)?;
    match job.job_type() {
        JobType::Unspecified => {
            return Err(Failure::client("Unexpected job type: the service has not stated it"));
        }
        JobType::OneOff => {}
        JobType::Scheduled => {
            put(&mut pairs, "schedule", job.schedule.as_deref());
            put(&mut pairs, "timeout", job.timeout);
            put(&mut pairs, "concurrency", job.concurrency.map(|_| job.concurrency().word()));
            put(&mut pairs, "catch-up", job.catch_up.map(|_| job.catch_up().word()));
            put(&mut pairs, "time-zone", job.time_zone.as_deref());
            put(&mut pairs, "suspended", job.suspended.filter(|suspended| *suspended));
        }
        JobType::Continuous => {
            pairs.push(("continuous", true.into()));
            put(&mut pairs, "port", job.port.filter(|port| *port != 0).map(|_| view::port(job)));
            put(&mut pairs, "publish", job.publish.as_deref().filter(|publish| !publish.is_empty()));
        }
        JobType::Webservice => {
            pairs.push(("webservice", true.into()));
            put(&mut pairs, "port", job.port);
        }
    }
    health_check(&mut pairs, job.health_check.as_ref());
    Ok(Value::sorted(pairs))
}

fn common(job: &Job) -> Result<Vec<(&'static str, Value)>, Failure> {
    let image =
        job.imagename.as_deref().ok_or_else(|| Failure::service("the reply has a job without an image"))?;
    let mut pairs = vec![("image", image.into())];
    put(&mut pairs, "name", job.name.as_deref());
    put(&mut pairs, "command", job.cmd.as_deref());
    put(&mut pairs, "mem", job.memory.as_deref().filter(|memory| !memory.is_empty()));
    put(&mut pairs, "cpu", job.cpu.as_deref());
    put(&mut pairs, "emails", job.emails.map(|_| job.emails().word()));
    put(&mut pairs, "mount", job.mount.map(|_| job.mount().word()));
    put(&mut pairs, "retry", job.retry);
    put(&mut pairs, "replicas", job.replicas);
    // texts, as former files have them
    match job.filelog {
        Some(true) => pairs.push(("filelog", "yes".into())),
        Some(false) => pairs.push(("no-filelog", "true".into())),
        None => {}
    }
    put(&mut pairs, "filelog-stdout", job.filelog_stdout.as_deref().filter(|path| !path.is_empty()));
    put(&mut pairs, "filelog-stderr", job.filelog_stderr.as_deref().filter(|path| !path.is_empty()));
    Ok(pairs)
}

fn put<V: Into<Value>>(pairs: &mut Vec<(&'static str, Value)>, key: &'static str, value: Option<V>) {
    pairs.extend(value.map(|value| (key, value.into())));
}

fn health_check(pairs: &mut Vec<(&'static str, Value)>, check: Option<&HealthCheck>) {
    let Some(check) = check else { return };
    match check.r#type() {
        HealthCheckType::Script => put(pairs, "health-check-script", check.script.as_deref()),
        HealthCheckType::Http => put(pairs, "health-check-http", check.path.as_deref()),
        HealthCheckType::Unspecified => {}
    }
}

#[cfg(test)]
mod tests;
