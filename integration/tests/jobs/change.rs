//! Jobs that are restarted, deleted and flushed.

use anyhow::Result;
use integration::{Client, Home, Platform, eventually};

use crate::{CLIENTS, SHELL};

#[test]
fn jobs_are_restarted_deleted_and_flushed() -> Result<()> {
    let platform = Platform::start()?;
    let bystander = platform.tool("bystander")?;
    run(Client::Ours, &bystander, "other", "exec sleep 600", &["--continuous"])?;
    for (client, tool) in CLIENTS {
        let home = platform.tool(tool)?;
        restarts(client, &home)?;
        deletes(client, &home)?;
        flushes(client, &home)?;
    }
    assert_eq!(names(Client::Ours, &bystander)?, "other\n");
    Ok(())
}

fn restarts(client: Client, home: &Home) -> Result<()> {
    run(client, home, "always", "echo started; exec sleep 600", &["--continuous"])?;
    lines(home, "always.out", 1)?;
    silently(client, home, &["restart", "always"])?;
    lines(home, "always.out", 2)?;

    run(client, home, "yearly", "echo ran", &["--schedule", "@yearly"])?;
    silently(client, home, &["restart", "yearly"])?;
    lines(home, "yearly.out", 1)?;

    run(client, home, "once", "exec sleep 600", &[])?;
    refused(client, home, &["restart", "once"], "Unable to restart a one-off job")?;
    refused(client, home, &["restart", "never"], "Job 'never' does not exist")
}

fn deletes(client: Client, home: &Home) -> Result<()> {
    assert_eq!(names(client, home)?, "always\nonce\nyearly\n");
    silently(client, home, &["delete", "always"])?;
    assert_eq!(names(client, home)?, "once\nyearly\n");
    for verb in ["delete", "show", "restart"] {
        refused(client, home, &[verb, "always"], "Job 'always' does not exist")?;
    }
    run(client, home, "always", "echo again; exec sleep 600", &["--continuous"])?;
    lines(home, "always.out", 3)
}

fn flushes(client: Client, home: &Home) -> Result<()> {
    silently(client, home, &["flush"])?;
    assert_eq!(names(client, home)?, "");
    silently(client, home, &["flush"])
}

fn run(client: Client, home: &Home, name: &str, command: &str, more: &[&str]) -> Result<()> {
    silently(client, home, &[&["run", name, "--image", SHELL, "--command", command], more].concat())
}

fn silently(client: Client, home: &Home, arguments: &[&str]) -> Result<()> {
    let ran = home.jobs(client, arguments)?;
    let seen = (ran.code, ran.stdout.as_str(), ran.notes());
    assert_eq!(seen, (0, "", String::new()), "{client:?} {arguments:?}: {ran}");
    Ok(())
}

fn refused(client: Client, home: &Home, arguments: &[&str], sentence: &str) -> Result<()> {
    let ran = home.jobs(client, arguments)?;
    let seen = (ran.code, ran.stdout.as_str(), ran.notes());
    let error = format!("\u{1b}[1;31mERROR\u{1b}[1;0m: {sentence}\n");
    assert_eq!(seen, (1, "", error), "{client:?} {arguments:?}: {ran}");
    Ok(())
}

fn names(client: Client, home: &Home) -> Result<String> {
    home.jobs(client, &["list", "-o", "name"])?.succeeded()
}

fn lines(home: &Home, file: &str, count: usize) -> Result<()> {
    let enough = || Ok(home.read(file).ok().filter(|text| text.lines().count() == count));
    eventually(&format!("{file} has {count} lines"), enough)?;
    Ok(())
}
