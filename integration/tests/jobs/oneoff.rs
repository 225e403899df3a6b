//! One-off jobs: waited for, failing, too slow, with their output in the home.

use std::thread;

use anyhow::Result;
use integration::{Client, Home, Platform};

use crate::{CLIENTS, PYTHON, SHELL};

/// Every client at the same time, because Toolforge's own asks only every five seconds.
#[test]
fn one_off_jobs_run_to_their_end() -> Result<()> {
    let platform = Platform::start()?;
    let mut clients = CLIENTS.to_vec();
    clients.push((Client::PythonWrapper, "by-wrapper"));
    let homes = clients.iter().map(|(_, tool)| platform.tool(tool)).collect::<Result<Vec<_>>>()?;
    thread::scope(|scope| {
        let scenarios: [fn(Client, &Home) -> Result<()>; 4] = [succeeds, python_runs, fails, takes_too_long];
        let mut running = Vec::new();
        for ((client, _), home) in clients.iter().zip(&homes) {
            running.extend(scenarios.map(|scenario| scope.spawn(move || scenario(*client, home))));
        }
        running.into_iter().try_for_each(|scenario| scenario.join().expect("a scenario panicked"))
    })
}

fn succeeds(client: Client, home: &Home) -> Result<()> {
    let command = "echo out of $PWD; echo to err >&2";
    let ran = home.jobs(client, &["run", "shell", "--image", SHELL, "--command", command, "--wait"])?;
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{client:?} {ran}");
    assert_eq!(ran.notes(), "INFO: job 'shell' completed\n", "{client:?}");
    assert_eq!(home.read("shell.out")?, format!("out of /data/project/{}\n", home.name()));
    assert_eq!(home.read("shell.err")?, "to err\n");
    Ok(())
}

fn python_runs(client: Client, home: &Home) -> Result<()> {
    let command = "python3 -c 'import sys; print(6 * 7, sys.version_info[:2])'";
    let arguments = ["run", "snake", "--image", PYTHON, "--command", command, "--wait", "120"];
    let with_files = [&arguments[..], &["-o", "answers.txt", "--filelog-stderr", "mistakes.txt"]].concat();
    let ran = home.jobs(client, &with_files)?;
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{client:?} {ran}");
    assert_eq!(home.read("answers.txt")?, "42 (3, 11)\n");
    assert_eq!(home.read("mistakes.txt")?, "");
    assert!(!home.path().join("snake.out").exists());
    Ok(())
}

fn fails(client: Client, home: &Home) -> Result<()> {
    let arguments = ["run", "bad", "--image", SHELL, "--command", "echo why >&2; exit 3", "--wait"];
    let ran = home.jobs(client, &arguments)?;
    assert_eq!(ran.code, 1, "{client:?} {ran}");
    assert_eq!(ran.notes(), "\u{1b}[1;31mERROR\u{1b}[1;0m: job 'bad' failed:\n", "{client:?}");
    assert!(row(&ran.stdout, "Status:").starts_with("Failed for "), "{client:?} {ran}");
    assert_eq!(row(&ran.stdout, "Hints:"), "exitcode 3", "{client:?} {ran}");
    assert_eq!(home.read("bad.err")?, "why\n");
    Ok(())
}

fn takes_too_long(client: Client, home: &Home) -> Result<()> {
    let ran =
        home.jobs(client, &["run", "slow", "--image", SHELL, "--command", "exec sleep 600", "--wait", "1"])?;
    assert_eq!(ran.code, 2, "{client:?} {ran}");
    let said = "timed out 1 seconds waiting for job 'slow' to complete:";
    assert!(ran.notes().contains(said), "{client:?} {ran}");
    let status = row(&ran.stdout, "Status:");
    assert!(status.starts_with("Running") || status.starts_with("Pending"), "{client:?} {ran}");
    let deleted = home.jobs(client, &["delete", "slow"])?;
    assert_eq!((deleted.code, deleted.stdout.as_str()), (0, ""), "{client:?} {deleted}");
    Ok(())
}

/// The value of a row of `show`.
pub(crate) fn row<'a>(table: &'a str, title: &str) -> &'a str {
    let cells = table.lines().find(|line| line.strip_prefix("| ").is_some_and(|row| row.starts_with(title)));
    cells.and_then(|line| line.split('|').nth(2)).expect(title).trim()
}
