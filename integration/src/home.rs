//! A tool's home, and clients run in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::{Finished, binary, python_client, run};

/// What would make a client behave otherwise than in an empty environment. With a bundle of roots, Python's `requests`
/// verifies although the client asked it not to.
const FOREIGN: &[&str] = &[
    "COLUMNS",
    "CURL_CA_BUNDLE",
    "KUBECONFIG",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "TOOLFORGE_OUTPUT",
    "TOOL_TOOLFORGE_API_URL",
    "XDG_CONFIG_HOME",
];

/// Which client runs a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// `toolforge-jobs` from PyPI, unmodified.
    Python,
    /// The PyPI wrapper, which finds `toolforge-jobs` on its path.
    PythonWrapper,
    /// Our `toolforge jobs`.
    Ours,
}

/// The home of a tool.
#[derive(Clone, Debug)]
pub struct Home {
    name: String,
    path: PathBuf,
}

impl Home {
    /// The home of this tool at this place.
    pub fn new(name: &str, path: PathBuf) -> Self {
        Self { name: name.to_owned(), path }
    }

    /// The tool.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is on this machine.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The client's `jobs` command with these arguments, in this home.
    pub fn jobs(&self, client: Client, arguments: &[&str]) -> Result<Finished> {
        run(self.command(client)?.args(arguments))
    }

    /// The command, to be run otherwise.
    pub fn command(&self, client: Client) -> Result<Command> {
        let mut command = match client {
            Client::Python => Command::new(python_client("toolforge-jobs")?),
            Client::PythonWrapper => {
                let wrapper = python_client("toolforge")?;
                let mut command = Command::new(&wrapper);
                command.env("PATH", wrapper.with_file_name("")).arg("jobs");
                command
            }
            Client::Ours => {
                let mut command = Command::new(binary("toolforge")?);
                command.arg("jobs");
                command
            }
        };
        self.dress(&mut command);
        Ok(command)
    }

    /// Our `toolforge` with these arguments, in this home.
    pub fn toolforge(&self, arguments: &[&str]) -> Result<Finished> {
        let mut command = Command::new(binary("toolforge")?);
        self.dress(&mut command);
        run(command.args(arguments))
    }

    /// `curl` with the tool's certificate.
    pub fn curl(&self, arguments: &[&str]) -> Result<Finished> {
        let folder = self.path.join(".toolskube");
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--insecure", "--max-time", "60"]);
        command.arg("--cert").arg(folder.join("client.crt")).arg("--key").arg(folder.join("client.key"));
        run(command.args(arguments))
    }

    /// Contents of a file in the home.
    pub fn read(&self, file: &str) -> Result<String> {
        Ok(std::fs::read_to_string(self.path.join(file))?)
    }

    fn dress(&self, command: &mut Command) {
        command.env("HOME", &self.path).current_dir(&self.path);
        for variable in FOREIGN {
            command.env_remove(variable);
        }
    }
}
