//! A running `toolforged` on ports of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{Finished, Home, binary, run};

/// How long a start may take on a loaded machine.
const START: Duration = Duration::from_mins(1);

/// How a platform is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// More arguments of `toolforged serve`.
    pub arguments: Vec<String>,
    /// Its environment, beside the test's own.
    pub environment: Vec<(String, String)>,
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
        let mut platform =
            Self { folder, options, server: None, gateway: "127.0.0.1:0".into(), web: "127.0.0.1:0".into() };
        platform.resume()?;
        Ok(platform)
    }

    /// Starts the server again after [`kill`](Self::kill) or [`terminate`](Self::terminate), on the same addresses.
    pub fn resume(&mut self) -> Result<()> {
        ensure!(self.server.is_none(), "the server runs already");
        let mut child = Command::new(binary("toolforged")?)
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

    /// Adds a tool with `toolforged tool add`, as an operator does.
    pub fn tool(&self, name: &str) -> Result<Home> {
        let added = self.toolforged(&["tool", "add", name])?;
        ensure!(added.code == 0, "tool add {name}: {added}");
        let home = added.stdout.lines().last().context("no home in the output of tool add")?;
        Ok(Home::new(name, PathBuf::from(home)))
    }

    /// Runs a `toolforged` command on this platform's data.
    pub fn toolforged(&self, arguments: &[&str]) -> Result<Finished> {
        run(Command::new(binary("toolforged")?).args(arguments).arg("--data").arg(self.data()))
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

fn ready_line(stdout: impl std::io::Read + Send + 'static) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if line.starts_with("ready ") {
                let _ = send.send(line);
            }
        }
    });
    receive
}
