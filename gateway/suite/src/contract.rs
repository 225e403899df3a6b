//! schemathesis (PyPI): requests made from an OpenAPI document, valid and not, and answers held against it.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::tools::{here, python};

/// What would make Python's HTTP client go elsewhere or verify against other roots.
const FOREIGN: &[&str] = &[
    "ALL_PROXY",
    "CURL_CA_BUNDLE",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "all_proxy",
    "http_proxy",
    "https_proxy",
];

/// The same requests in every run.
const SEED: u32 = 20_261_124;

/// What is not demanded of some operations, and why.
#[derive(Clone, Copy, Debug)]
pub struct Except {
    /// A regular expression for operation ids.
    pub operations: &'static str,
    /// The checks that are left out; with none of them the operations are not called at all.
    pub checks: &'static [&'static str],
    /// Why.
    pub reason: &'static str,
}

/// A run of schemathesis against a running server.
#[derive(Clone, Debug)]
pub struct Contract<'c> {
    /// The URL of the document.
    pub document: String,
    /// Checks that are left out for all operations, each with the reason.
    pub without: &'c [(&'c str, &'c str)],
    /// What is not demanded of some operations.
    pub except: &'c [Except],
    /// Operations that are called with random values only, not field by field, each with the reason.
    pub uncovered: &'c [(&'c str, &'c str)],
    /// Statuses that the service chooses itself and that documents have under `default` alone, each with the reason.
    pub chosen: &'c [(u16, &'c str)],
    /// The only value for path parameters that are named `tool`.
    pub tool: Option<&'c str>,
    /// More arguments of `schemathesis run`.
    pub arguments: Vec<String>,
    /// Requests that the last phase makes at most for each operation.
    pub fuzzed: u32,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Operations that were called.
    pub operations: u64,
    /// Requests that were made.
    pub cases: u64,
    /// Kinds of failures, each once for an operation.
    pub failures: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// All that schemathesis said.
    pub output: String,
}

impl Contract<'_> {
    /// Runs the phases examples, coverage and fuzzing with every check that is not excepted.
    pub fn run(&self) -> Result<Outcome> {
        let folder = tempfile::Builder::new().prefix("schemathesis-").tempdir()?;
        let config = folder.path().join("schemathesis.toml");
        std::fs::write(&config, self.config()?)?;
        let report = folder.path().join("report.json");
        let mut command = Command::new(python("schemathesis")?);
        command.arg("--config-file").arg(&config).args(["run", &self.document]);
        command.args(["--phases", "examples,coverage,fuzzing", "--continue-on-failure"]);
        command.args(["--seed", &SEED.to_string(), "--max-examples", &self.fuzzed.to_string()]);
        command.args(["--generation-database", "none", "--no-color", "--workers", "2"]);
        command.args(["--suppress-health-check", "all", "--request-timeout", "30"]);
        command.args(["--report", "json", "--report-json-path"]).arg(&report);
        let without: Vec<&str> = self.without.iter().map(|(check, _)| *check).collect();
        if !without.is_empty() {
            command.args(["--exclude-checks", &without.join(",")]);
        }
        command.args(&self.arguments).current_dir(folder.path());
        command.env("PYTHONPATH", here("contract")).env("SCHEMATHESIS_HOOKS", "hooks").env("NO_PROXY", "*");
        for variable in FOREIGN {
            command.env_remove(variable);
        }
        let chosen: Vec<String> = self.chosen.iter().map(|(status, _)| status.to_string()).collect();
        command
            .env("CONTRACT_STATUSES", chosen.join(" "))
            .env("CONTRACT_TOOL", self.tool.unwrap_or_default());
        let output = command.output().context("schemathesis")?;
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        let report = std::fs::read(&report).with_context(|| format!("no report of schemathesis:\n{said}"))?;
        let report: Value = serde_json::from_slice(&report)?;
        ensure!(report["complete"] == true, "the run was not completed:\n{said}");
        let count = |pointer: &str| report.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
        Ok(Outcome {
            operations: count("/operations/tested"),
            cases: count("/test_cases/generated"),
            failures: count("/test_cases/unique_failures")
                + count("/test_cases/errored")
                + count("/operations/errored"),
            seconds: report["running_time"].as_f64().unwrap_or_default(),
            output: said.into_owned(),
        })
    }

    /// The exceptions as schemathesis has them.
    fn config(&self) -> Result<String> {
        let refusals = "'400', '401', '403', '404', '405', '406', '409', '413', '414', '415', '431'";
        let mut config = format!("[checks]\nnegative_data_rejection.expected-statuses = [{refusals}]\n");
        for (operations, reason) in self.uncovered {
            writeln!(config, "# {reason}\n[[operations]]\ninclude-operation-id-regex = '{operations}'")?;
            writeln!(config, "phases.coverage.enabled = false")?;
        }
        for except in self.except {
            writeln!(config, "# {}\n[[operations]]", except.reason)?;
            writeln!(config, "include-operation-id-regex = '{}'", except.operations)?;
            if except.checks.is_empty() {
                writeln!(config, "enabled = false")?;
            }
            for check in except.checks {
                writeln!(config, "checks.{check}.enabled = false")?;
            }
        }
        Ok(config)
    }
}
