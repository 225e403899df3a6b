//! Fixtures for tests, and the use cases over engine and records in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod crashes;
mod harness;
mod lifecycle;
mod logs;
mod requests;
mod runs;
mod schedules;

use engine::{Image, ImageState, WebDefaults};
use jiff::Timestamp;

use crate::{
    Definition, DefinitionInput, Footprint, Job, JobName, Run, RunName, RunState, ToolName, Trigger, Uid,
};

pub(crate) fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn tool() -> ToolName {
    ToolName::parse("alpha").unwrap()
}

pub(crate) fn name(text: &str) -> JobName {
    JobName::parse(text).unwrap()
}

/// A one-off with a command.
pub(crate) fn one_off(job: &str, cmd: &str) -> DefinitionInput {
    DefinitionInput {
        name: Some(job.to_owned()),
        imagename: Some("bookworm".to_owned()),
        cmd: Some(cmd.to_owned()),
        job_type: Some("one-off".to_owned()),
        ..DefinitionInput::default()
    }
}

pub(crate) fn scheduled(job: &str, cmd: &str, schedule: &str) -> DefinitionInput {
    DefinitionInput {
        job_type: Some("scheduled".to_owned()),
        schedule: Some(schedule.to_owned()),
        ..one_off(job, cmd)
    }
}

pub(crate) fn continuous(job: &str, cmd: &str) -> DefinitionInput {
    DefinitionInput { job_type: Some("continuous".to_owned()), ..one_off(job, cmd) }
}

pub(crate) fn webservice(job: &str) -> DefinitionInput {
    DefinitionInput {
        job_type: Some("webservice".to_owned()),
        imagename: Some("python3.11".to_owned()),
        cmd: None,
        ..one_off(job, "")
    }
}

/// The record of a job that was made then.
pub(crate) fn job(input: &DefinitionInput, created: &str) -> Job {
    let created = moment(created);
    let definition = Definition::parse(input).unwrap();
    Job {
        uid: Uid("job-uid".to_owned()),
        tool: tool(),
        generation: 1,
        image_url: "registry.example.org/bookworm:latest".to_owned(),
        footprint: Footprint::NONE,
        created,
        updated: created,
        restarted_at: None,
        scheduled_until: created,
        last_scheduled: None,
        deleting: None,
        definition,
    }
}

pub(crate) fn scheduled_job(schedule: &str, created: &str) -> Job {
    job(&scheduled("cron", "true", schedule), created)
}

/// A run of a job that was made then and has not started.
pub(crate) fn run_of(job: &Job, created: &str) -> Run {
    let created = moment(created);
    Run {
        uid: Uid("run-uid".to_owned()),
        name: RunName::numbered(job.name(), created.as_second()),
        tool: job.tool.clone(),
        job: job.name().clone(),
        job_uid: job.uid.clone(),
        generation: job.generation,
        trigger: Trigger::Created,
        state: RunState::Pending,
        command: job.definition.cmd.clone(),
        env: Vec::new(),
        retries: job.definition.retry.unwrap_or(0),
        stdin: false,
        footprint: Footprint::NONE,
        live: true,
        created,
        started: None,
        finished: None,
        attempts: 0,
        exit_code: None,
        message: None,
        cancelled_at: None,
    }
}

/// `bookworm`, `python3.11` with a web variant, and an image that `tool-alpha` built.
pub(crate) fn catalogue() -> Vec<Image> {
    let image = |shortname: &str, url: &str| Image {
        shortname: shortname.to_owned(),
        url: url.to_owned(),
        aliases: Vec::new(),
        variant_urls: Vec::new(),
        state: ImageState::Stable,
        web: None,
    };
    let mut python = image("python3.11", "registry.example.org/python3.11:latest");
    python.web = Some(WebDefaults {
        command: ["/usr/bin/webservice-runner", "--type", "uwsgi-python", "--port", "{port}"]
            .map(str::to_owned)
            .to_vec(),
        port: 8000,
        memory: Some("1Gi".to_owned()),
    });
    vec![
        image("bookworm", "registry.example.org/bookworm:latest"),
        python,
        image("tool-alpha/app:latest", "registry.example.org/tool-alpha/app:latest"),
    ]
}
