//! Which server is believed, who one is, and contexts.

use crate::platform::{Platform, done};

#[test]
fn a_server_that_does_not_prove_who_it_is_is_not_talked_to() {
    let platform = Platform::start();
    platform.write("other.pem", &Platform::foreign_authority());
    let done = platform.run("--ca-file other.pem jobs list");
    assert_eq!((done.code, done.out.as_str()), (1, ""));
    assert!(
        done.err.contains("does not prove who it is") && done.err.contains("--ca-file FILE"),
        "{}",
        done.err
    );
    assert!(platform.state().calls.is_empty());
    assert_eq!(platform.run("--ca-file other.pem --insecure jobs list").ok(), "");
    assert_eq!(platform.run("jobs --ca-file .toolskube/ca.pem list").ok(), "");
}

#[test]
fn the_system_is_asked_where_no_authority_is_given() {
    let platform = Platform::start();
    platform.write(".toolforge.yaml", &format!("api_gateway: {{url: 'https://{}'}}\n", platform.address()));
    let done = platform.run("jobs list");
    assert_eq!(done.code, 1);
    assert!(done.err.contains("does not prove who it is"), "{}", done.err);
}

#[test]
fn material_that_cannot_be_used_is_named() {
    let platform = Platform::start();
    platform.write("empty.pem", "");
    let done = platform.run("--ca-file empty.pem jobs list");
    assert!(done.code == 1 && done.err.contains("empty.pem: there is no certificate in it"), "{}", done.err);
    let done = platform.run("--ca-file nope.pem jobs list");
    assert!(done.code == 1 && done.err.contains("nope.pem: No such file"), "{}", done.err);
    platform.write(".toolskube/client.key", "no key");
    let done = platform.run("jobs list");
    assert!(done.code == 1 && done.err.contains("the key in"), "{}", done.err);
    std::fs::remove_file(platform.path(".toolskube/client.crt")).unwrap();
    let done = platform.run("jobs list");
    assert!(done.code == 1 && done.err.contains("did you forget to run 'become <mytool>'?"), "{}", done.err);
}

#[test]
fn contexts_are_kept_and_used() {
    let platform = Platform::start();
    let url = format!("https://{}", platform.address());
    let files = [
        "--ca-file",
        ".toolskube/ca.pem",
        "--certificate",
        ".toolskube/client.crt",
        "--key",
        ".toolskube/client.key",
    ];
    let add = [&["context", "add", "local", "--url", &url, "--tool", "alpha"][..], &files].concat();
    let added = platform.run_with(&add);
    assert_eq!(added.code, 0, "{}", added.err);
    // without the kubeconfig now
    std::fs::remove_file(platform.path(".kube/config")).unwrap();
    std::fs::remove_file(platform.path(".toolforge.yaml")).unwrap();
    assert_eq!(platform.run("jobs list").code, 1);
    assert_eq!(platform.run("--context local jobs list").ok(), "");
    assert_eq!(platform.run("context use local").code, 0);
    assert_eq!(platform.run("jobs list").ok(), "");
    let list = platform.run("context list").ok();
    let expected = format!(
        "CURRENT   NAME         TOOL    URL\n          kubeconfig   -       -\n*         local        alpha   {url}\n"
    );
    assert_eq!(list, expected);
    assert_eq!(platform.run("context remove local").code, 0);
    assert_eq!(platform.run("--context local jobs list").code, 1);
}

#[test]
fn a_context_needs_a_tool_and_a_proof() {
    let platform = Platform::start();
    let add = "context add x --url https://h:1";
    platform.run(add).failed(2, "error: a context needs a tool: give --tool NAME\n");
    let proof = "error: a context needs --certificate with --key, or --token-file\n";
    platform.run(&format!("{add} --tool t")).failed(2, proof);
    platform.write("token", "t");
    let done = platform.run("context add x --url h --tool t --token-file token");
    assert!(done.code == 1 && done.err.contains("write https://HOST:PORT"), "{}", done.err);
}

#[test]
fn debugging_says_where_it_connects_and_no_secret() {
    let platform = Platform::start();
    let output = platform.command(&["jobs", "list"]).env("TOOLFORGE_DEBUG", "1").output().unwrap();
    let done = done(output);
    assert!(done.err.contains(&format!("INFO: connecting to {}", platform.address())), "{}", done.err);
    assert!(!done.err.contains("PRIVATE KEY"), "{}", done.err);
}

#[test]
fn a_restarted_server_is_found_again_while_waiting() {
    use api::jobs::v1::{ChangeType, Job, JobStatus, StatusShort, WatchJobsResponse};
    let mut platform = Platform::start();
    let put = |short: StatusShort| {
        let status = Some(JobStatus { short: short.into(), ..JobStatus::default() });
        let job = Some(Job { name: Some("j".into()), status, ..Job::default() });
        WatchJobsResponse { r#type: ChangeType::Put.into(), job }
    };
    platform.state().watches =
        [(vec![put(StatusShort::Running)], true), (vec![put(StatusShort::Succeeded)], true)].into();
    let child = platform.spawn("jobs run j --image i --command c --wait");
    while platform.state().calls.len() < 2 {
        std::thread::yield_now();
    }
    platform.stop();
    platform.restart();
    let done = done(child.wait_with_output().unwrap());
    assert_eq!((done.code, done.err.as_str()), (0, "INFO: job 'j' completed\n"));
}
