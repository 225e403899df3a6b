//! From raw values to a definition: every rule and text of contract 3.2.

use super::{
    CatchUp, Concurrency, Definition, DefinitionInput, Emails, HealthCheck, HealthCheckInput, JobType, Mount,
    PortProtocol, Publish, Zone,
};
use crate::quoted::Quoted;
use crate::{Cpu, JobName, Memory, Schedule, Violations};

/// The longest command or script, in bytes: it is one argument of `/bin/sh`, which Linux ends at 128 KiB.
const TEXT_MAX: usize = 100 * 1024;
/// The longest path or image name, in bytes.
const PATH_MAX: usize = 4096;
/// No more instances than this, whatever the quota.
const REPLICAS_MAX: i64 = 1000;

impl Definition {
    /// Parses raw values, and tells everything that is wrong with them.
    pub fn parse(input: &DefinitionInput) -> Result<Self, Violations> {
        let mut wrong = Violations::default();
        let job_type = wrong.keep(job_type(input));
        if let Some(job_type) = job_type {
            refuse_foreign(input, job_type, &mut wrong);
            if input.cmd.is_none() && job_type != JobType::Webservice {
                wrong.add_schema("cmd", "cmd is required");
            }
        }
        let name = wrong.keep(JobName::parse(input.name.as_deref().unwrap_or_default()));
        let image = input.imagename.as_deref().unwrap_or_default();
        if image.is_empty() {
            wrong.add_schema("imagename", "imagename is required");
        }
        let definition = parse_fields(input, name, job_type, &mut wrong);
        if let Some(definition) = &definition {
            definition.check_together(&mut wrong);
        }
        match definition {
            Some(definition) => wrong.into_result(definition),
            None => Err(wrong),
        }
    }

    /// The rules between fields, without the image.
    fn check_together(&self, wrong: &mut Violations) {
        if self.filelog == Some(true) && self.mount == Some(Mount::None) {
            wrong.add_rule("filelog", "File logging is only available with --mount=all");
        }
        if matches!(self.health_check, Some(HealthCheck::Http(_)))
            && self.port.is_none()
            && self.job_type != JobType::Webservice
        {
            wrong.add_rule("health_check", "Port must be set for HTTP health checks");
        }
        if self.publish == Some(Publish::Root) {
            if self.port.is_none() {
                wrong.add_rule("publish", "publish requires port to be set");
            }
            if self.port_protocol == Some(PortProtocol::Udp) {
                wrong.add_rule("publish", "publish requires port_protocol set to tcp");
            }
        }
        // a Service has the job's name and may not contain dots: without this rule it fails half-way on Kubernetes
        if (self.port.is_some() || self.job_type == JobType::Webservice) && !self.name.is_label() {
            wrong.add_rule("name", "The name of a job with a port can't contain dots");
        }
    }
}

