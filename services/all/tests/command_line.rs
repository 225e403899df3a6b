//! The command line of `toolforged`, on directories that no server runs on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::path::Path;
use std::process::{Command, Output};

fn toolforged(arguments: &[&str], data: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_toolforged"))
        .args(arguments)
        .env("TOOLFORGED_DATA", data)
        .output()
        .expect("toolforged starts")
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn help_needs_no_data_and_has_examples() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for arguments in [&["--help"][..], &["serve", "--help"], &["tool", "add", "--help"]] {
        let help = stdout(&toolforged(arguments, &data));
        assert!(help.contains("Example"), "{help}");
    }
    assert!(!data.exists());
}

#[test]
fn a_tool_is_added_listed_renewed_and_removed_at_rest() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let added = stdout(&toolforged(&["tool", "add", "alpha"], &data));
    let home = Path::new(added.lines().last().unwrap());
    assert!(home.is_absolute());
    for file in [".kube/config", ".toolskube/client.crt", ".toolskube/client.key", ".toolforge.yaml"] {
        assert!(home.join(file).is_file(), "{file}");
    }
    let again = refusal(&toolforged(&["tool", "add", "alpha"], &data));
    assert!(again.contains("A tool with the name alpha already exists"), "{again}");
    let listed = stdout(&toolforged(&["tool", "list"], &data));
    assert!(
        listed.lines().any(|line| line.starts_with("alpha ") && line.ends_with(home.to_str().unwrap())),
        "{listed}"
    );

    let before = std::fs::read(home.join(".toolskube/client.crt")).unwrap();
    stdout(&toolforged(&["tool", "renew", "alpha"], &data));
    assert_ne!(std::fs::read(home.join(".toolskube/client.crt")).unwrap(), before);

    stdout(&toolforged(&["tool", "remove", "alpha"], &data));
    assert!(home.is_dir() && !home.join(".toolskube").exists());
    let gone = refusal(&toolforged(&["tool", "remove", "alpha"], &data));
    assert!(gone.contains("Tool 'alpha' does not exist"), "{gone}");
}

#[test]
fn a_bad_name_is_refused_with_what_would_be_accepted() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["", "Alpha", "a.b", "../alpha"] {
        let text = refusal(&toolforged(&["tool", "add", name], &folder.path().join("data")));
        assert!(text.contains("tool name"), "{name:?}: {text}");
    }
}

#[test]
fn a_site_file_that_cannot_be_understood_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("mine.yaml");
    std::fs::write(&site, "limits: {pods: many}\n").unwrap();
    let serve =
        ["serve", "--gateway", "127.0.0.1:0", "--web", "127.0.0.1:0", "--site", site.to_str().unwrap()];
    let text = refusal(&toolforged(&serve, &folder.path().join("data")));
    assert!(text.contains("mine.yaml") && text.contains("pods"), "{text}");
}
