//! `toolforge jobs`: the former client's tables, texts, streams and exit statuses.

use api::jobs::v1::Messages;
use mesh::status::Problem;
use tonic::Code;

use crate::platform::Platform;
use crate::samples;

const REPORT: &str =
    "ERROR: Please report this issue to the Toolforge admins if it persists: https://w.wiki/6Zuu\n";

fn platform() -> Platform {
    let platform = Platform::start();
    let mut state = platform.state();
    (state.jobs, state.dump) = (samples::jobs(), samples::dump());
    (state.images, state.quota) = (samples::images(), samples::quota());
    drop(state);
    platform
}

#[test]
fn tables_are_those_of_the_former_client() {
    let platform = platform();
    let golden = [
        ("list", include_str!("../golden/list-normal.txt")),
        ("list -o normal", include_str!("../golden/list-normal.txt")),
        ("list -o long", include_str!("../golden/list-long.txt")),
        ("list --output=name", "j1\ns1\nc1\nw-1.x\nc2\nwebservice\n"),
        ("show j1", include_str!("../golden/show-j1.txt")),
        ("show s1", include_str!("../golden/show-s1.txt")),
        ("show c1", include_str!("../golden/show-c1.txt")),
        ("show w-1.x", include_str!("../golden/show-w-1.x.txt")),
        ("show c2", include_str!("../golden/show-c2.txt")),
        ("show webservice", include_str!("../golden/show-webservice.txt")),
        ("images", include_str!("../golden/images.txt")),
        ("quota", include_str!("../golden/quota.txt")),
        ("dump", include_str!("../golden/dump.txt")),
    ];
    for (arguments, expected) in golden {
        assert_eq!(platform.run(&format!("jobs {arguments}")).ok(), expected, "{arguments}");
    }
}

#[test]
fn nothing_to_list_is_no_output() {
    let platform = Platform::start();
    assert_eq!(platform.run("jobs list").ok(), "");
    assert_eq!(platform.run("jobs list -o long").ok(), "");
    assert_eq!(
        platform.run("jobs images").ok(),
        "+-----------+-----------+\n| shortname | imagename |\n+-----------+-----------+\n+-----------+-----------+\n"
    );
    let done = platform.run("jobs dump");
    assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (0, "", "WARNING: no jobs defined\n"));
    let done = platform.run("jobs dump -f x.yaml");
    assert_eq!(done.err, "WARNING: no jobs defined, file x.yaml will not be created\n");
    assert!(!platform.path("x.yaml").exists());
}

#[test]
fn the_former_flag_for_long_still_works() {
    let done = platform().run("jobs list --long");
    assert_eq!(done.err, "WARNING: the `--long` flag is deprecated, use `--output long` instead\n");
    assert_eq!((done.code, done.out.as_str()), (0, include_str!("../golden/list-long.txt")));
}

#[test]
fn a_dump_in_a_file_has_no_blank_line_at_its_end() {
    let platform = platform();
    assert_eq!(platform.run("jobs dump --to-file jobs.yaml").ok(), "");
    let file = std::fs::read_to_string(platform.path("jobs.yaml")).unwrap();
    assert_eq!(format!("{file}\n"), include_str!("../golden/dump.txt"));
}

#[test]
fn changes_are_silent() {
    let platform = platform();
    for arguments in ["run j --image i --command c", "delete j", "restart j", "flush"] {
        assert_eq!(platform.run(&format!("jobs {arguments}")).ok(), "", "{arguments}");
    }
    assert_eq!(platform.state().calls, ["create j", "delete j", "restart j", "flush"]);
}

#[test]
fn messages_of_the_server_are_shown() {
    let platform = platform();
    platform.state().messages =
        Messages { info: vec!["good".into()], warning: vec!["old image".into()], error: vec![] };
    let done = platform.run("jobs delete j");
    assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (0, "good\n", "Warning: old image\n"));
    // standard output is for programs alone
    let done = platform.run("jobs images -o json");
    assert!(done.out.starts_with('{') && !done.out.starts_with("good"), "{}", done.out);
    assert_eq!(done.err, "Warning: old image\n");
}

#[test]
fn refusals_of_the_server_end_with_one_and_its_errors_with_two() {
    let platform = Platform::start();
    platform.run("jobs show nope").failed(1, "ERROR: Job 'nope' does not exist\n");
    let refuse = |code, text: &str| platform.state().refusal = Some(Problem::new(code, "jobs", "R", text));
    refuse(Code::InvalidArgument, "Invalid job name.");
    platform.run("jobs list").failed(1, "ERROR: Invalid job name.\n");
    refuse(Code::Internal, "Unknown error (disk)");
    platform.run("jobs list").failed(2, &format!("ERROR: JobsCliError: Unknown error (disk)\n{REPORT}"));
    refuse(Code::Unavailable, "somewhere");
    let down = "ERROR: JobsCliError: The jobs service seems to be down – please retry in a few minutes.\n";
    platform.run("jobs list").failed(2, &format!("{down}{REPORT}"));
    let quota = Problem::new(Code::ResourceExhausted, "jobs", "QUOTA", "Out of quota").http_status(400);
    platform.state().refusal = Some(quota);
    platform.run("jobs run j --image i --command c").failed(1, "ERROR: Out of quota\n");
}

