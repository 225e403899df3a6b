//! A running `toolforged` on ports of its own.

use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{Finished, Home, Site, binary, ready_line, run};

/// How long a start may take on a loaded machine.
const START: Duration = Duration::from_mins(1);

/// How a platform is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// More arguments of `toolforged serve`.
    pub arguments: Vec<String>,
    /// Its environment, beside the test's own.
    pub environment: Vec<(String, String)>,
    /// The addresses that it listens on instead of 127.0.0.1.
    pub listen: Option<IpAddr>,
    /// The user, by number, that it runs as instead of the test's own; only root can ask for one.
    pub user: Option<u32>,
    /// A program and its first arguments that every `toolforged` is started through.
    pub through: Vec<String>,
}

/// A running platform; dropping it stops the server and its instances.
#[derive(Debug)]
pub struct Platform {
    folder: TempDir,
    options: Options,
    server: Option<Child>,
    gateway: String,
    web: String,
}

impl Platform {
    /// Starts a platform on an empty data directory.
    pub fn start() -> Result<Self> {
        Self::start_with(Options::default())
    }

    /// Starts a platform with more arguments.
    pub fn start_with(options: Options) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("toolforge-").tempdir()?;
        let address = options.listen.unwrap_or(Ipv4Addr::LOCALHOST.into());
        let (gateway, web) = (format!("{address}:0"), format!("{address}:0"));
        if let Some(user) = options.user {
            chown(folder.path(), Some(user), Some(user))?;
            // the build may be where that user cannot look
            let program = folder.path().join("toolforged");
            std::fs::copy(binary("toolforged")?, &program)?;
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
        }
        let mut platform = Self { folder, options, server: None, gateway, web };
        platform.resume()?;
        Ok(platform)
    }

    /// Starts the server again after [`kill`](Self::kill) or [`terminate`](Self::terminate), on the same addresses.
    pub fn resume(&mut self) -> Result<()> {
        ensure!(self.server.is_none(), "the server runs already");
        let mut child = self
            .program()?
            .args(["serve", "--data"])
            .arg(self.data())
            .args(["--gateway", &self.gateway, "--web", &self.web])
            .args(&self.options.arguments)
            .envs(self.options.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::OpenOptions::new().create(true).append(true).open(self.log())?)
            .spawn()
            .context("cannot start toolforged")?;
        let ready = ready_line(child.stdout.take().context("standard output of toolforged")?);
        self.server = Some(child);
        let line = ready.recv_timeout(START).map_err(|_| {
            let log = std::fs::read_to_string(self.log()).unwrap_or_default();
            anyhow::anyhow!("toolforged was not ready within {START:?}; its log:\n{log}")
        })?;
        let value = |key: &str| {
            let found = line.split_whitespace().find_map(|word| word.strip_prefix(key));
            found.map(str::to_owned).with_context(|| format!("no {key} in {line:?}"))
        };
        self.gateway = value("gateway=https://")?;
        self.web = value("web=http://")?;
        Ok(())
    }

    /// Starts the server again with other arguments than before.
    pub fn resume_with(&mut self, arguments: &[&str]) -> Result<()> {
        self.options.arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        self.resume()
    }

    /// Adds a tool with `toolforged tool add`, as an operator does.
    pub fn tool(&self, name: &str) -> Result<Home> {
        let added = self.toolforged(&["tool", "add", name])?;
        ensure!(added.code == 0, "tool add {name}: {added}");
        let home = added.stdout.lines().last().context("no home in the output of tool add")?;
        Ok(Home::new(name, PathBuf::from(home)))
    }

    /// Runs a `toolforged` command on this platform's data.
    pub fn toolforged(&self, arguments: &[&str]) -> Result<Finished> {
        run(self.program()?.args(arguments).arg("--data").arg(self.data()))
    }

    /// `toolforged`, as it is started here.
    fn program(&self) -> Result<Command> {
        let program = match self.options.user {
            Some(_) => self.folder.path().join("toolforged"),
            None => binary("toolforged")?,
        };
        let mut command = match self.options.through.split_first() {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
            None => Command::new(program),
        };
        if let Some(user) = self.options.user {
            command.uid(user).gid(user).current_dir(self.folder.path());
        }
        Ok(command)
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What the server writes to standard error.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("toolforged.log")
    }

    /// A folder for files of the test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The short name of an image with a Python; which ones there are depends on the machine.
    pub fn python(&self) -> Result<String> {
        let catalogue = std::fs::read_to_string(self.data().join("images/catalogue.yaml"))?;
        let names = catalogue
            .lines()
            .filter(|line| line.starts_with("python3."))
            .filter_map(|line| line.strip_suffix(':'));
        let mut names: Vec<&str> = names.collect();
        // Debian's own, where it is there
        names.sort_by_key(|name| *name == "python3.11");
        names.last().map(|&name| name.to_owned()).context("no image has a Python")
    }

    /// The web address of a tool.
    pub fn site(&self, tool: &Home) -> Site {
        Site::new(&self.web, tool.name())
    }

    /// Host and port of the gateway.
    pub fn gateway(&self) -> &str {
        &self.gateway
    }

    /// Host and port of published jobs.
    pub fn web(&self) -> &str {
        &self.web
    }

    /// Process id of the server.
    pub fn pid(&self) -> Result<u32> {
        Ok(self.server.as_ref().context("the server does not run")?.id())
    }

    /// Kills the server as a crash does; instances go on.
    pub fn kill(&mut self) -> Result<()> {
        let mut server = self.server.take().context("the server does not run")?;
        server.kill()?;
        server.wait()?;
        Ok(())
    }

    /// Whether the server has ended by itself; it can be resumed then.
    pub fn has_ended(&mut self) -> Result<bool> {
        let Some(server) = &mut self.server else { return Ok(true) };
        let ended = server.try_wait()?.is_some();
        if ended {
            self.server = None;
        }
        Ok(ended)
    }

    /// Asks the server to end and tells its exit code.
    pub fn terminate(&mut self) -> Result<i32> {
        let mut server = self.server.take().context("the server does not run")?;
        let pid = i32::try_from(server.id()).ok().and_then(Pid::from_raw).context("process id")?;
        kill_process(pid, Signal::TERM)?;
        match server.wait()?.code() {
            Some(code) => Ok(code),
            None => bail!("toolforged was killed by a signal"),
        }
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        if self.server.is_some() {
            let _ = self.terminate();
        }
        // What instances were left running end with the platform.
        let _ = self.toolforged(&["stop-instances"]);
        if thread::panicking() && std::env::var_os("KEEP").is_some() {
            let log = std::fs::read_to_string(self.log()).unwrap_or_default();
            let _ = std::fs::write(std::env::temp_dir().join("toolforged-failed.log"), log);
        }
    }
}
