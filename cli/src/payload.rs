//! From the arguments of `run` to the definition of a job, with the refusals of the former client (contract 7.4).

use api::jobs::v1::{
    CatchUp, Concurrency, Emails, HealthCheck, HealthCheckType, JobSpec, JobType, Mount, PortProtocol,
};

use crate::args::jobs::Run;
use crate::failure::Failure;
use crate::words::Word;

/// The name of a webservice job that is given none.
const WEBSERVICE: &str = "webservice";

/// The definition. Only what the user set is in it.
pub(crate) fn payload(run: &Run) -> Result<JobSpec, Failure> {
    if let Some(refusal) = refusal(run) {
        return Err(Failure::user(refusal));
    }
    let mut job = JobSpec {
        name: Some(run.name.clone().unwrap_or_else(|| WEBSERVICE.into())),
        imagename: Some(run.image.clone()),
        cmd: run.command.clone(),
        filelog: filelog(run),
        filelog_stdout: run.filelog_stdout.clone(),
        filelog_stderr: run.filelog_stderr.clone(),
        memory: run.mem.clone(),
        cpu: run.cpu.clone(),
        emails: number::<Emails>(run.emails.as_deref()),
        mount: number::<Mount>(run.mount.as_deref()),
        ..JobSpec::default()
    };
    if set(run.schedule.as_deref()) {
        job.set_job_type(JobType::Scheduled);
        job.schedule.clone_from(&run.schedule);
        job.timeout = run.timeout;
        job.retry = run.retry;
        job.concurrency = number::<Concurrency>(run.concurrency.as_deref());
        job.catch_up = number::<CatchUp>(run.catch_up.as_deref());
        job.time_zone.clone_from(&run.time_zone);
        job.suspended = run.suspended.then_some(true);
    } else if run.continuous {
        continuous(run, &mut job)?;
    } else if run.webservice {
        webservice(run, &mut job)?;
    } else {
        job.set_job_type(JobType::OneOff);
        job.retry = run.retry;
    }
    Ok(job)
}

/// What cannot be, in the order in which the former client looks.
fn refusal(run: &Run) -> Option<&'static str> {
    let is_service = run.continuous || run.webservice;
    let has_health_check = set(run.health_check_script.as_deref()) || set(run.health_check_http.as_deref());
    let is_scheduled = set(run.schedule.as_deref());
    let has_time =
        run.concurrency.is_some() || run.catch_up.is_some() || run.time_zone.is_some() || run.suspended;
    let rules: [(bool, &'static str); 10] = [
        (set(run.port.as_deref()) && !is_service, "--port is only valid for continuous/webservice jobs"),
        (
            run.replicas.is_some_and(|count| count != 0) && !is_service,
            "--replicas is only valid for continuous/webservice jobs",
        ),
        (run.mount.as_deref() == Some("none") && run.filelog, "Specifying --filelog requires --mount=all"),
        (has_health_check && !is_service, "Health checks are only supported for continuous/webservice jobs."),
        (
            run.timeout.is_some_and(|seconds| seconds != 0) && !is_scheduled,
            "--timeout is only valid for scheduled jobs",
        ),
        (run.retry.is_some() && is_service, "--retry is only valid for one-off and scheduled jobs"),
        (!set(run.command.as_deref()) && !run.webservice, "the following arguments are required: --command"),
        (run.name.is_none() && !run.webservice, "the following arguments are required: name"),
        (
            has_time && !is_scheduled,
            "--concurrency, --catch-up, --time-zone and --suspended are only valid for scheduled jobs",
        ),
        (
            run.publish.is_some() && !run.continuous,
            "--publish is only valid for continuous jobs. Add --continuous to use it.",
        ),
    ];
    rules.into_iter().find(|(broken, _)| *broken).map(|(_, text)| text)
}

fn continuous(run: &Run, job: &mut JobSpec) -> Result<(), Failure> {
    if set(run.health_check_http.as_deref()) && !set(run.port.as_deref()) {
        return Err(Failure::user("--health-check-http requires --port to be set as well"));
    }
    job.set_job_type(JobType::Continuous);
    job.replicas = run.replicas;
    if let Some(text) = run.port.as_deref().filter(|text| !text.is_empty()) {
        let (port, protocol) =
            text.split_once('/').map_or((text, None), |(port, protocol)| (port, Some(protocol)));
        job.port = Some(number_of_port(port)?);
        job.port_protocol = protocol.map(port_protocol).transpose()?;
    }
    job.health_check = health_check(run);
    job.publish.clone_from(&run.publish);
    Ok(())
}

fn webservice(run: &Run, job: &mut JobSpec) -> Result<(), Failure> {
    let has_file = set(run.filelog_stdout.as_deref()) || set(run.filelog_stderr.as_deref());
    if filelog(run).is_some() || has_file {
        return Err(Failure::user("--filelog is not supported for webservice jobs"));
    }
    job.set_job_type(JobType::Webservice);
    job.replicas = run.replicas;
    // the protocol is ignored here
    let port = run.port.as_deref().and_then(|text| text.split('/').next()).filter(|port| !port.is_empty());
    job.port = port.map(number_of_port).transpose()?;
    job.health_check = health_check(run);
    Ok(())
}

fn health_check(run: &Run) -> Option<HealthCheck> {
    let mut check = HealthCheck::default();
    if set(run.health_check_script.as_deref()) {
        check.set_type(HealthCheckType::Script);
        check.script.clone_from(&run.health_check_script);
    } else if set(run.health_check_http.as_deref()) {
        check.set_type(HealthCheckType::Http);
        check.path.clone_from(&run.health_check_http);
    } else {
        return None;
    }
    Some(check)
}

fn filelog(run: &Run) -> Option<bool> {
    (run.filelog || run.no_filelog).then_some(run.filelog)
}

/// Whether something is there: an empty text is nothing, as for the former client.
fn set(text: Option<&str>) -> bool {
    text.is_some_and(|text| !text.is_empty())
}

fn number<W: Word + Into<i32>>(word: Option<&str>) -> Option<i32> {
    word.and_then(W::named).map(Into::into)
}

fn number_of_port(text: &str) -> Result<i32, Failure> {
    let refused =
        || Failure::user(format!("--port: {text:?} is not a port, expected a number from 1 to 65535"));
    text.trim().parse().map_err(|_| refused())
}

fn port_protocol(text: &str) -> Result<i32, Failure> {
    let refused = || Failure::user(format!("--port: {text:?} is not a protocol, expected tcp or udp"));
    number::<PortProtocol>(Some(text)).ok_or_else(refused)
}

#[cfg(test)]
mod tests;
