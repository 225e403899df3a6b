#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use engine::{Command, Expose, Kind, Mounts, Port, ProbeCheck, Protocol, Workload};

use super::*;
use crate::tests::{catalogue, continuous, job, one_off, run_of, scheduled, tool, webservice};
use crate::{HealthCheckInput, Job};

const NOW: &str = "2026-11-23T10:00:00Z";

fn resolve(input: &DefinitionInput) -> Result<(Job, Resolved), String> {
    let job = job(input, NOW);
    let image = ResolvedImage::find(&job.definition.image, &catalogue()).unwrap();
    Resolved::new(&job.definition, &tool(), image, &Site::default())
        .map(|resolved| (job, resolved))
        .map_err(|wrong| wrong.to_string())
}

fn workload(input: &DefinitionInput) -> Workload {
    let (job, resolved) = resolve(input).unwrap();
    if job.has_runs() {
        resolved.once(&job, &run_of(&job, NOW), &Site::default())
    } else {
        resolved.always(&job, &Site::default())
    }
}

fn built(input: DefinitionInput) -> DefinitionInput {
    DefinitionInput { imagename: Some("tool-alpha/app:latest".into()), ..input }
}

fn shell(text: &str) -> Command {
    Command::Shell(text.to_owned())
}

fn launcher(words: &[&str]) -> Command {
    Command::Launcher(words.iter().map(|word| (*word).to_owned()).collect())
}

#[test]
fn prebuilt_images_log_to_files_in_the_home() {
    let run = workload(&one_off("a", "echo x | cat"));
    let logs = "exec 1>>/data/project/alpha/a.out;exec 2>>/data/project/alpha/a.err;";
    assert_eq!(run.command, shell(&format!("{logs}echo x | cat")));
    assert_eq!((run.mounts, run.env.len()), (Mounts::All, 0));
    assert_eq!(run.kind, Kind::Once { retries: 0, deadline: None });
    let paths = DefinitionInput {
        filelog_stdout: Some("logs/my out".into()),
        filelog_stderr: Some("/dev/null".into()),
        ..one_off("a", "x")
    };
    assert_eq!(
        workload(&paths).command,
        shell("exec 1>>'/data/project/alpha/logs/my out';exec 2>>/dev/null;x")
    );
    let off = DefinitionInput { filelog: Some(false), ..one_off("a", "x") };
    assert_eq!(workload(&off).command, shell("x"));
}

#[test]
fn built_images_run_words_through_their_launcher() {
    let run = workload(&built(one_off("a", "bash -c 'echo $X'")));
    assert_eq!(run.command, launcher(&["bash", "-c", "echo $X"]));
    assert_eq!(run.mounts, Mounts::None);
    assert_eq!(run.env, [("NO_HOME".to_owned(), "a buildservice pod does not need a home env".to_owned())]);
    assert_eq!(workload(&built(one_off("a", "launcher web --x"))).command, launcher(&["web", "--x"]));
    assert_eq!(workload(&built(one_off("a", "launchers"))).command, launcher(&["launchers"]));
    let files = built(DefinitionInput { filelog: Some(true), ..one_off("a", "launcher web") });
    let logs = "exec 1>>/data/project/alpha/a.out;exec 2>>/data/project/alpha/a.err;";
    assert_eq!(workload(&files).command, shell(&format!("{logs}launcher web")));
    assert_eq!(workload(&files).mounts, Mounts::All, "files need a file system");
    assert_eq!(
        resolve(&built(one_off("a", "echo 'x"))).unwrap_err(),
        "The command has a quote that is not closed"
    );
}

#[test]
fn prebuilt_images_cannot_do_without_mounts() {
    let input = DefinitionInput { mount: Some("none".into()), filelog: Some(false), ..one_off("a", "x") };
    assert_eq!(resolve(&input).unwrap_err(), "Mount type none is only supported for build service images");
    assert!(resolve(&built(input)).is_ok());
}

#[test]
fn requests_and_limits_follow_from_what_was_asked() {
    let resources = |cpu: Option<&str>, memory: Option<&str>| {
        let input = DefinitionInput {
            cpu: cpu.map(str::to_owned),
            memory: memory.map(str::to_owned),
            ..one_off("a", "x")
        };
        let found = workload(&input).resources;
        (
            found.cpu_request_millis,
            found.cpu_limit_millis,
            found.memory_request_bytes >> 20,
            found.memory_limit_bytes >> 20,
        )
    };
    assert_eq!(resources(None, None), (100, 1000, 512, 512));
    assert_eq!(resources(Some("0.1"), Some("0.5Gi")), (100, 100, 512, 512));
    assert_eq!(resources(Some("500m"), Some("2Gi")), (500, 500, 1024, 2048));
}

