//! The first session of the README, executed as it is written.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use integration::{Home, Platform, binary, run};

const SECTION: &str = "## A first session\n";

#[test]
fn the_first_session_is_as_written() -> Result<()> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let session = session(&std::fs::read_to_string(readme)?)?;
    ensure!(session.len() >= 5, "only {} commands", session.len());
    let platform = Platform::start()?;
    let home = platform.tool("hello")?;
    for (command, expected) in session {
        let written = typed(&home, &command)?;
        assert!(
            is_like(&written, &expected),
            "$ {command}\nwrote\n{written}\nbut the README says\n{expected}"
        );
    }
    Ok(())
}

/// Commands of the section's console block, each with what it is said to write.
fn session(readme: &str) -> Result<Vec<(String, String)>> {
    let (_, section) = readme.split_once(SECTION).context("no such section")?;
    let section = section.split("\n## ").next().unwrap_or_default();
    let (_, block) = section.split_once("```console\n").context("no console block")?;
    let (block, _) = block.split_once("```").context("the block does not end")?;
    let mut session: Vec<(String, String)> = Vec::new();
    for line in block.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            session.push((command.to_owned(), String::new()));
        } else {
            let (_, output) = session.last_mut().context("output before the first command")?;
            output.push_str(line);
            output.push('\n');
        }
    }
    Ok(session)
}

/// What a terminal shows after the command.
fn typed(home: &Home, command: &str) -> Result<String> {
    let mut path = binary("toolforge")?.parent().context("folder of the programs")?.as_os_str().to_owned();
    path.push(":/usr/bin:/bin");
    let mut shell = Command::new("/bin/sh");
    shell.env_clear().env("PATH", path).env("HOME", home.path()).current_dir(home.path());
    let done = run(shell.args(["-e", "-c", &format!("exec 2>&1\n{command}")]))?;
    assert_eq!(done.code, 0, "$ {command}\n{done}");
    Ok(done.stdout)
}

/// Whether a text is what was written, where `…` stands for anything.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.trim_end().split('…');
    let Some(mut rest) = text.trim_end().strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn patterns_match_what_they_say() {
    for (text, pattern) in
        [("", ""), ("a\n", "a\n"), ("a b c", "a … c"), ("x 1 y 2", "…1…2"), ("any\nlines", "…\n")]
    {
        assert!(is_like(text, pattern), "{text:?} {pattern:?}");
    }
    for (text, pattern) in
        [("a", ""), ("a", "b"), ("ab", "a"), ("a c", "a…b…c"), ("ab", "ab…b"), ("xa", "a…")]
    {
        assert!(!is_like(text, pattern), "{text:?} {pattern:?}");
    }
}
