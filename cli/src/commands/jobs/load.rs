//! `toolforge jobs load`: each entry of a YAML file as arguments of `run` (contract 3.13).

use std::collections::BTreeSet;

use api::jobs::v1::UpsertJobRequest;
use clap::Parser as _;

use super::run::create;
use super::wait;
use crate::args::jobs::{Entry, Run};
use crate::failure::Failure;
use crate::payload::payload;
use crate::printer::Printer;
use crate::session::Session;
use crate::value::Value;

/// Creates or updates the jobs of a file, or the one of a name.
pub(super) async fn run(mut session: Session<'_>, file: &str, only: Option<&str>) -> Result<(), Failure> {
    let entries = read(file)?;
    let mut loaded = BTreeSet::new();
    for pairs in entries {
        let arguments = parse(arguments(&pairs, session.printer))?;
        let name = name(&arguments);
        if only.is_some_and(|only| name.as_deref() != Some(only)) {
            continue;
        }
        let shown = name.as_deref().unwrap_or("None");
        if !loaded.insert(name.clone()) {
            session.printer.warning(format_args!("ignoring duplicate job '{shown}' in file '{file}'"));
            continue;
        }
        session.printer.info(format_args!("loading job '{shown}'..."));
        apply(&mut session, &arguments, is_updated(&pairs)).await?;
    }
    session.printer.info(format_args!("{} job(s) loaded successfully", loaded.len()));
    Ok(())
}

/// Jobs that go on are updated, the others created.
async fn apply(session: &mut Session<'_>, arguments: &Run, update: bool) -> Result<(), Failure> {
    let job = payload(arguments)?;
    let name = job.name().to_owned();
    if update {
        let mut jobs = session.jobs().await?;
        let request =
            UpsertJobRequest { tool: session.tool(), job: Some(job), ..UpsertJobRequest::default() };
        let reply = session.answer(jobs.upsert_job(session.request(request))).await?;
        session.messages(reply.messages.as_ref())?;
    } else {
        create(session, job).await?;
    }
    match arguments.wait {
        Some(seconds) if seconds > 0 => wait::run(session, &name, seconds).await,
        _ => Ok(()),
    }
}

type Pairs = Vec<(String, Value)>;

fn read(file: &str) -> Result<Vec<Pairs>, Failure> {
    let unreadable =
        |why: &dyn std::fmt::Display| Failure::user(format!("Unable to parse yaml file '{file}'\n{why}"));
    let text = std::fs::read_to_string(file).map_err(|error| unreadable(&error))?;
    let tree: Value = serde_saphyr::from_str(&text).map_err(|error| unreadable(&error))?;
    let Value::List(entries) = tree else {
        return Err(unreadable(&"expected a list of jobs, as `toolforge jobs dump` prints it"));
    };
    let pairs = |(at, entry): (usize, Value)| match entry {
        Value::Map(pairs) => Ok(pairs),
        _ => Err(unreadable(&format_args!("entry {} is no job: expected keys with values", at + 1))),
    };
    entries.into_iter().enumerate().map(pairs).collect()
}

/// The arguments that an entry stands for.
fn arguments(pairs: &Pairs, printer: &Printer) -> Vec<String> {
    let named = pairs.iter().find(|(key, value)| key == "name" && is_true(value));
    let mut arguments: Vec<String> = named.map(|(_, name)| name.python()).into_iter().collect();
    for (key, value) in pairs.iter().filter(|(key, value)| key != "name" || !is_true(value)) {
        arguments.extend(argument(key, value, printer));
    }
    arguments
}

fn argument(key: &str, value: &Value, printer: &Printer) -> Option<String> {
    let text = value.python();
    match (key, value) {
        ("wait", Value::Bool(false)) => {
            printer.warning("Invalid key: 'wait' expects True or integer but got \"False\". omitting key...");
            None
        }
        (
            "wait" | "filelog" | "no-filelog" | "continuous" | "webservice" | "suspended",
            Value::Bool(true),
        ) => Some(format!("--{key}")),
        ("filelog", Value::Text(yes)) if yes == "yes" => Some(former(key, yes, printer)),
        ("no-filelog", Value::Text(yes)) if yes == "true" => Some(former(key, yes, printer)),
        ("filelog" | "no-filelog" | "continuous" | "webservice" | "suspended", _) => {
            printer
                .warning(format_args!("Invalid key: {key} expects True but got \"{text}\". omitting key..."));
            None
        }
        (_, Value::Null) => {
            printer.warning(format_args!("Invalid key: {key} has no value. omitting key..."));
            None
        }
        _ => Some(format!("--{key}={text}")),
    }
}

/// A flag in the spelling of former dumps.
fn former(key: &str, value: &str, printer: &Printer) -> String {
    printer.warning(format_args!(
        "Assigning \"{value}\" to {key} will be deprecated in future releases. Please use True unquoted instead."
    ));
    format!("--{key}")
}

fn parse(arguments: Vec<String>) -> Result<Run, Failure> {
    let parsed = Entry::try_parse_from(std::iter::once("toolforge jobs run".to_owned()).chain(arguments));
    parsed.map(|entry| entry.run).map_err(|error| Failure::Usage(error.render().to_string()))
}

fn name(arguments: &Run) -> Option<String> {
    arguments.name.clone().or_else(|| arguments.webservice.then(|| "webservice".to_owned()))
}

fn is_updated(pairs: &Pairs) -> bool {
    pairs
        .iter()
        .any(|(key, value)| matches!(&**key, "continuous" | "schedule" | "webservice") && is_true(value))
}

/// Whether Python takes it for true.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Int(number) => *number != 0,
        Value::Float(number) => *number != 0.0,
        Value::Text(text) => !text.is_empty(),
        Value::List(items) => !items.is_empty(),
        Value::Map(pairs) => !pairs.is_empty(),
    }
}

#[cfg(test)]
mod tests;