fn parse_fields(
    input: &DefinitionInput,
    name: Option<JobName>,
    job_type: Option<JobType>,
    wrong: &mut Violations,
) -> Option<Definition> {
    check_texts(input, wrong);
    let retry = integer("retry", input.retry, 0, 5, wrong);
    let timeout = integer("timeout", input.timeout, 0, i64::from(i32::MAX), wrong);
    let replicas = integer("replicas", input.replicas, 0, REPLICAS_MAX, wrong);
    let port = integer("port", input.port, 1, 65_535, wrong).and_then(|port| u16::try_from(port).ok());
    let schedule = input.schedule.as_deref().and_then(|text| wrong.keep(Schedule::parse(text)));
    if job_type == Some(JobType::Scheduled) && input.schedule.is_none() {
        wrong.add_schema("schedule", "schedule is required for scheduled jobs");
    }
    let emails = word("emails", input.emails.as_ref(), Emails::parse, Emails::WORDS, wrong);
    let mount = word("mount", input.mount.as_ref(), Mount::parse, Mount::WORDS, wrong);
    let protocol =
        word("port_protocol", input.port_protocol.as_ref(), PortProtocol::parse, PortProtocol::WORDS, wrong);
    let concurrency =
        word("concurrency", input.concurrency.as_ref(), Concurrency::parse, Concurrency::WORDS, wrong);
    let catch_up = word("catch_up", input.catch_up.as_ref(), CatchUp::parse, CatchUp::WORDS, wrong);
    let memory = input.memory.as_deref().and_then(|text| wrong.keep(Memory::parse(text)));
    let cpu = input.cpu.as_deref().and_then(|text| wrong.keep(Cpu::parse(text)));
    Some(Definition {
        health_check: input.health_check.as_ref().and_then(|check| health_check(check, wrong)),
        publish: publish(input.publish.as_deref(), wrong),
        time_zone: time_zone(input.time_zone.as_deref(), wrong),
        name: name?,
        job_type: job_type?,
        image: input.imagename.clone()?,
        cmd: input.cmd.clone(),
        filelog: input.filelog,
        filelog_stdout: input.filelog_stdout.clone(),
        filelog_stderr: input.filelog_stderr.clone(),
        emails,
        mount,
        memory,
        cpu,
        retry,
        schedule,
        timeout,
        replicas,
        port,
        port_protocol: protocol,
        concurrency,
        catch_up,
        suspended: input.suspended,
    })
}

/// The type as given, or told from the shape: a schedule, then the marker or any field only continuous jobs have.
fn job_type(input: &DefinitionInput) -> Result<JobType, Violations> {
    if let Some(word) = input.job_type.as_deref() {
        return JobType::parse(word)
            .ok_or_else(|| Violations::schema("job_type", choice("job_type", word, JobType::WORDS)));
    }
    let continuous = input.continuous == Some(true)
        || input.replicas.is_some()
        || input.port.is_some()
        || input.port_protocol.is_some()
        || input.health_check.is_some()
        || input.publish.is_some();
    Ok(match (&input.schedule, continuous) {
        (Some(_), _) => JobType::Scheduled,
        (None, true) => JobType::Continuous,
        (None, false) => JobType::OneOff,
    })
}

