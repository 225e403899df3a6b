//! Begins a run, or takes over what an earlier server began (the recovery table of reference 4.5).

use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use engine::{Exit, ExitReason, ExitStatus, Kind, Mounts, Phase};
use engine_network::Attached;
use engine_shim::{
    ExitReason as ShimReason, ExitRecord, Home, Limits, Liveness, LogSpec, Network, Sandbox, Spec, Tier,
};
use jiff::Timestamp;
use tokio::time::timeout;

use super::Life;
use super::hold::Held;
use crate::config::Identity;
use crate::dial::Dial;
use crate::images::Runtime;
use crate::link::Link;
use crate::shared::blocking;
use crate::{environment, once};

/// How long another service may take to answer about a tool.
const PATIENCE: Duration = Duration::from_secs(30);

/// What became of a run when it was looked for.
#[derive(Debug)]
pub(super) enum Opening {
    /// Its shim holds it.
    Live(Held),
    /// It ended; and why, where the exit alone does not say it.
    Ended(Exit, Option<String>),
}

/// What is in the directory of a run.
#[derive(Debug)]
enum Found {
    Held,
    Exited(ExitRecord),
    /// Its shim died: when it had started, and whether that was before the machine was.
    Lost {
        started: Option<Timestamp>,
        rebooted: bool,
    },
    /// Nothing was started in it.
    Fresh,
}

impl Life {
    /// Starts the run, or takes it over. An error is worth another try.
    pub(super) async fn open(&mut self) -> Result<Opening, String> {
        let directory = self.shared.directories.run(&self.record.id, self.record.run);
        let looked = directory.clone();
        match blocking(move || look(&looked)).await.map_err(said("the run cannot be looked at"))? {
            Found::Held => self.connect(&directory).await,
            Found::Exited(record) => Ok(ended(&record)),
            Found::Lost { started, rebooted } => {
                let reason = if rebooted { ExitReason::Reboot } else { ExitReason::Lost };
                let finished = self.now();
                Ok(Opening::Ended(Exit { status: ExitStatus::Unknown, reason, started, finished }, None))
            }
            Found::Fresh if self.is_ordered() => {
                let (status, reason) = (ExitStatus::Unknown, ExitReason::Stopped);
                Ok(Opening::Ended(Exit { status, reason, started: None, finished: self.now() }, None))
            }
            Found::Fresh => self.start(&directory).await,
        }
    }

    async fn connect(&mut self, directory: &Path) -> Result<Opening, String> {
        if self.address.is_none() {
            self.attach().await?;
        }
        let connected = Link::connect(directory).await;
        let (link, words) = connected.map_err(said("the holder of the instance does not answer"))?;
        let dial = match (self.address, self.shared.tier) {
            (Some(address), _) => Dial::Address(address),
            (None, Tier::Process) => Dial::Address(Ipv4Addr::LOCALHOST),
            (None, _) => Dial::Link(std::sync::Arc::clone(&link)),
        };
        Ok(Opening::Live(Held { link, words, dial }))
    }

    async fn attach(&mut self) -> Result<Option<Attached>, String> {
        let hosts = self.shared.directories.hosts(&self.record.id);
        let attached = self.shared.services.attach(&self.record.id, &self.record.workload.tool, hosts).await;
        let attached = attached.map_err(said("the instance gets no address"))?;
        self.address = attached.as_ref().map(|attached| attached.address);
        self.shared.step("engine.instance.attached");
        Ok(attached)
    }

