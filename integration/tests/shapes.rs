//! Both shapes of the platform: one process, and a process per service with mutual TLS between them. Whoever uses it
//! meets the same.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "telemetry/collector.rs"]
#[allow(dead_code, reason = "the tests of telemetry look at more of a span")]
mod collector;
#[path = "shapes/separate.rs"]
mod separate;

use std::path::Path;
use std::process::Command;

use integration::{Finished, Home, Platform, Site, eventually, grpcurl, run};

use collector::Collector;
use separate::Separate;

const SERVER: &str = include_str!("programs/server.py");

/// A run that is waited for, a published job that is visited, the list, and the end of everything.
fn scenario(home: &Home, site: &Site) {
    let toolforge = |arguments: &[&str]| home.toolforge(arguments).unwrap().succeeded().unwrap();
    let images = toolforge(&["jobs", "images"]);
    let mut pythons: Vec<_> = images.split_whitespace().filter(|word| word.starts_with("python3.")).collect();
    // Debian's own, where it is there
    pythons.sort_by_key(|name| *name == "python3.11");
    let python = *pythons.last().unwrap_or_else(|| panic!("no image has a Python: {images}"));
    toolforge(&["jobs", "run", "once", "--image", python, "--command", "echo hello", "--wait", "60"]);

    std::fs::write(home.path().join("server.py"), SERVER).unwrap();
    let serve = "exec python3 server.py";
    let web = ["jobs", "run", "web", "--image", python, "--continuous", "--command", serve];
    toolforge(&[&web[..], &["--port", "8000", "--publish"]].concat());
    let look = || Ok(site.get("/").ok().filter(|page| page.status == 200));
    assert_eq!(eventually("the page", look).unwrap().body, "tools.alpha on 8000");

    let listed = toolforge(&["jobs", "list"]);
    assert!(listed.contains("web") && listed.contains("once"), "{listed}");
    toolforge(&["jobs", "delete", "web"]);
    toolforge(&["jobs", "flush"]);
    let listed = toolforge(&["jobs", "list"]);
    assert!(!listed.contains("web") && !listed.contains("once"), "{listed}");
    let gone = || Ok((site.get("/")?.status == 404).then_some(()));
    eventually("the address is free", gone).unwrap();
}

/// `ListJobs` of `tool` at a service itself, with the certificate in `folder`, or none.
fn list(address: &str, tool: &str, certificate: Option<(&Path, &Path)>, more: &[&str]) -> Finished {
    let protos = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto");
    let mut command = Command::new(grpcurl().unwrap());
    command.args(["-insecure", "-import-path", protos, "-proto", "toolforge/jobs/v1/jobs.proto"]);
    if let Some((certificate, key)) = certificate {
        command.arg("-cert").arg(certificate).arg("-key").arg(key);
    }
    let message = format!("{{\"tool\": \"{tool}\"}}");
    run(command.args(more).args(["-d", &message, address, "toolforge.jobs.v1.Jobs/ListJobs"])).unwrap()
}

/// A service that is reached past the gateway lets in whom the gateway would, and nobody else.
fn past_the_gateway(platform: &Separate, alpha: &Home) {
    let folder = alpha.path().join(".toolskube");
    let (certificate, key) = (folder.join("client.crt"), folder.join("client.key"));
    let alpha = Some((certificate.as_path(), key.as_path()));
    let own = list(platform.jobs(), "alpha", alpha, &[]);
    assert_eq!(own.code, 0, "{own}");
    let denied = |call: Finished, code: &str| {
        assert!(call.code != 0 && call.stderr.contains(code), "{code}: {call}");
    };
    denied(list(platform.jobs(), "beta", alpha, &[]), "PermissionDenied");
    denied(list(platform.jobs(), "alpha", None, &[]), "Unauthenticated");
    // Only the gateway is believed who calls.
    let claim = ["-H", "x-toolforge-principal: admin:root"];
    denied(list(platform.jobs(), "beta", alpha, &claim), "PermissionDenied");
    denied(list(platform.jobs(), "alpha", None, &claim), "Unauthenticated");
    // A certificate of the mesh is a service's: it may call what is for that service.
    let (certificate, key) = platform.certificate("jobs");
    denied(list(platform.jobs(), "alpha", Some((&certificate, &key)), &claim), "PermissionDenied");
    let (certificate, key) = platform.certificate("gateway");
    let asserted = list(platform.jobs(), "alpha", Some((&certificate, &key)), &claim);
    assert_eq!(asserted.code, 0, "the gateway speaks for an administrator: {asserted}");
    // Tools have no business with the config service, whose only clients are services and administrators.
    let refused = list(platform.config(), "alpha", alpha, &[]);
    assert!(refused.code != 0, "{refused}");
}

