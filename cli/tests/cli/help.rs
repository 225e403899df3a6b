//! Help needs no server, no configuration and no home.

use std::process::Command;

/// Every command.
const COMMANDS: &[&str] = &[
    "",
    "jobs",
    "jobs images",
    "jobs run",
    "jobs show",
    "jobs logs",
    "jobs list",
    "jobs delete",
    "jobs flush",
    "jobs load",
    "jobs restart",
    "jobs quota",
    "jobs dump",
    "runs",
    "runs list",
    "runs show",
    "runs start",
    "runs watch",
    "runs cancel",
    "runs attach",
    "context",
    "context list",
    "context use",
    "context add",
    "context remove",
    "completion",
];

fn help(command: &str) -> String {
    let mut toolforge = Command::new(env!("CARGO_BIN_EXE_toolforge"));
    let output = toolforge.args(command.split_whitespace()).arg("--help").env_clear().output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{command}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_command_has_examples_that_name_it() {
    for command in COMMANDS {
        let text = help(command);
        let examples = text.split("Examples:\n").nth(1).unwrap_or_else(|| panic!("{command} has none"));
        let count = examples.lines().filter(|line| line.contains("toolforge")).count();
        assert!(count >= 2, "{command} has {count}");
        assert!(examples.contains(command.split(' ').next_back().unwrap()), "{command}");
    }
}

#[test]
fn the_tree_of_the_former_client_is_there() {
    let jobs = help("jobs");
    for verb in
        ["images", "run", "show", "logs", "list", "delete", "flush", "load", "restart", "quota", "dump"]
    {
        assert!(jobs.lines().any(|line| line.trim_start().starts_with(verb)), "{verb}");
    }
    let run = help("jobs run");
    for flag in [
        "--image",
        "--command",
        "--filelog",
        "--no-filelog",
        "-o, --filelog-stdout",
        "-e, --filelog-stderr",
        "--retry",
        "--mem",
        "--cpu",
        "--emails",
        "--mount",
        "--timeout",
        "--schedule",
        "--continuous",
        "--wait",
        "--webservice",
        "--health-check-script",
        "--health-check-http",
        "-p, --port",
        "--replicas",
        "--publish",
    ] {
        assert!(run.contains(flag), "{flag}");
    }
}

#[test]
fn the_help_is_this() {
    for (command, golden) in [
        ("", include_str!("../golden/help.txt")),
        ("jobs", include_str!("../golden/help-jobs.txt")),
        ("runs", include_str!("../golden/help-runs.txt")),
    ] {
        assert_eq!(help(command), golden, "{command}");
    }
}

#[test]
fn the_version_is_told() {
    let output = Command::new(env!("CARGO_BIN_EXE_toolforge")).arg("--version").env_clear().output().unwrap();
    assert_eq!(output.stdout, format!("toolforge {}\n", env!("CARGO_PKG_VERSION")).into_bytes());
}
