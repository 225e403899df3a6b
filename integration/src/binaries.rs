//! Where the programs under test are.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

/// A binary of this workspace, built beside the running test.
pub fn binary(name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe().context("path of the running test")?;
    let folder = test.parent().and_then(Path::parent).context("folder of the build")?;
    existing(folder.join(name), "run `make build` first")
}

/// A program of Toolforge's own Python clients.
pub fn python_client(name: &str) -> Result<PathBuf> {
    existing(here(".venv/bin").join(name), "run `./integration/setup` first")
}

/// The `grpcurl` that the set-up built.
pub fn grpcurl() -> Result<PathBuf> {
    existing(here(".tools/grpcurl"), "run `./integration/setup` first")
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn existing(path: PathBuf, hint: &str) -> Result<PathBuf> {
    ensure!(path.is_file(), "{} is missing: {hint}", path.display());
    Ok(path)
}
