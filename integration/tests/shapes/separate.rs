//! `toolforged-config`, `toolforged-jobs` and `toolforged-gateway`, started as an operator does.

use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use integration::{Finished, Home, binary, ready_line, run};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long a start may take on a loaded machine.
const START: Duration = Duration::from_mins(1);

/// A running platform of three processes; dropping it stops them, and the instances.
pub(crate) struct Separate {
    folder: TempDir,
    /// In the order in which they are stopped.
    processes: Vec<(String, Child)>,
    environment: Vec<(String, String)>,
    config: String,
    jobs: String,
    web: String,
}

impl Separate {
    /// Starts all with these variables.
    pub(crate) fn start_with(environment: Vec<(String, String)>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("toolforge-").tempdir()?;
        let mut platform = Self {
            folder,
            processes: Vec::new(),
            environment,
            config: String::new(),
            jobs: String::new(),
            web: String::new(),
        };
        for service in ["jobs", "gateway"] {
            let out = platform.path("certificates");
            platform.config_command(&["issue-service", service, "--out", &out])?.succeeded()?;
        }
        let out = platform.path("certificates");
        platform.config_command(&["issue-gateway", "--out", &out])?.succeeded()?;
        let gateway = free_address()?;
        platform.start_config(&gateway)?;
        platform.start_jobs()?;
        platform.start_gateway(&gateway)?;
        Ok(platform)
    }

    fn start_config(&mut self, gateway: &str) -> Result<()> {
        let url = format!("https://{gateway}");
        let data = self.path("config");
        let arguments = ["serve", "--data", &data, "--listen", "127.0.0.1:0", "--gateway-url", &url];
        let ready = self.spawn("toolforged-config", &arguments)?;
        self.config = value(&ready, "config=")?;
        Ok(())
    }

    fn start_jobs(&mut self) -> Result<()> {
        let config = self.config.clone();
        let ready = self.spawn(
            "toolforged-jobs",
            &[
                "--data",
                &self.path("jobs"),
                "--config",
                &config,
                "--web",
                "127.0.0.1:0",
                "--tls-cert",
                &self.path("certificates/jobs.crt"),
                "--tls-key",
                &self.path("certificates/jobs.key"),
                "--mesh-root",
                &self.path("certificates/mesh-ca.crt"),
                "--clients-root",
                &self.path("certificates/clients-ca.crt"),
                "--clients-crl",
                &self.path("config/pki/clients.crl"),
                "--stop-instances",
            ],
        )?;
        self.jobs = value(&ready, "jobs=")?;
        self.web = value(&ready, "web=http://")?;
        Ok(())
    }

    fn start_gateway(&mut self, address: &str) -> Result<()> {
        let (jobs, config) =
            (format!("jobs=https://{}", self.jobs), format!("config=https://{}", self.config));
        let ready = self.spawn(
            "toolforged-gateway",
            &[
                "--listen",
                address,
                "--prefer",
                "http1",
                "--errors",
                "toolforge",
                "--tls-cert",
                &self.path("certificates/server.crt"),
                "--tls-key",
                &self.path("certificates/server.key"),
                "--client-ca",
                &self.path("certificates/clients-ca.crt"),
                "--client-crl",
                &self.path("config/pki/clients.crl"),
                "--mesh-cert",
                &self.path("certificates/gateway.crt"),
                "--mesh-key",
                &self.path("certificates/gateway.key"),
                "--mesh-ca",
                &self.path("certificates/mesh-ca.crt"),
                "--backend",
                &jobs,
                "--backend",
                &config,
            ],
        )?;
        ensure!(ready.contains(address), "{ready}");
        Ok(())
    }

    /// Starts a program and gives the line that says where it is.
    fn spawn(&mut self, program: &str, arguments: &[&str]) -> Result<String> {
        let mut child = Command::new(binary(program)?)
            .args(arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(self.log(program)?)
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let ready = ready_line(child.stdout.take().context("standard output")?);
        self.processes.insert(0, (program.to_owned(), child));
        ready.recv_timeout(START).map_err(|_| {
            let log = std::fs::read_to_string(self.path(&format!("{program}.log"))).unwrap_or_default();
            anyhow::anyhow!("{program} was not ready within {START:?}; its log:\n{log}")
        })
    }

    fn log(&self, program: &str) -> Result<File> {
        let path = self.path(&format!("{program}.log"));
        Ok(OpenOptions::new().create(true).append(true).open(path)?)
    }

    /// Runs a `toolforged-config` command on the data of the one that runs.
    pub(crate) fn config_command(&self, arguments: &[&str]) -> Result<Finished> {
        let program = binary("toolforged-config")?;
        run(Command::new(program).args(arguments).args(["--data", &self.path("config")]))
    }

    /// Adds a tool.
    pub(crate) fn tool(&self, name: &str) -> Result<Home> {
        let added = self.config_command(&["tool", "add", name])?.succeeded()?;
        Ok(Home::new(name, PathBuf::from(added.lines().last().context("no home in the output")?)))
    }

    /// Tells a program to read its certificates again.
    pub(crate) fn hang_up(&self, program: &str) -> Result<()> {
        let process = self.processes.iter().find(|(name, _)| name == program);
        let pid = process.and_then(|(_, process)| pid(process)).context("it does not run")?;
        Ok(kill_process(pid, Signal::HUP)?)
    }

    /// The certificate of a service and its key.
    pub(crate) fn certificate(&self, service: &str) -> (PathBuf, PathBuf) {
        let file = |ending: &str| PathBuf::from(self.path(&format!("certificates/{service}.{ending}")));
        (file("crt"), file("key"))
    }

    /// Host and port of the config service itself.
    pub(crate) fn config(&self) -> &str {
        &self.config
    }

    /// Host and port of the jobs service itself.
    pub(crate) fn jobs(&self) -> &str {
        &self.jobs
    }

    /// Host and port of published jobs.
    pub(crate) fn web(&self) -> &str {
        &self.web
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

impl Drop for Separate {
    fn drop(&mut self) {
        for (_, process) in &mut self.processes {
            if let Some(pid) = pid(process) {
                let _ = kill_process(pid, Signal::TERM);
            }
            let _ = process.wait();
        }
    }
}

fn pid(process: &Child) -> Option<Pid> {
    i32::try_from(process.id()).ok().and_then(Pid::from_raw)
}

/// An address that nobody listens on at the moment: homes name the gateway before it is there.
fn free_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

fn value(line: &str, key: &str) -> Result<String> {
    let found = line.split_whitespace().find_map(|word| word.strip_prefix(key));
    found.map(str::to_owned).with_context(|| format!("no {key} in {line:?}"))
}