    async fn start(&mut self, directory: &Path) -> Result<Opening, String> {
        let workload = &self.record.workload;
        let runtime = self.shared.images.find(&workload.image).map_err(|error| error.to_string())?;
        let identity = timeout(PATIENCE, self.shared.identities.identity(&workload.tool)).await;
        let identity = identity.map_err(|_| "who the tool is cannot be learnt in time".to_owned())?;
        let identity = identity.map_err(|error| format!("who the tool is cannot be learnt: {error}"))?;
        let secrets = if workload.secrets {
            let secrets = timeout(PATIENCE, self.shared.secrets.environment(&workload.tool)).await;
            let secrets = secrets.map_err(|_| "the tool's environment cannot be read in time".to_owned())?;
            secrets.map_err(|error| format!("the tool's environment cannot be read: {error}"))?
        } else {
            Vec::new()
        };
        let attached = self.attach().await?;
        let workload = &self.record.workload;
        let home = environment::home(&workload.tool, &identity, self.shared.tier);
        let variables = environment::build(workload, &home, &runtime, secrets);
        let spec = self.spec(&identity, runtime, attached);
        let turn = self.shared.starts.acquire().await.map_err(|error| error.to_string())?;
        let (exe, place) = (self.shared.exe.clone(), directory.to_owned());
        let spawned = blocking(move || {
            durable::make_directory(&place)?;
            engine_shim::spawn(&exe, &place, &spec, &variables)
        });
        let spawned = spawned.await;
        drop(turn);
        match spawned {
            Ok(()) => self.shared.step("engine.shim.spawned"),
            // one that was begun by an earlier server came late: it is the one
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                let (status, reason) = (ExitStatus::Unknown, ExitReason::CannotRun);
                let exit = Exit { status, reason, started: None, finished: self.now() };
                return Ok(Opening::Ended(exit, Some(error.to_string())));
            }
            Err(error) => return Err(format!("the instance cannot be started: {error}")),
        }
        self.view.restarts = self.record.run.saturating_sub(1);
        if self.view.phase != Phase::Pending {
            self.view.message = None;
        }
        self.connect(directory).await
    }

    fn spec(&self, identity: &Identity, runtime: Runtime, attached: Option<Attached>) -> Spec {
        let (shared, workload) = (&self.shared, &self.record.workload);
        let home = environment::home(&workload.tool, identity, shared.tier);
        let deadline = match workload.kind {
            Kind::Once { deadline, .. } => once::remaining(deadline, self.deadline_from, self.now()),
            Kind::Always { .. } => None,
        };
        Spec {
            instance: self.record.id.0.clone(),
            tool: workload.tool.clone(),
            user: environment::user(&workload.tool),
            argv: environment::at_home(environment::argv(&workload.command), &workload.tool, &home),
            cwd: environment::directory(workload, &home),
            uid: identity.uid,
            gid: identity.gid,
            sandbox: Sandbox {
                tier: shared.tier,
                root: runtime.binds(),
                rootfs: runtime.rootfs,
                home: (workload.mounts == Mounts::All)
                    .then(|| Home { source: identity.home.clone(), target: home }),
                hosts: Some(shared.directories.hosts(&self.record.id)),
                hostname: self.record.id.0.clone(),
                network: match (attached, shared.tier) {
                    (Some(attached), _) => Network::Namespace(attached.netns),
                    (None, Tier::Process) => Network::Host,
                    (None, _) => Network::Private,
                },
            },
            limits: self.limits(),
            grace: workload.grace,
            deadline,
            stdin: workload.stdin,
            logs: LogSpec {
                dir: engine_logs::leaf(
                    &shared.directories.logs,
                    &workload.tool,
                    &workload.name,
                    &workload.id.0,
                    &self.record.id.0,
                ),
                max_segment_bytes: shared.limits.log_segment_bytes,
                max_total_bytes: shared.limits.log_total_bytes,
            },
        }
    }

    fn limits(&self) -> Limits {
        let (resources, limits) = (self.record.workload.resources, &self.shared.limits);
        let some = |value: u64| (value > 0).then_some(value);
        Limits {
            memory_bytes: some(resources.memory_limit_bytes),
            cpu_millis: some(resources.cpu_limit_millis),
            cpu_request_millis: some(resources.cpu_request_millis),
            pids: Some(limits.pids),
            nofile: Some(limits.nofile),
            cgroup: self.shared.cgroup.clone(),
        }
    }
}

/// The recovery table. Whatever is left of a lost run is ended here.
fn look(directory: &Path) -> io::Result<Found> {
    if engine_shim::liveness(directory) == Liveness::Held {
        return Ok(Found::Held);
    }
    if let Some(record) = engine_shim::read_exit(directory)? {
        return Ok(Found::Exited(record));
    }
    let started = engine_shim::read_started(directory)?;
    if directory.is_dir() {
        engine_shim::clear(directory)?;
    }
    let Some(started) = started else { return Ok(Found::Fresh) };
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    Ok(Found::Lost { started: time(started.at), rebooted: boot.trim() != started.boot_id.trim() })
}

/// Lets a shim go that waits for someone to take notice of its exit. One that still runs something is not asked.
pub(super) fn dismiss(directory: &Path) -> io::Result<()> {
    if engine_shim::liveness(directory) == Liveness::Free || engine_shim::read_exit(directory)?.is_none() {
        return Ok(());
    }
    let Ok(mut client) = engine_shim::Client::connect(directory) else { return Ok(()) };
    client.send(&engine_shim::protocol::Request::Acknowledge)?;
    while client.next(super::LEAVING)?.is_some() {}
    Ok(())
}

/// The exit that a shim recorded, in the port's words.
pub(super) fn exit(record: &ExitRecord) -> (Exit, Option<String>) {
    let (reason, message) = match &record.reason {
        ShimReason::Completed => (ExitReason::Completed, None),
        ShimReason::Error => (ExitReason::Error, None),
        ShimReason::OutOfMemory => (ExitReason::OutOfMemory, None),
        ShimReason::DeadlineExceeded => (ExitReason::DeadlineExceeded, None),
        ShimReason::Stopped => (ExitReason::Stopped, None),
        ShimReason::Unhealthy => (ExitReason::Unhealthy, None),
        ShimReason::CannotRun { message } => (ExitReason::CannotRun, Some(message.clone())),
    };
    let exit = Exit {
        status: record.code.map_or(ExitStatus::Unknown, ExitStatus::Code),
        reason,
        started: record.started_ms.and_then(time),
        finished: time(record.finished_ms).unwrap_or(Timestamp::UNIX_EPOCH),
    };
    (exit, message)
}

fn ended(record: &ExitRecord) -> Opening {
    let (exit, message) = exit(record);
    Opening::Ended(exit, message)
}

pub(super) fn time(milliseconds: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(milliseconds).ok()
}

fn said(what: &'static str) -> impl FnOnce(io::Error) -> String {
    move |error| format!("{what}: {error}")
}
