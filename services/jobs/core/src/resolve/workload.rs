//! What an engine is asked to run (contract 3.9, 3.16, 3.18).

use std::time::Duration;

use engine::{
    Command, Expose, Kind, Mounts, Port, Probe, ProbeCheck, Protocol, Resources, Workload, WorkloadId,
};

use super::Resolved;
use crate::{
    Definition, HealthCheck, Job, JobType, Mount, Origin, PortProtocol, ResolvedImage, Run, Site, ToolName,
    Violations, shell,
};

/// Runs the processes of a built image.
const LAUNCHER: &str = "launcher";
/// Starts the web servers of prebuilt images.
const RUNNER: &str = "/usr/bin/webservice-runner ";
/// Up to here memory is guaranteed in full, above it by half.
const GUARANTEED_MEMORY: u64 = 512 << 20;

impl Resolved {
    /// The workload of a job that always runs.
    pub fn always(&self, job: &Job, site: &Site) -> Workload {
        let kind = Kind::Always { replicas: self.replicas };
        let mut workload =
            self.workload(&job.definition, &job.tool, (job.workload_id(), job.generation), kind, site);
        workload.command = self.command(&job.definition, job.definition.cmd.as_deref());
        workload.probe = self.probe(&job.definition);
        workload.port = self.port.map(|number| Port { number, protocol: protocol(self.port_protocol) });
        workload.expose =
            self.published.then(|| Expose { host: job.tool.as_str().to_owned(), path: "/".to_owned() });
        if let Some(port) = self.port {
            workload.env.push(("PORT".to_owned(), port.to_string()));
        }
        workload
    }

    /// The workload of a run.
    pub fn once(&self, job: &Job, run: &Run, site: &Site) -> Workload {
        let deadline = (self.timeout > 0).then(|| Duration::from_secs(u64::from(self.timeout)));
        let kind = Kind::Once { retries: run.retries, deadline };
        let mut workload =
            self.workload(&job.definition, &job.tool, (run.workload_id(), run.generation), kind, site);
        workload.command = self.command(&job.definition, run.command.as_deref());
        workload.env.extend(run.env.iter().cloned());
        workload.stdin = run.stdin;
        workload
    }

    fn workload(
        &self,
        definition: &Definition,
        tool: &ToolName,
        (id, generation): (WorkloadId, u64),
        kind: Kind,
        site: &Site,
    ) -> Workload {
        let mut env = Vec::new();
        if self.image.origin == Origin::Built {
            env.push(("NO_HOME".to_owned(), "a buildservice pod does not need a home env".to_owned()));
        }
        Workload {
            id,
            generation,
            tool: tool.as_str().to_owned(),
            name: definition.name.as_str().to_owned(),
            kind,
            image: self.image.url.clone(),
            command: Command::Shell(String::new()),
            env,
            secrets: true,
            mounts: match self.mount {
                Mount::All => Mounts::All,
                Mount::None => Mounts::None,
            },
            resources: self.resources(definition),
            probe: None,
            port: None,
            expose: None,
            grace: site.grace,
            stdin: false,
        }
    }

    /// Refuses commands that cannot be split into words where nothing but words will do.
    pub(super) fn check_command(&self, definition: &Definition, wrong: &mut Violations) {
        if self.image.origin == Origin::Prebuilt {
            return;
        }
        let unbalanced = |text: Option<&str>| text.is_some_and(|text| shell::split(text).is_none());
        if !self.filelog && unbalanced(definition.cmd.as_deref()) {
            wrong.add_rule("cmd", "The command has a quote that is not closed");
        }
        if let Some(HealthCheck::Script(script)) = &definition.health_check
            && unbalanced(Some(script))
        {
            wrong.add_rule("health_check.script", "The health check has a quote that is not closed");
        }
    }

    /// The command wrapped as its image and its logs need it.
    fn command(&self, definition: &Definition, cmd: Option<&str>) -> Command {
        let web = definition.job_type == JobType::Webservice;
        match self.image.origin {
            Origin::Prebuilt => {
                let cmd = cmd.unwrap_or_default();
                let cmd = if web { web_command(&self.image, self.port, cmd) } else { cmd.to_owned() };
                Command::Shell(format!("{}{cmd}", self.redirects()))
            }
            Origin::Built => {
                let cmd = without_launcher(cmd.unwrap_or(if web { "web" } else { "" }));
                if self.filelog {
                    Command::Shell(format!("{}{LAUNCHER} {cmd}", self.redirects()))
                } else {
                    // unbalanced quotes were refused when the job was made
                    let words = shell::split(cmd).unwrap_or_else(|| vec![cmd.to_owned()]);
                    Command::Launcher(words)
                }
            }
        }
    }

    /// Output is appended to the files, by the shell that executes the command.
    fn redirects(&self) -> String {
        let redirect = |number: u8, path: &Option<String>| {
            path.as_ref().map(|path| format!("exec {number}>>{};", shell::quote(path))).unwrap_or_default()
        };
        redirect(1, &self.filelog_stdout) + &redirect(2, &self.filelog_stderr)
    }

    fn resources(&self, definition: &Definition) -> Resources {
        let memory = self.memory.bytes();
        let cpu_limit_millis = self.cpu_limit.as_millis();
        Resources {
            cpu_request_millis: definition.cpu.map_or(self.cpu.as_millis(), crate::Cpu::as_millis),
            cpu_limit_millis,
            memory_request_bytes: if memory <= GUARANTEED_MEMORY { memory } else { memory / 2 },
            memory_limit_bytes: memory,
        }
    }

    fn probe(&self, definition: &Definition) -> Option<Probe> {
        let port = self.port.filter(|_| self.port_protocol == PortProtocol::Tcp);
        let check = match (&definition.health_check, port) {
            (Some(HealthCheck::Script(script)), _) => ProbeCheck::Exec(self.script(script)),
            (Some(HealthCheck::Http(path)), Some(port)) => ProbeCheck::Http { path: path.clone(), port },
            (None, Some(port)) => ProbeCheck::Tcp { port },
            (_, None) => return None,
        };
        Some(Probe::new(check))
    }

    fn script(&self, script: &str) -> Command {
        match self.image.origin {
            Origin::Prebuilt => Command::Shell(script.to_owned()),
            Origin::Built => {
                let script = without_launcher(script);
                Command::Launcher(shell::split(script).unwrap_or_else(|| vec![script.to_owned()]))
            }
        }
    }
}

/// The engine adds the launcher by itself; a user may have written it too.
fn without_launcher(cmd: &str) -> &str {
    match cmd.strip_prefix(LAUNCHER) {
        Some(rest) if rest.starts_with(char::is_whitespace) => rest.trim_start(),
        _ => cmd,
    }
}

/// A prebuilt image's own way to serve, with the user's command as its argument, unless that runs it already.
fn web_command(image: &ResolvedImage, port: Option<u16>, cmd: &str) -> String {
    let runs_it = cmd.starts_with(RUNNER) || cmd.contains(&format!(" {RUNNER}"));
    let Some(web) = image.web.as_ref().filter(|web| !runs_it && !web.command.is_empty()) else {
        return cmd.to_owned();
    };
    let own = web.command.join(" ").replace("{port}", &port.unwrap_or(web.port).to_string());
    if cmd.is_empty() { own } else { format!("{own} {cmd}") }
}

const fn protocol(protocol: PortProtocol) -> Protocol {
    match protocol {
        PortProtocol::Tcp => Protocol::Tcp,
        PortProtocol::Udp => Protocol::Udp,
    }
}
