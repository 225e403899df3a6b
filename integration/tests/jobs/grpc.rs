//! gRPC on the same port, as `grpcurl` sees it: reflection, descriptions with their options, calls.

use std::process::Command;

use anyhow::Result;
use integration::{Finished, Home, Platform, grpcurl, run};
use serde_json::Value;

const SERVICES: &[&str] = &[
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "toolforge.config.v1.Tools",
    "toolforge.jobs.v1.Images",
    "toolforge.jobs.v1.Jobs",
    "toolforge.jobs.v1.Quotas",
    "toolforge.jobs.v1.Runs",
    "toolforge.logs.v1.Logs",
];

#[test]
fn grpcurl_lists_describes_and_calls() -> Result<()> {
    let platform = Platform::start()?;
    let alpha = platform.tool("alpha")?;
    let ask = |arguments: &[&str]| grpc(&platform, Some(&alpha), arguments);

    let listed = ask(&["list"])?.succeeded()?;
    for service in SERVICES {
        assert!(listed.lines().any(|line| line == *service), "{service} is not in\n{listed}");
    }
    let described = ask(&["describe", "toolforge.jobs.v1.Jobs.CreateJob"])?.succeeded()?;
    for part in [
        "rpc CreateJob ( .toolforge.jobs.v1.CreateJobRequest ) returns ( .toolforge.jobs.v1.CreateJobResponse )",
        "option (.google.api.http)",
        r#"post: "/jobs/v1/tool/{tool}/jobs""#,
        "option (.toolforge.options.v1.method)",
        "success_status: 201",
    ] {
        assert!(described.contains(part), "{part} is not in\n{described}");
    }

    let create = r#"{"tool": "alpha", "job": {"name": "nightly", "imagename": "bookworm", "cmd": "true", "schedule": "@daily"}}"#;
    ask(&["-d", create, "toolforge.jobs.v1.Jobs/CreateJob"])?.succeeded()?;
    let jobs = ask(&["-d", r#"{"tool": "alpha"}"#, "toolforge.jobs.v1.Jobs/ListJobs"])?.succeeded()?;
    let jobs: Value = serde_json::from_str(&jobs)?;
    assert_eq!(jobs["jobs"][0]["name"], "nightly");
    assert_eq!(
        jobs["jobs"][0]["job_type"].as_str().or(jobs["jobs"][0]["jobType"].as_str()),
        Some("JOB_TYPE_SCHEDULED")
    );
    let health = ask(&["-d", r#"{"service": "toolforge.jobs.v1.Jobs"}"#, "grpc.health.v1.Health/Check"])?;
    assert!(health.succeeded()?.contains("SERVING"));

    let missing = ask(&["-d", r#"{"tool": "alpha", "name": "no"}"#, "toolforge.jobs.v1.Jobs/GetJob"])?;
    assert_ne!(missing.code, 0);
    assert!(
        missing.stderr.contains("NotFound") && missing.stderr.contains("Job 'no' does not exist"),
        "{missing}"
    );
    Ok(())
}

#[test]
fn grpcurl_is_refused_without_the_right_certificate() -> Result<()> {
    let platform = Platform::start()?;
    let alpha = platform.tool("alpha")?;
    let call = ["-d", r#"{"tool": "beta"}"#, "toolforge.jobs.v1.Jobs/ListJobs"];
    let anonymous = grpc(&platform, None, &call)?;
    assert_ne!(anonymous.code, 0, "{anonymous}");
    assert!(anonymous.stderr.contains("Code: Unauthenticated"), "{anonymous}");
    let other = grpc(&platform, Some(&alpha), &call)?;
    assert_ne!(other.code, 0, "{other}");
    assert!(other.stderr.contains("Code: PermissionDenied"), "{other}");
    let admin_only = grpc(&platform, Some(&alpha), &["-d", "{}", "toolforge.config.v1.Tools/ListTools"])?;
    assert!(admin_only.stderr.contains("Code: PermissionDenied"), "{admin_only}");
    // reflection and health are for anyone
    assert!(grpc(&platform, None, &["list"])?.succeeded()?.contains("toolforge.jobs.v1.Jobs"));
    assert!(grpc(&platform, None, &["grpc.health.v1.Health/Check"])?.succeeded()?.contains("SERVING"));
    Ok(())
}

/// `grpcurl` at the gateway; what follows the address are its last words, options come first.
fn grpc(platform: &Platform, home: Option<&Home>, arguments: &[&str]) -> Result<Finished> {
    let (options, words) = match arguments {
        ["-d", data, words @ ..] => (vec!["-d", *data], words),
        words => (Vec::new(), words),
    };
    let mut command = Command::new(grpcurl()?);
    command.args(["-insecure", "-max-time", "60"]).args(options);
    if let Some(home) = home {
        let folder = home.path().join(".toolskube");
        command.arg("-cert").arg(folder.join("client.crt")).arg("-key").arg(folder.join("client.key"));
    }
    run(command.arg(platform.gateway()).args(words))
}