/// A certificate that was replaced opens no service, once the service has read the list of revoked ones.
fn revoked(platform: &Separate, alpha: &Home) {
    let folder = alpha.path().join(".toolskube");
    let former = tempfile::tempdir().unwrap();
    for file in ["client.crt", "client.key"] {
        std::fs::copy(folder.join(file), former.path().join(file)).unwrap();
    }
    let call = |folder: &Path| {
        let (certificate, key) = (folder.join("client.crt"), folder.join("client.key"));
        list(platform.jobs(), "alpha", Some((&certificate, &key)), &[])
    };
    platform.config_command(&["tool", "renew", "alpha"]).unwrap().succeeded().unwrap();
    assert_eq!(call(former.path()).code, 0, "the list was not read again yet");
    platform.hang_up("toolforged-jobs").unwrap();
    let refused = || Ok((call(former.path()).code != 0).then_some(()));
    eventually("the former certificate is refused", refused).unwrap();
    let present = call(&folder);
    assert_eq!(present.code, 0, "{present}");
}

/// Every process tells the collector of its part in a call.
fn traced(platform: &Separate, collector: &Collector) {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let (certificate, key) = platform.certificate("gateway");
    let begun = format!("traceparent: 00-{trace}-00f067aa0ba902b7-01");
    let more = ["-H", &begun, "-H", "x-toolforge-principal: admin:root"];
    let listed = list(platform.jobs(), "alpha", Some((&certificate, &key)), &more);
    assert_eq!(listed.code, 0, "{listed}");
    let of_trace = || {
        let mut spans = collector.spans().into_iter();
        Ok(spans.any(|span| span.trace == trace && span.kind == collector::SERVER).then_some(()))
    };
    eventually("the span of the call", of_trace).unwrap();
    for program in ["toolforged-config", "toolforged-jobs", "toolforged-gateway"] {
        let named = || {
            let raw = collector.raw();
            Ok(raw.windows(program.len()).any(|window| window == program.as_bytes()).then_some(()))
        };
        eventually(program, named).unwrap();
    }
}

#[test]
fn one_process_is_the_whole_platform() {
    let platform = Platform::start().unwrap();
    let alpha = platform.tool("alpha").unwrap();
    scenario(&alpha, &platform.site(&alpha));
}

#[test]
fn a_process_per_service_is_the_same_platform() {
    let collector = Collector::start();
    let environment =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint()), ("OTEL_BSP_SCHEDULE_DELAY", "50".to_owned())];
    let environment = environment.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let platform = Separate::start_with(environment).unwrap();
    let alpha = platform.tool("alpha").unwrap();
    past_the_gateway(&platform, &alpha);
    revoked(&platform, &alpha);
    traced(&platform, &collector);
    scenario(&alpha, &Site::new(platform.web(), "alpha"));
    // The jobs of a tool end with it, though another process knows the tools.
    let image = ["jobs", "run", "last", "--image", "bookworm", "--continuous", "--command", "sleep 500"];
    alpha.toolforge(&image).unwrap().succeeded().unwrap();
    let certificate = platform.certificate("gateway");
    let count = || {
        let claim = ["-H", "x-toolforge-principal: admin:root"];
        let listed = list(platform.jobs(), "alpha", Some((&certificate.0, &certificate.1)), &claim);
        listed.stdout.matches("\"statusShort\"").count()
    };
    assert_eq!(count(), 1);
    platform.config_command(&["tool", "remove", "alpha"]).unwrap().succeeded().unwrap();
    eventually("the jobs of the tool are gone", || Ok((count() == 0).then_some(()))).unwrap();
}

#[test]
fn jobs_says_how_to_get_the_certificates_that_it_needs() {
    let program = integration::binary("toolforged-jobs").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(program);
    let refused = run(command.args(["--config", "127.0.0.1:1", "--data"]).arg(folder.path())).unwrap();
    assert_eq!(refused.code, 1, "{refused}");
    assert!(refused.stderr.contains("toolforged-config issue-service jobs --out DIR"), "{refused}");
}