#[test]
fn jobs_that_always_run_have_port_probe_and_publication() {
    let check = |kind: &str, text: &str| {
        Some(HealthCheckInput {
            kind: Some(kind.to_owned()),
            script: (kind == "script").then(|| text.to_owned()),
            path: (kind == "http").then(|| text.to_owned()),
        })
    };
    let bare = workload(&continuous("a", "x"));
    assert_eq!((bare.kind, bare.probe, bare.port), (Kind::Always { replicas: 1 }, None, None));
    let published = DefinitionInput {
        replicas: Some(2),
        port: Some(8080),
        publish: Some("/".into()),
        ..continuous("a", "x")
    };
    let found = workload(&published);
    assert_eq!(found.kind, Kind::Always { replicas: 2 });
    assert_eq!(found.env, [("PORT".to_owned(), "8080".to_owned())]);
    assert_eq!(found.port, Some(Port { number: 8080, protocol: Protocol::Tcp }));
    assert_eq!(found.expose, Some(Expose { host: "alpha".into(), path: "/".into() }));
    let probe = found.probe.unwrap();
    assert_eq!(probe.check, ProbeCheck::Tcp { port: 8080 });
    assert_eq!((probe.timeout, probe.startup_failures), (Duration::from_secs(5), 120));
    let probed = |input: DefinitionInput| workload(&input).probe.map(|probe| probe.check);
    let http = DefinitionInput { health_check: check("http", "/up"), ..published.clone() };
    assert_eq!(probed(http), Some(ProbeCheck::Http { path: "/up".into(), port: 8080 }));
    let script = DefinitionInput { health_check: check("script", "test -f 'a b'"), ..published.clone() };
    assert_eq!(probed(script.clone()), Some(ProbeCheck::Exec(shell("test -f 'a b'"))));
    assert_eq!(probed(built(script)), Some(ProbeCheck::Exec(launcher(&["test", "-f", "a b"]))));
    let udp = DefinitionInput { port_protocol: Some("udp".into()), publish: None, ..published };
    assert_eq!(probed(udp), None);
}

#[test]
fn webservices_take_what_their_image_gives() {
    let own = "/usr/bin/webservice-runner --type uwsgi-python --port";
    let web = workload(&webservice("w"));
    assert_eq!(web.command, shell(&format!("{own} 8000")));
    assert_eq!(web.port, Some(Port { number: 8000, protocol: Protocol::Tcp }));
    assert_eq!(web.resources.memory_limit_bytes >> 20, 1024);
    assert!(web.expose.is_some());
    let with = |cmd: &str| DefinitionInput { cmd: Some(cmd.into()), port: Some(9000), ..webservice("w") };
    assert_eq!(workload(&with("app.py")).command, shell(&format!("{own} 9000 app.py")));
    for cmd in ["/usr/bin/webservice-runner --x", "cd x && /usr/bin/webservice-runner --x"] {
        assert_eq!(workload(&with(cmd)).command, shell(cmd));
    }
    let plain = DefinitionInput { imagename: Some("bookworm".into()), ..webservice("w") };
    assert_eq!(resolve(&plain).unwrap_err(), "selected image requires that you specify a command");
    let plain = DefinitionInput { cmd: Some("serve".into()), ..plain };
    assert_eq!(workload(&plain).command, shell("serve"));
    assert_eq!(workload(&built(webservice("w"))).command, launcher(&["web"]));
}

#[test]
fn a_timeout_is_a_deadline_and_zero_is_none() {
    let with =
        |timeout| DefinitionInput { timeout: Some(timeout), retry: Some(2), ..scheduled("a", "x", "@daily") };
    assert_eq!(workload(&with(0)).kind, Kind::Once { retries: 2, deadline: None });
    let deadline = Some(Duration::from_secs(90));
    assert_eq!(workload(&with(90)).kind, Kind::Once { retries: 2, deadline });
}

#[test]
fn replies_fill_in_what_each_type_has() {
    let filled = |input: &DefinitionInput| {
        let (job, resolved) = resolve(input).unwrap();
        resolved.filled_fields(&job.definition)
    };
    let found = filled(&one_off("a", "x"));
    let expected = DefinitionInput {
        filelog: Some(true),
        filelog_stdout: Some("/data/project/alpha/a.out".into()),
        filelog_stderr: Some("/data/project/alpha/a.err".into()),
        emails: Some("none".into()),
        mount: Some("all".into()),
        memory: Some("0.5Gi".into()),
        cpu: Some("0.1".into()),
        retry: Some(0),
        ..one_off("a", "x")
    };
    assert_eq!(found, expected);
    let found = filled(&scheduled("a", "x", "@daily"));
    assert_eq!((found.timeout, found.retry, found.schedule.as_deref()), (Some(0), Some(0), Some("@daily")));
    let found = filled(&continuous("a", "x"));
    assert_eq!((found.continuous, found.replicas, found.retry), (Some(true), Some(1), None));
    assert_eq!((found.port, found.port_protocol.as_deref()), (None, Some("tcp")));
    assert_eq!(found.publish.as_deref(), Some(""));
    let found = filled(&webservice("w"));
    let expected = DefinitionInput {
        emails: Some("none".into()),
        mount: Some("all".into()),
        memory: Some("1.0Gi".into()),
        cpu: Some("0.1".into()),
        replicas: Some(1),
        ..webservice("w")
    };
    assert_eq!(
        found, expected,
        "no continuous, publish, port_protocol, file logs, or port the user did not set"
    );
}