/// Names every field that the type does not have.
fn refuse_foreign(input: &DefinitionInput, job_type: JobType, wrong: &mut Violations) {
    use JobType::{Continuous, OneOff, Scheduled, Webservice};
    let filelog_types: &[JobType] = &[OneOff, Scheduled, Continuous];
    let marker_types: &[JobType] =
        if input.continuous == Some(true) { &[Continuous] } else { &[OneOff, Scheduled] };
    let fields: [(&'static str, bool, &[JobType]); 16] = [
        ("filelog", input.filelog.is_some(), filelog_types),
        ("filelog_stdout", input.filelog_stdout.is_some(), filelog_types),
        ("filelog_stderr", input.filelog_stderr.is_some(), filelog_types),
        ("retry", input.retry.is_some(), &[OneOff, Scheduled]),
        ("schedule", input.schedule.is_some(), &[Scheduled]),
        ("timeout", input.timeout.is_some(), &[Scheduled]),
        ("continuous", input.continuous.is_some(), marker_types),
        ("replicas", input.replicas.is_some(), &[Continuous, Webservice]),
        ("port", input.port.is_some(), &[Continuous, Webservice]),
        ("port_protocol", input.port_protocol.is_some(), &[Continuous]),
        ("health_check", input.health_check.is_some(), &[Continuous, Webservice]),
        ("publish", input.publish.is_some(), &[Continuous]),
        ("concurrency", input.concurrency.is_some(), &[Scheduled]),
        ("catch_up", input.catch_up.is_some(), &[Scheduled]),
        ("time_zone", input.time_zone.is_some(), &[Scheduled]),
        ("suspended", input.suspended.is_some(), &[Scheduled]),
    ];
    for (field, is_set, types) in fields {
        if is_set && !types.contains(&job_type) {
            let article = if job_type == OneOff { "one-off jobs" } else { job_type.as_str() };
            let jobs = if job_type == OneOff { "" } else { " jobs" };
            wrong.add_schema(field, format!("{field} is not allowed for {article}{jobs}"));
        }
    }
}

/// No text may be longer than can be run, or hold the one character that no argument can.
fn check_texts(input: &DefinitionInput, wrong: &mut Violations) {
    let check = input.health_check.as_ref();
    let texts: [(&'static str, &Option<String>, usize); 6] = [
        ("imagename", &input.imagename, PATH_MAX),
        ("cmd", &input.cmd, TEXT_MAX),
        ("filelog_stdout", &input.filelog_stdout, PATH_MAX),
        ("filelog_stderr", &input.filelog_stderr, PATH_MAX),
        ("health_check.script", &check.and_then(|check| check.script.clone()), TEXT_MAX),
        ("health_check.path", &check.and_then(|check| check.path.clone()), PATH_MAX),
    ];
    for (field, text, longest) in texts {
        let Some(text) = text else { continue };
        if text.len() > longest {
            wrong.add_schema(field, format!("{field} can't be longer than {longest} bytes"));
        }
        if text.contains('\0') {
            wrong.add_schema(field, format!("{field} can't contain a null character"));
        }
    }
    for (field, path) in
        [("filelog_stdout", &input.filelog_stdout), ("filelog_stderr", &input.filelog_stderr)]
    {
        if path.as_deref() == Some("") {
            wrong.add_schema(field, format!("{field} can't be empty"));
        }
    }
}

fn integer(
    field: &'static str,
    value: Option<i64>,
    least: i64,
    most: i64,
    wrong: &mut Violations,
) -> Option<u32> {
    let value = value?;
    if !(least..=most).contains(&value) {
        wrong.add_schema(field, format!("{field} must be between {least} and {most}, not {value}"));
    }
    u32::try_from(value).ok()
}

fn word<T>(
    field: &'static str,
    value: Option<&String>,
    parse: impl Fn(&str) -> Option<T>,
    words: &[&str],
    wrong: &mut Violations,
) -> Option<T> {
    let value = value?.as_str();
    let parsed = parse(value);
    if parsed.is_none() {
        wrong.add_schema(field, choice(field, value, words));
    }
    parsed
}

fn choice(field: &str, value: &str, words: &[&str]) -> String {
    format!("{field} must be one of {}, not {}", words.join(", "), Quoted(value))
}

fn health_check(check: &HealthCheckInput, wrong: &mut Violations) -> Option<HealthCheck> {
    let kind = check.kind.as_deref().unwrap_or_default();
    match (kind, &check.script, &check.path) {
        ("script", Some(script), None) => Some(HealthCheck::Script(script.clone())),
        ("http", None, Some(path)) if path.starts_with('/') && !path.contains(char::is_control) => {
            Some(HealthCheck::Http(path.clone()))
        }
        ("http", None, Some(_)) => {
            wrong.add_schema("health_check.path", "The path of an HTTP health check must begin with /");
            None
        }
        ("script", ..) => {
            wrong.add_schema("health_check.script", "A script health check has exactly the field script");
            None
        }
        ("http", ..) => {
            wrong.add_schema("health_check.path", "An http health check has exactly the field path");
            None
        }
        _ => {
            wrong.add_schema("health_check.type", choice("health_check.type", kind, &["script", "http"]));
            None
        }
    }
}

fn publish(value: Option<&str>, wrong: &mut Violations) -> Option<Publish> {
    match value? {
        "" => Some(Publish::No),
        "/" => Some(Publish::Root),
        other => {
            wrong.add_schema("publish", format!("publish must be / or empty, not {}", Quoted(other)));
            None
        }
    }
}

fn time_zone(name: Option<&str>, wrong: &mut Violations) -> Option<Zone> {
    let name = name?;
    let zone = Zone::parse(name);
    if zone.is_none() {
        wrong.add_rule(
            "time_zone",
            format!("Unknown time zone {}, expected an IANA name such as Europe/Berlin", Quoted(name)),
        );
    }
    zone
}
