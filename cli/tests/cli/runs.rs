//! `toolforge runs`.

use std::io::Write as _;
use std::process::Stdio;

use api::jobs::v1::attach_run_response::Output;
use api::jobs::v1::{AttachExit, RunState};

use crate::platform::{Platform, done};
use crate::samples;

const TABLE: &str = "NAME        JOB       TRIGGER   STATE    EXIT   STARTED                TOOK\n\
                     nightly-1   nightly   manual    failed   3      1970-01-01T00:01:00Z   1m30s\n";

fn platform() -> Platform {
    let platform = Platform::start();
    platform.state().runs = vec![samples::run()];
    platform
}

#[test]
fn runs_are_listed_shown_and_cancelled() {
    let platform = platform();
    assert_eq!(platform.run("runs list --job nightly").ok(), TABLE);
    assert_eq!(platform.run("runs list -o name").ok(), "nightly-1\n");
    assert!(platform.run("runs show nightly-1").ok().contains("COMMAND"));
    assert_eq!(platform.run("runs cancel nightly-1").ok(), "nightly-1\n");
    let json: serde_json::Value =
        serde_json::from_str(&platform.run("runs show nightly-1 -o json").ok()).unwrap();
    assert_eq!((&json["run"]["state"], &json["run"]["exit_code"]), (&"failed".into(), &3.into()));
    let calls = ["runs nightly", "runs ", "run nightly-1", "cancel nightly-1", "run nightly-1"];
    assert_eq!(platform.state().calls, calls);
    platform.state().runs.clear();
    assert_eq!(platform.run("runs list").ok(), "");
}

#[test]
fn a_run_can_be_started_with_its_own_command() {
    let platform = platform();
    let arguments =
        ["runs", "start", "nightly", "--command", "-x y", "--env", "A=1=2", "--env", "B=", "-i", "--", "--z"];
    assert_eq!(platform.run_with(&arguments).ok(), "nightly-1\n");
    let state = platform.state();
    let request = &state.run_requests[0];
    assert_eq!((request.name.as_str(), request.cmd(), request.stdin()), ("nightly", "-x y", true));
    assert_eq!((request.env["A"].as_str(), request.env["B"].as_str()), ("1=2", ""));
    assert_eq!(request.args, ["--z"]);
}

#[test]
fn an_environment_without_a_name_is_wrong_usage() {
    let done = platform().run("runs start nightly --env =x");
    assert_eq!(done.code, 2);
    assert!(done.err.contains("is not NAME=VALUE"), "{}", done.err);
}

#[test]
fn watching_ends_with_the_run_and_its_outcome() {
    let platform = platform();
    let mut running = samples::run();
    running.set_state(RunState::Running);
    running.exit_code = None;
    platform.state().runs = vec![running, samples::run()];
    let done = platform.run("runs watch nightly-1");
    let expected = "nightly-1   running\nnightly-1   failed   exit 3\n";
    assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (1, expected, ""));
    let done = platform.run("runs watch nightly-1 -o json");
    for line in done.out.lines() {
        let json: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(json["run"]["name"], "nightly-1");
    }
    let mut succeeded = samples::run();
    succeeded.set_state(RunState::Succeeded);
    platform.state().runs = vec![succeeded];
    platform.run("runs watch nightly-1 -o name").ok();
}

#[test]
fn attaching_passes_input_output_and_the_exit_status() {
    let platform = platform();
    platform.state().takes_input = true;
    let exit = |code| Output::Exit(AttachExit { code });
    platform.state().outputs =
        vec![Output::Stdout(b"out\xff".to_vec()), Output::Stderr(b"err".to_vec()), exit(Some(7))];
    let mut command = platform.command(&["runs", "attach", "nightly-1", "--stdin"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"input\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), &*output.stdout, &*output.stderr),
        (Some(7), &b"out\xff"[..], &b"err"[..])
    );
    assert_eq!(platform.state().input, b"input\n");
    platform.state().takes_input = false;
    platform.state().outputs = vec![exit(None)];
    let done = done(platform.command(&["runs", "attach", "nightly-1"]).output().unwrap());
    assert_eq!(
        (done.code, done.err.as_str()),
        (2, "WARNING: the run has ended, its exit code is not known\n")
    );
}
