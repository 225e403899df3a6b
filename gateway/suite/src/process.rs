//! The real gateway as a process.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use integration::ready_line;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::program;

/// How long a start or an end may take on a loaded machine.
const BOUND: Duration = Duration::from_mins(1);

/// Beginnings of variables that would make the gateway behave otherwise than in an empty environment.
const FOREIGN: &[&str] = &["TOOLFORGE_", "OTEL_", "RUST_LOG"];

/// A running `toolforged-gateway`; dropping it ends it.
#[derive(Debug)]
pub struct Gateway {
    child: Child,
    ready: Ready,
    folder: TempDir,
}

/// What the gateway says on its standard output once it is ready: words of `key=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    line: String,
}

impl Gateway {
    /// Starts it on a free port of the loopback address with these arguments beside, and waits until it is ready.
    pub fn start<A: AsRef<str>>(arguments: &[A]) -> Result<Self> {
        Self::start_command(command(arguments)?)
    }

    /// Starts it with these arguments and a config file that says this.
    pub fn configured<A: AsRef<str>>(config: &str, arguments: &[A]) -> Result<Self> {
        let (mut command, folder) = (command(arguments)?, folder()?);
        let file = folder.path().join("gateway.yaml");
        std::fs::write(&file, config)?;
        command.arg("--config").arg(file);
        Self::launch(command, folder)
    }

    /// Starts it in front of one backend.
    pub fn before(backend: &str) -> Result<Self> {
        Self::start(&["--backend", backend])
    }

    /// Starts it by this command, and waits until it is ready.
    pub fn start_command(command: Command) -> Result<Self> {
        Self::launch(command, folder()?)
    }

    fn launch(mut command: Command, folder: TempDir) -> Result<Self> {
        for (name, _) in std::env::vars_os() {
            if FOREIGN.iter().any(|foreign| name.to_string_lossy().starts_with(foreign)) {
                command.env_remove(name);
            }
        }
        let log = File::create(folder.path().join("log"))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().context("cannot start the gateway")?;
        let lines = ready_line(child.stdout.take().context("standard output of the gateway")?);
        // from here on it ends with this value
        let mut gateway = Self { child, ready: Ready { line: String::new() }, folder };
        match lines.recv_timeout(BOUND) {
            Ok(line) => gateway.ready = Ready { line },
            Err(_) => bail!("the gateway did not get ready; its log:\n{}", gateway.log()?),
        }
        Ok(gateway)
    }

    /// Where it is: `http://ADDRESS` or `https://ADDRESS`.
    pub fn url(&self) -> Result<&str> {
        self.ready.value("gateway")
    }

    /// Host and port of [`url`](Self::url).
    pub fn address(&self) -> Result<SocketAddr> {
        let (_, address) = self.url()?.split_once("://").context("the URL has no scheme")?;
        Ok(address.parse()?)
    }

    /// All that it said when it was ready.
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to standard error until now.
    pub fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.log_file())?)
    }

    /// The file of [`log`](Self::log).
    pub fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).context("process id")?;
        Ok(kill_process(pid, signal)?)
    }

    /// Asks it to end, and waits for that.
    pub fn terminate(mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        let begun = Instant::now();
        while begun.elapsed() < BOUND {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(10));
        }
        bail!("the gateway did not end; its log:\n{}", self.log()?)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            // with the test's own output, which is shown when it fails
            let log = self.log().unwrap_or_default();
            let tail = log.len().saturating_sub(4000);
            let tail = log.get(log.ceil_char_boundary(tail)..).unwrap_or_default();
            let _ = std::io::Write::write_fmt(
                &mut std::io::stderr(),
                format_args!("the gateway's log:\n{tail}\n"),
            );
        }
    }
}

impl Ready {
    /// The value of `key=value`.
    pub fn value(&self, key: &str) -> Result<&str> {
        let mut words = self.line.split_whitespace();
        let value = words.find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        value.with_context(|| format!("no {key} in {:?}", self.line))
    }
}

/// The program, on a free port of the loopback address.
fn command<A: AsRef<str>>(arguments: &[A]) -> Result<Command> {
    let mut command = Command::new(program("toolforged-gateway")?);
    command.args(["--listen", "127.0.0.1:0"]).args(arguments.iter().map(AsRef::as_ref));
    Ok(command)
}

/// What the gateway writes goes here.
fn folder() -> Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("gateway-").tempdir()?)
}
