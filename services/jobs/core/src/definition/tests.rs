#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use super::*;
use crate::ViolationKind;
use crate::tests::{continuous, one_off, scheduled, webservice};

fn texts(input: &DefinitionInput) -> Vec<(&'static str, String)> {
    match Definition::parse(input) {
        Ok(_) => Vec::new(),
        Err(wrong) => wrong.iter().map(|found| (found.field, found.text.clone())).collect(),
    }
}

fn refused(input: &DefinitionInput, field: &str, text: &str) {
    assert_eq!(texts(input), [(field, text.to_owned())].map(|(f, t)| (leak(f), t)));
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn script() -> HealthCheckInput {
    HealthCheckInput { kind: Some("script".into()), script: Some("true".into()), path: None }
}

fn http(path: &str) -> HealthCheckInput {
    HealthCheckInput { kind: Some("http".into()), script: None, path: Some(path.into()) }
}

#[test]
fn what_is_parsed_is_written_back_the_same() {
    let everything = [
        DefinitionInput {
            filelog: Some(true),
            filelog_stdout: Some("out/x.log".into()),
            filelog_stderr: Some("/data/project/alpha/e".into()),
            emails: Some("onfailure".into()),
            mount: Some("all".into()),
            memory: Some("0.5Gi".into()),
            cpu: Some("0.1".into()),
            retry: Some(5),
            ..one_off("a", "echo x")
        },
        DefinitionInput {
            retry: Some(0),
            timeout: Some(0),
            concurrency: Some("queue".into()),
            catch_up: Some("all".into()),
            time_zone: Some("UTC".into()),
            suspended: Some(false),
            ..scheduled("a", "", "@daily")
        },
        DefinitionInput {
            continuous: Some(true),
            replicas: Some(0),
            port: Some(65_535),
            port_protocol: Some("tcp".into()),
            health_check: Some(http("/health?x=1")),
            publish: Some("/".into()),
            ..continuous("a", "x")
        },
        DefinitionInput {
            continuous: Some(true),
            publish: Some(String::new()),
            health_check: Some(script()),
            ..continuous("a", "x")
        },
        webservice("webservice"),
    ];
    for input in everything {
        let definition = Definition::parse(&input).unwrap();
        assert_eq!(definition.to_input(), input);
        assert_eq!(Definition::parse(&definition.to_input()).unwrap(), definition);
    }
}

#[test]
fn quantities_are_normalised_and_unset_stays_unset() {
    let input =
        DefinitionInput { memory: Some("512Mi".into()), cpu: Some("100m".into()), ..one_off("a", "x") };
    let set = Definition::parse(&input).unwrap();
    assert_eq!(
        (set.to_input().memory.as_deref(), set.to_input().cpu.as_deref()),
        (Some("0.5Gi"), Some("0.1"))
    );
    let unset = Definition::parse(&one_off("a", "x")).unwrap();
    assert_ne!(set, unset, "set to the default is not the same as not set");
}

#[test]
fn the_type_is_told_from_the_shape() {
    let bare = DefinitionInput { job_type: None, ..one_off("a", "x") };
    let typed = |input: DefinitionInput| Definition::parse(&input).unwrap().job_type;
    assert_eq!(typed(bare.clone()), JobType::OneOff);
    assert_eq!(typed(DefinitionInput { continuous: Some(false), ..bare.clone() }), JobType::OneOff);
    let schedule = Some("@daily".to_owned());
    assert_eq!(typed(DefinitionInput { schedule, ..bare.clone() }), JobType::Scheduled);
    for input in [
        DefinitionInput { continuous: Some(true), ..bare.clone() },
        DefinitionInput { replicas: Some(1), ..bare.clone() },
        DefinitionInput { port: Some(1), ..bare.clone() },
        DefinitionInput { port_protocol: Some("udp".into()), ..bare.clone() },
        DefinitionInput { health_check: Some(script()), ..bare.clone() },
        DefinitionInput { publish: Some(String::new()), ..bare.clone() },
    ] {
        assert_eq!(typed(input), JobType::Continuous);
    }
    let wrong = DefinitionInput { job_type: Some("cron".into()), ..bare };
    refused(
        &wrong,
        "job_type",
        "job_type must be one of one-off, scheduled, continuous, webservice, not \"cron\"",
    );
}

#[test]
fn rules_between_fields_have_the_contracts_texts() {
    let file = DefinitionInput { filelog: Some(true), mount: Some("none".into()), ..one_off("a", "x") };
    refused(&file, "filelog", "File logging is only available with --mount=all");
    let check = DefinitionInput { health_check: Some(http("/")), ..continuous("a", "x") };
    refused(&check, "health_check", "Port must be set for HTTP health checks");
    let publish = DefinitionInput { publish: Some("/".into()), ..continuous("a", "x") };
    refused(&publish, "publish", "publish requires port to be set");
    let udp = DefinitionInput { port: Some(1), port_protocol: Some("udp".into()), ..publish };
    refused(&udp, "publish", "publish requires port_protocol set to tcp");
    let dotted = DefinitionInput { port: Some(1), ..continuous("a.b", "x") };
    refused(&dotted, "name", "The name of a job with a port can't contain dots");
    assert!(Definition::parse(&DefinitionInput { health_check: Some(http("/")), ..webservice("w") }).is_ok());
}

#[test]
fn ranges_are_checked() {
    let base = || one_off("a", "x");
    let many = || continuous("a", "x");
    for (input, field, text) in [
        (DefinitionInput { retry: Some(6), ..base() }, "retry", "retry must be between 0 and 5, not 6"),
        (DefinitionInput { retry: Some(-1), ..base() }, "retry", "retry must be between 0 and 5, not -1"),
        (
            DefinitionInput { timeout: Some(-1), ..scheduled("a", "x", "@daily") },
            "timeout",
            "timeout must be between 0 and 2147483647, not -1",
        ),
        (
            DefinitionInput { replicas: Some(-1), ..many() },
            "replicas",
            "replicas must be between 0 and 1000, not -1",
        ),
        (DefinitionInput { port: Some(0), ..many() }, "port", "port must be between 1 and 65535, not 0"),
        (
            DefinitionInput { port: Some(i64::MAX), ..many() },
            "port",
            "port must be between 1 and 65535, not 9223372036854775807",
        ),
    ] {
        refused(&input, field, text);
    }
}

#[test]
fn words_and_texts_are_checked() {
    let base = || one_off("a", "x");
    let many = || continuous("a", "x");
    for (input, field, text) in [
        (
            DefinitionInput { emails: Some("ALL".into()), ..base() },
            "emails",
            "emails must be one of none, all, onfinish, onfailure, not \"ALL\"",
        ),
        (
            DefinitionInput { mount: Some(String::new()), ..base() },
            "mount",
            "mount must be one of all, none, not \"\"",
        ),
        (
            DefinitionInput { port: Some(1), port_protocol: Some("TCP".into()), ..many() },
            "port_protocol",
            "port_protocol must be one of tcp, udp, not \"TCP\"",
        ),
        (
            DefinitionInput { port: Some(1), publish: Some("/x".into()), ..many() },
            "publish",
            "publish must be / or empty, not \"/x\"",
        ),
        (DefinitionInput { cmd: None, ..base() }, "cmd", "cmd is required"),
        (DefinitionInput { imagename: None, ..base() }, "imagename", "imagename is required"),
        (
            DefinitionInput { schedule: None, ..scheduled("a", "x", "") },
            "schedule",
            "schedule is required for scheduled jobs",
        ),
        (
            DefinitionInput { time_zone: Some("Mars/Base".into()), ..scheduled("a", "x", "@daily") },
            "time_zone",
            "Unknown time zone \"Mars/Base\", expected an IANA name such as Europe/Berlin",
        ),
        (DefinitionInput { cmd: Some("a\0b".into()), ..base() }, "cmd", "cmd can't contain a null character"),
        (
            DefinitionInput { filelog_stdout: Some(String::new()), ..base() },
            "filelog_stdout",
            "filelog_stdout can't be empty",
        ),
        (
            DefinitionInput { cmd: Some("x".repeat(102_401)), ..base() },
            "cmd",
            "cmd can't be longer than 102400 bytes",
        ),
    ] {
        refused(&input, field, text);
    }
}

#[test]
fn fields_of_other_types_are_refused_by_name() {
    let refuses = |input: &DefinitionInput, fields: &[&str], jobs: &str| {
        let found = texts(input);
        assert_eq!(found.len(), fields.len(), "{found:?}");
        for ((field, text), wanted) in found.iter().zip(fields) {
            assert_eq!(field, wanted);
            assert_eq!(*text, format!("{wanted} is not allowed for {jobs} jobs"));
        }
    };
    let always = |input: DefinitionInput| DefinitionInput {
        replicas: Some(1),
        port: Some(1),
        health_check: Some(script()),
        publish: Some("/".into()),
        ..input
    };
    refuses(&always(one_off("a", "x")), &["replicas", "port", "health_check", "publish"], "one-off");
    let marked = DefinitionInput { continuous: Some(true), timeout: Some(1), ..one_off("a", "x") };
    refuses(&marked, &["timeout", "continuous"], "one-off");
    let continuous = DefinitionInput { retry: Some(1), continuous: Some(false), ..continuous("a", "x") };
    refuses(&continuous, &["retry", "continuous"], "continuous");
    let web = DefinitionInput {
        filelog: Some(false),
        schedule: Some("@daily".into()),
        continuous: Some(true),
        port_protocol: Some("tcp".into()),
        publish: Some(String::new()),
        ..webservice("w")
    };
    refuses(&web, &["filelog", "schedule", "continuous", "port_protocol", "publish"], "webservice");
    let ours = DefinitionInput {
        concurrency: Some("allow".into()),
        catch_up: Some("all".into()),
        time_zone: Some("UTC".into()),
        suspended: Some(true),
        ..one_off("a", "x")
    };
    refuses(&ours, &["concurrency", "catch_up", "time_zone", "suspended"], "one-off");
}

#[test]
fn health_checks_have_exactly_their_own_field() {
    let check = |kind: Option<&str>, script: Option<&str>, path: Option<&str>| DefinitionInput {
        port: Some(1),
        health_check: Some(HealthCheckInput {
            kind: kind.map(str::to_owned),
            script: script.map(str::to_owned),
            path: path.map(str::to_owned),
        }),
        ..continuous("a", "x")
    };
    for (input, field) in [
        (check(None, Some("x"), None), "health_check.type"),
        (check(Some("tcp"), None, None), "health_check.type"),
        (check(Some("script"), None, None), "health_check.script"),
        (check(Some("script"), Some("x"), Some("/")), "health_check.script"),
        (check(Some("http"), None, None), "health_check.path"),
        (check(Some("http"), None, Some("x")), "health_check.path"),
        (check(Some("http"), None, Some("/\r\nHost: x")), "health_check.path"),
    ] {
        let found = texts(&input);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, field);
    }
}

#[test]
fn everything_wrong_is_told_at_once_and_shape_is_told_from_rules() {
    let input = DefinitionInput {
        name: Some("A".into()),
        memory: Some("lots".into()),
        retry: Some(9),
        ..one_off("", "x")
    };
    let wrong = Definition::parse(&input).unwrap_err();
    let fields: Vec<&str> = wrong.iter().map(|found| found.field).collect();
    assert_eq!(fields, ["name", "retry", "memory"]);
    assert!(!wrong.is_schema());
    let kinds: Vec<ViolationKind> = wrong.iter().map(|found| found.kind).collect();
    assert_eq!(kinds, [ViolationKind::Rule, ViolationKind::Schema, ViolationKind::Schema]);
    assert!(Definition::parse(&DefinitionInput { name: Some("a".into()), ..input }).unwrap_err().is_schema());
}