#[test]
fn a_server_that_is_not_there_is_told_at_once() {
    let platform = Platform::start();
    let url =
        platform.command(&["jobs", "list"]).env("TOOL_TOOLFORGE_API_URL", "https://127.0.0.1:1").output();
    let down = "ERROR: JobsCliError: The jobs service seems to be down – please retry in a few minutes.\n";
    crate::platform::done(url.unwrap()).failed(2, &format!("{down}{REPORT}"));
}

#[test]
fn another_tool_is_refused_by_the_server() {
    let platform = Platform::start();
    for tool in ["beta", "alpha.notthistool"] {
        let done = platform.run(&format!("--tool {tool} jobs list"));
        assert_eq!((done.code, done.out.as_str()), (1, ""), "{}", done.err);
        assert!(done.err.starts_with("ERROR: "), "{}", done.err);
    }
    assert!(platform.state().calls.is_empty());
}

#[test]
fn refusals_before_anything_is_sent() {
    let platform = Platform::start();
    let refusals = [
        ("run j --image i", "the following arguments are required: --command"),
        ("run --image i --command c", "the following arguments are required: name"),
        ("run j --image i --command c --port 80", "--port is only valid for continuous/webservice jobs"),
        (
            "run j --image i --command c --replicas 2",
            "--replicas is only valid for continuous/webservice jobs",
        ),
        ("run j --image i --command c --filelog --mount none", "Specifying --filelog requires --mount=all"),
        (
            "run j --image i --command c --health-check-script s",
            "Health checks are only supported for continuous/webservice jobs.",
        ),
        ("run j --image i --command c --timeout 5", "--timeout is only valid for scheduled jobs"),
        (
            "run j --image i --command c --continuous --retry 1",
            "--retry is only valid for one-off and scheduled jobs",
        ),
        (
            "run j --image i --command c --publish",
            "--publish is only valid for continuous jobs. Add --continuous to use it.",
        ),
        (
            "run j --image i --command c --continuous --health-check-http /",
            "--health-check-http requires --port to be set as well",
        ),
        ("run --image i --webservice --filelog", "--filelog is not supported for webservice jobs"),
    ];
    for (arguments, text) in refusals {
        platform.run(&format!("jobs {arguments}")).failed(1, &format!("ERROR: {text}\n"));
    }
    assert!(platform.state().calls.is_empty());
}

#[test]
fn wrong_usage_ends_with_two() {
    let platform = Platform::start();
    for arguments in [
        "jobs",
        "jobs run j --command c",
        "jobs run j --image i --command c --retry 6",
        "jobs run j --image i --command c --emails never",
        "jobs run j --image i --command c --continuous --schedule @daily",
        "jobs list -o nope",
        "jobs frobnicate",
        "jobs show",
    ] {
        let done = platform.run(arguments);
        assert_eq!((done.code, done.out.as_str()), (2, ""), "{arguments}: {}", done.err);
        assert!(!done.err.is_empty(), "{arguments}");
    }
}

#[test]
fn levels_are_coloured_as_by_the_former_client() {
    let platform = Platform::start();
    let run = |color: &[&str]| {
        let mut command = platform.command(&["jobs", "show", "x"]);
        crate::platform::done(command.args(color).env_remove("NO_COLOR").output().unwrap()).err
    };
    assert_eq!(run(&[]), "\x1b[1;31mERROR\x1b[1;0m: Job 'x' does not exist\n");
    assert_eq!(run(&["--color", "never"]), "ERROR: Job 'x' does not exist\n");
}

#[test]
fn without_configuration_the_next_step_is_told() {
    let platform = Platform::start();
    let home = tempfile::tempdir().unwrap();
    let output = platform.command(&["jobs", "list"]).env("HOME", home.path()).output().unwrap();
    let done = crate::platform::done(output);
    assert_eq!((done.code, done.out.as_str()), (1, ""));
    let expected = "ERROR: Failed to load configuration, did you forget to run 'become <mytool>'? (";
    assert!(done.err.starts_with(expected), "{}", done.err);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let platform = platform();
    let mut child = platform.spawn("jobs list -o long");
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert_eq!((done.status.code(), done.stderr.as_slice()), (Some(0), b"".as_slice()));
}
