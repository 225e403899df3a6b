//! The gateway and its documents against each other, by requests that schemathesis makes.
//!
//! The document of accepted forms is exact: what it allows must be taken, what it does not allow must be refused. The
//! canonical document shows less than is taken, so of it only the answers are held against it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use gateway_suite::{Backend, Contract, Except, Gateway};
use integration::Platform;

/// What is not demanded of the library.
const LIBRARY: &[Except] = &[
    Except {
        operations: r"library\.v1\.Library\.(Fail|Inspect|Wait).*",
        checks: &[],
        reason: "it fails or waits as it is told, whatever the document says",
    },
    Except {
        operations: r"library\.v1\.(Library\.(WatchBooks|DownloadParts|Download)|Shapes\.WatchTitles).*",
        checks: &["positive_data_acceptance", "not_a_server_error", "status_code_conformance"],
        reason: "it answers with as many books or bytes, after such pauses and with such a failure as it is told",
    },
    Except {
        operations: r"library\.v1\.(Library\.Echo(_2|_3|_4)|Shapes\.Take.*)",
        checks: &["positive_data_acceptance"],
        reason: "parameters of one oneof exclude each other, which OpenAPI cannot say of parameters",
    },
    Except {
        operations: r"library\.v1\.Library\.(CreateBook|ListBooks|ReplaceBook|ImportBooks)",
        checks: &["positive_data_acceptance"],
        reason: "the service has rules of its own: a title, no negative size, names that are refused",
    },
    Except {
        operations: r"library\.v1\.Library\.GetBook_2",
        checks: &["negative_data_rejection"],
        reason: "its proto says that the name is required, also where the service looks for an ISBN instead",
    },
    Except {
        operations: r"library\.v1\.Library\.MoveBook.*",
        checks: &["allow_header_conformance"],
        reason: "what ends in :move is also the name of a book, which other methods take",
    },
    Except {
        operations: r"library\.v1\.Shapes\.AnyMethod.*",
        checks: &["unsupported_method", "allow_header_conformance"],
        reason: "its rule is for every method of HTTP, also those that OpenAPI has no key for",
    },
];

/// What is not gone through field by field.
const UNCOVERED: &[(&str, &str)] = &[(
    r"library\.v1\.(Library\.Echo_[34]|Shapes\.Take.*)",
    "it has the same fields as Echo and Echo_2, of which every value is tried",
)];

#[test]
fn a_rich_service_takes_and_answers_what_is_documented() {
    let backend = Backend::start().unwrap();
    let gateway = Gateway::before(&backend.uri()).unwrap();
    demand(&Contract {
        document: format!("{}/openapi.json?forms=accepted", gateway.url().unwrap()),
        without: &[],
        except: LIBRARY,
        uncovered: UNCOVERED,
        chosen: &[],
        tool: None,
        arguments: Vec::new(),
        fuzzed: 20,
    });
}

#[test]
fn canonical_documents_hold_for_every_answer() {
    let backend = Backend::start().unwrap();
    let gateway = Gateway::before(&backend.uri()).unwrap();
    demand(&Contract {
        document: format!("{}/openapi.json", gateway.url().unwrap()),
        without: CANONICAL,
        except: LIBRARY,
        uncovered: UNCOVERED,
        chosen: &[],
        tool: None,
        arguments: Vec::new(),
        fuzzed: 10,
    });
}

/// What is not demanded where a document shows canonical forms.
const CANONICAL: &[(&str, &str)] = &[
    (
        "negative_data_rejection",
        "null, other spellings of numbers and numbers of enums are taken but not shown",
    ),
    ("positive_data_acceptance", "unknown members are refused, but a shared schema does not close replies"),
    (
        "response_schema_conformance",
        "the library echoes what it is sent, so spellings that are not shown come back",
    ),
];

/// What is not demanded of Toolforge.
const TOOLFORGE: &[Except] = &[Except {
    operations: r"toolforge\.(jobs\.v1\.(Jobs\.WatchJobs|Runs\.WatchRun)|logs\.v1\.Logs\.StreamLogs)",
    checks: &[],
    reason: "these streams go on for ever",
}];

#[test]
fn toolforge_takes_and_answers_what_is_documented() {
    let platform = Platform::start().unwrap();
    let tool = platform.tool("alpha").unwrap();
    // what the document's examples find
    let job = r#"{"name":"known","imagename":"bookworm","cmd":"true","schedule":"@yearly"}"#;
    let jobs = format!("https://{}/jobs/v1/tool/alpha/jobs", platform.gateway());
    let made =
        ["--request", "POST", "--header", "content-type: application/json", "--fail", "--data", job, &jobs];
    assert_eq!(tool.curl(&made).unwrap().code, 0);
    let credential = |file: &str| tool.path().join(".toolskube").join(file).display().to_string();
    let (certificate, key) = (credential("client.crt"), credential("client.key"));
    let tls = ["--tls-verify", "false", "--request-cert", &certificate, "--request-cert-key", &key];
    demand(&Contract {
        document: format!("https://{}/openapi.json?forms=accepted", platform.gateway()),
        without: &[(
            "positive_data_acceptance",
            "jobs have rules that a schema cannot say: images, cron, quotas",
        )],
        except: TOOLFORGE,
        uncovered: &[],
        chosen: &[(422, "the service refuses so what breaks a rule of jobs")],
        tool: Some("alpha"),
        arguments: tls.map(str::to_owned).to_vec(),
        fuzzed: 20,
    });
}

/// Runs, prints the counts and what was not demanded, and demands all else.
fn demand(contract: &Contract<'_>) {
    let outcome = contract.run().unwrap();
    let mut out = std::io::stdout();
    let mut say = |line: String| std::io::Write::write_all(&mut out, line.as_bytes()).unwrap();
    say(format!(
        "schemathesis, {}: {} operations, {} requests, {} failures, {:.0} s\n",
        contract.document, outcome.operations, outcome.cases, outcome.failures, outcome.seconds
    ));
    for (check, reason) in contract.without {
        say(format!("  without {check}: {reason}\n"));
    }
    for (operations, reason) in contract.uncovered {
        say(format!("  {operations} not field by field: {reason}\n"));
    }
    for (status, reason) in contract.chosen {
        say(format!("  with {status}: {reason}\n"));
    }
    for Except { operations, checks, reason } in contract.except {
        let checks = if checks.is_empty() {
            "not called".to_owned()
        } else {
            format!("without {}", checks.join(", "))
        };
        say(format!("  {operations} {checks}: {reason}\n"));
    }
    assert!(outcome.failures == 0, "{}", outcome.output);
    assert!(outcome.operations > 0 && outcome.cases > 100, "{}", outcome.output);
}
