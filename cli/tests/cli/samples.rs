//! The jobs and other things that `tests/golden` was made of.
#![allow(
    clippy::unnecessary_wraps,
    reason = "fields of messages are optional, and so are the values for them"
)]

use api::jobs::v1::*;
use prost_types::Timestamp;

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn base(name: &str, cmd: &str, image: &str, kind: JobType) -> Job {
    Job {
        name: text(name),
        cmd: text(cmd),
        imagename: text(image),
        image: text(image),
        job_type: Some(kind.into()),
        ..Job::default()
    }
}

fn status(short: StatusShort, duration: &str, messages: &[&str]) -> Option<JobStatus> {
    let messages = messages.iter().map(ToString::to_string).collect();
    Some(JobStatus {
        short: short.into(),
        duration: duration.into(),
        up_to_date: true,
        messages,
        ..JobStatus::default()
    })
}

fn http(path: &str) -> Option<HealthCheck> {
    let kind = Some(HealthCheckType::Http.into());
    Some(HealthCheck { r#type: kind, path: text(path), ..HealthCheck::default() })
}

fn script(script: &str) -> Option<HealthCheck> {
    let kind = Some(HealthCheckType::Script.into());
    Some(HealthCheck { r#type: kind, script: text(script), ..HealthCheck::default() })
}

fn full(job: Job, state: ImageState, emails: Emails, mount: Mount, resources: [&str; 2]) -> Job {
    Job {
        image_state: Some(state.into()),
        emails: Some(emails.into()),
        mount: Some(mount.into()),
        memory: text(resources[0]),
        cpu: text(resources[1]),
        ..job
    }
}

/// A scheduled job with everything.
fn scheduled() -> Job {
    let mut job = base("s1", "./nightly.sh --all\nsecond line", "bookworm", JobType::Scheduled);
    job = full(job, ImageState::Deprecated, Emails::Onfailure, Mount::None, ["1.0Gi", "0.1"]);
    let hint = "back-off restarting failed container in a well-known long-running pod of this tool--really";
    job.status = status(StatusShort::Pending, "12s", &["scheduling", hint]);
    if let Some(status) = &mut job.status {
        status.previous_schedule = Some(Timestamp { seconds: 1_772_330_460, nanos: 0 });
        status.next_schedule = Some(Timestamp { seconds: 1_772_416_860, nanos: 0 });
    }
    Job {
        filelog: Some(false),
        retry: Some(2),
        timeout: Some(30),
        schedule: text("@daily"),
        schedule_actual: text("1 2 * * *"),
        ..job
    }
}

/// Jobs of every kind, with their defaults.
pub(crate) fn jobs() -> Vec<Job> {
    let default = ["0.5Gi", "0.1"];
    let (stable, none, all) = (ImageState::Stable, Emails::None, Mount::All);
    let mut j1 = full(base("j1", "echo hi", "python3.11", JobType::OneOff), stable, none, all, default);
    j1.filelog = Some(true);
    j1.filelog_stdout = text("/data/project/alpha/j1.out");
    j1.filelog_stderr = text("/data/project/alpha/j1.err");
    j1.retry = Some(0);
    j1.status = status(StatusShort::Succeeded, "5m", &[]);
    let mut c1 = base("c1", "", "tool-x/img:latest@sha256:abc", JobType::Continuous);
    c1 = full(c1, ImageState::Unknown, Emails::All, Mount::None, ["0.5Gi", "1.0"]);
    (c1.continuous, c1.filelog, c1.replicas, c1.port) = (Some(true), Some(false), Some(2), Some(8080));
    c1.set_port_protocol(PortProtocol::Tcp);
    (c1.health_check, c1.publish) = (http("/healthz"), text("/"));
    c1.status = status(StatusShort::Running, "1d2h3m", &[]);
    let mut w1 = full(base("w-1.x", "ünïcode ✓", "php8.2", JobType::Webservice), stable, none, all, default);
    (w1.replicas, w1.port, w1.health_check) = (Some(1), Some(8000), script("./check.sh"));
    w1.status = status(StatusShort::Failed, "3s", &["exitcode 1"]);
    let mut c2 = full(base("c2", "run", "php8.2", JobType::Continuous), stable, none, all, default);
    (c2.continuous, c2.filelog, c2.replicas, c2.port) = (Some(true), Some(true), Some(1), Some(53));
    (c2.filelog_stdout, c2.filelog_stderr, c2.publish) = (text("/a"), text("/b"), text(""));
    c2.set_port_protocol(PortProtocol::Udp);
    c2.status = status(StatusShort::Unknown, "0s", &[]);
    let w2 = base("webservice", "", "php8.2", JobType::Webservice);
    let mut w2 = full(Job { cmd: None, ..w2 }, stable, none, all, ["2.0Gi", "0.5"]);
    w2.replicas = Some(3);
    w2.status = status(StatusShort::Pending, "1s", &[]);
    vec![j1, scheduled(), c1, w1, c2, w2]
}

/// Jobs as their users set them.
pub(crate) fn dump() -> Vec<Job> {
    let j1 = base("j1", "echo hi", "python3.11", JobType::OneOff);
    let mut yes = base("yes", "a: b # c", "tf-python39", JobType::OneOff);
    (yes.filelog, yes.retry) = (Some(true), Some(3));
    (yes.filelog_stdout, yes.filelog_stderr) = (text("~/out.log"), text("null"));
    (yes.memory, yes.cpu) = (text("1.0Gi"), text("0.5"));
    yes.set_emails(Emails::None);
    yes.set_mount(Mount::All);
    let long = "python3 bot.py --family wikipedia --lang en --task 'do something long' --really-long-option value \
                --another-one and more words to fold over";
    let mut s1 = base("s1", long, "bookworm", JobType::Scheduled);
    (s1.schedule, s1.timeout, s1.retry, s1.filelog) = (text("*/5 * * * *"), Some(0), Some(0), Some(false));
    let mut s2 = base("s2", "line one\nline two: 'quoted'\n\nlast", "bookworm", JobType::Scheduled);
    s2.schedule = text("@daily");
    s2.set_emails(Emails::Onfinish);
    let long = "ünïcode ✓ command that is so long that it has to be folded somewhere, because it is longer than eighty \
                columns 𝄞 yes";
    let mut c1 = base("c1", long, "tool-x/img:latest", JobType::Continuous);
    (c1.continuous, c1.port, c1.publish, c1.replicas) = (Some(true), Some(8080), text("/"), Some(2));
    c1.set_port_protocol(PortProtocol::Tcp);
    c1.health_check = http("/healthz");
    let mut c2 = base("c2", "true", "i", JobType::Continuous);
    (c2.continuous, c2.port) = (Some(true), Some(53));
    c2.health_check = script("test -e /tmp/ok && echo \"it's fine\"");
    let mut w1 = Job { cmd: None, ..base("webservice", "", "php8.2", JobType::Webservice) };
    (w1.port, w1.replicas) = (Some(8000), Some(1));
    let mut w2 = base("w2", "12:30:45", "1.5", JobType::Webservice);
    (w2.memory, w2.health_check) = (text("1e3"), http("/"));
    // what the former client dumps has the command of a webservice job only where there is one
    vec![j1, yes, s1, s2, c1, c2, w1, w2]
}

/// Two images.
pub(crate) fn images() -> Vec<Image> {
    let image = |name: &str, url: &str| Image { shortname: name.into(), image: url.into() };
    vec![
        image("bookworm", "docker-registry.tools.wmflabs.org/toolforge-bookworm-sssd:latest"),
        image("python3.11", "x"),
    ]
}

/// Quotas with and without what is used, and with columns of every kind.
pub(crate) fn quota() -> Quota {
    let item = |name: &str, limit: &str, used: Option<&str>| QuotaItem {
        name: name.into(),
        limit: limit.into(),
        used: used.map(str::to_owned),
    };
    let category = |name: &str, items: Vec<QuotaItem>| QuotaCategory { name: name.into(), items };
    let running = vec![
        item("Total running jobs at once (Kubernetes pods)", "16", Some("3")),
        item("Running one-off and cron jobs", "15", Some("2")),
        item("CPU", "16.0", Some("0.25")),
        item("Memory", "8.0Gi", Some("1.5Gi")),
    ];
    let definitions = vec![
        item("Cron jobs", "50", Some("3")),
        item("Continuous jobs (including web services)", "16", Some("12")),
    ];
    let categories = vec![
        category("Running jobs", running),
        category("Per-job limits", vec![item("CPU", "3.0", None), item("Memory", "6.0Gi", None)]),
        category("Job definitions", definitions),
        category("Odd", vec![item("a", "16.0", Some("0.25")), item("b", "3.125", Some("10"))]),
    ];
    Quota { categories }
}

/// A run that has failed.
pub(crate) fn run() -> Run {
    let at = |seconds| Some(Timestamp { seconds, nanos: 0 });
    let mut run = Run { name: "nightly-1".into(), job: "nightly".into(), attempts: 1, ..Run::default() };
    run.set_trigger(RunTrigger::Manual);
    run.set_state(RunState::Failed);
    (run.exit_code, run.start_time, run.end_time) = (Some(3), at(60), at(150));
    run
}
