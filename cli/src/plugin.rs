//! Programs of others as subcommands: `toolforge-NAME` on the PATH, as the former wrapper runs them (contract 7.1).

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::args::Global;
use crate::environment::Environment;
use crate::failure::Failure;

const PREFIX: &str = "toolforge-";

/// The names of all such programs.
pub(crate) fn names(environment: &Environment) -> BTreeSet<String> {
    let entries =
        directories(environment).into_iter().filter_map(|dir| dir.read_dir().ok()).flatten().flatten();
    let programs = entries.filter(|entry| is_program(&entry.path()));
    let name = |name: OsString| {
        name.to_str()?.strip_prefix(PREFIX).filter(|name| !name.is_empty()).map(str::to_owned)
    };
    programs.filter_map(|entry| name(entry.file_name())).collect()
}

/// Runs the program of a name with the remaining arguments; its exit status is ours.
pub(crate) fn run(
    arguments: &[OsString],
    global: &Global,
    environment: &Environment,
) -> Result<ExitCode, Failure> {
    let (name, rest) = arguments.split_first().ok_or_else(|| Failure::user("no subcommand"))?;
    let program = find(name, environment).ok_or_else(|| unknown(name))?;
    let flag = |set: bool| if set { "1" } else { "0" };
    let status = Command::new(&program)
        .args(rest)
        .env("TOOLFORGE_CLI", "1")
        .env("TOOLFORGE_VERBOSE", flag(global.verbose))
        .env("TOOLFORGE_DEBUG", flag(global.debug))
        .status()
        .map_err(|error| not_started(&program, &error))?;
    let code =
        status.code().or_else(|| Some(128 + status.signal()?)).and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(2)))
}

fn not_started(program: &Path, error: &io::Error) -> Failure {
    Failure::user(format!("cannot run {}: {error}", program.display()))
}

fn unknown(name: &OsStr) -> Failure {
    let name = name.to_string_lossy();
    Failure::Usage(format!(
        "error: unrecognized subcommand '{name}', and there is no {PREFIX}{name} on the PATH\n\n\
         For more information, try 'toolforge --help'."
    ))
}

fn find(name: &OsStr, environment: &Environment) -> Option<PathBuf> {
    // a name with a slash would lead out of the directory
    let name = name.to_str().filter(|name| !name.contains('/'))?;
    directories(environment)
        .into_iter()
        .map(|dir| dir.join(format!("{PREFIX}{name}")))
        .find(|path| is_program(path))
}

fn directories(environment: &Environment) -> Vec<PathBuf> {
    environment.path.as_ref().map(|path| std::env::split_paths(path).collect()).unwrap_or_default()
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
