//! The face of the crate: attach and detach instances, serve jobs' addresses, render names.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::hosts;
use crate::machine::Machine;
use crate::{Error, Options, Protocol};

/// The addresses of one platform on this machine. Calls block for a few milliseconds at most, one after the other.
#[derive(Debug)]
pub struct Network {
    machine: Option<Mutex<Machine>>,
}

/// An instance's place on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Its address.
    pub address: Ipv4Addr,
    /// The file that keeps its network namespace; `setns` on it enters.
    pub netns: PathBuf,
}

/// An attached instance, as a sweep for orphans sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The instance.
    pub instance: String,
    /// The tool that owns it.
    pub tool: String,
    /// Its address.
    pub address: Ipv4Addr,
}

/// What this network does, found by doing it when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Every instance has an address and a port range of its own.
    pub addresses: bool,
    /// Jobs have stable addresses that are balanced over ready replicas.
    pub services: bool,
    /// Instances reach what the machine reaches.
    pub outward: bool,
    /// Other tools' instances and the machine's own sockets are refused, and source addresses cannot be forged.
    pub apart: bool,
}

impl Network {
    /// Takes over what an earlier server of this engine directory left, or begins. Half-made attachments and those
    /// that lost their namespace (a reboot) are removed.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where this process may not, or the kernel cannot, give addresses: [`Self::rootless`]
    /// is what remains then.
    pub fn open(engine_dir: &Path, options: Options) -> Result<Self, Error> {
        Ok(Self { machine: Some(Mutex::new(Machine::open(engine_dir, options)?)) })
    }

    /// A network without addresses, for a server without root: every attachment and service is refused.
    pub const fn rootless() -> Self {
        Self { machine: None }
    }

    /// Gives an instance an address and a namespace of its own, or says again which it has.
    ///
    /// # Errors
    /// A name that is not one, an instance of another tool, no free address, or a refusal of the kernel, after which
    /// nothing of the attachment is left.
    pub fn attach(&self, instance: &str, tool: &str) -> Result<Attached, Error> {
        self.machine()?.attach(instance, tool)
    }

    /// Takes away an instance's address and namespace, and takes it out of every service. One that is not attached
    /// is fine. Processes that are still in the namespace lose their connections.
    ///
    /// # Errors
    /// A refusal of the kernel; calling again goes on from there.
    pub fn detach(&self, instance: &str) -> Result<(), Error> {
        self.machine()?.detach(instance)
    }

    /// Every attached instance, by name.
    pub fn attached(&self) -> Vec<Attachment> {
        self.machine().map(|machine| machine.attached()).unwrap_or_default()
    }

    /// Sets where a job's port leads, and gives the address that is the job's until [`Self::remove_service`]. New
    /// connections go to `ready` in turn; replicas that are not attached instances of the tool are left out. With
    /// none, connections are refused. Connections that are open stay where they are.
    ///
    /// # Errors
    /// A name or port that is not one, no free address, or a refusal of the kernel or the disk.
    pub fn service(
        &self,
        tool: &str,
        job: &str,
        port: u16,
        protocol: Protocol,
        ready: &[Ipv4Addr],
    ) -> Result<Ipv4Addr, Error> {
        self.machine()?.set_service(tool, job, port, protocol, ready)
    }

    /// A job's port is no more, and its address is free. A job without one is fine.
    ///
    /// # Errors
    /// A refusal of the kernel or the disk.
    pub fn remove_service(&self, tool: &str, job: &str) -> Result<(), Error> {
        self.machine()?.remove_service(tool, job)
    }

    /// The contents of `/etc/hosts` for instances of a tool: the loopback names, the tool's jobs by all their names,
    /// and the jobs of tools it may reach by the names that tell the tool (contract 8.3).
    pub fn hosts(&self, tool: &str) -> String {
        match self.machine() {
            Ok(machine) => machine.hosts(tool),
            Err(_) => hosts::render(tool, "", std::iter::empty()),
        }
    }

    /// The contents of `/etc/resolv.conf` for instances: those of the machine's name servers that they can reach.
    /// Empty where there is none, for example because the only one listens on the machine's loopback.
    pub fn resolv_conf(&self) -> String {
        self.machine().map(|machine| machine.resolv_conf()).unwrap_or_default()
    }

    /// The machine's own address as instances see it.
    ///
    /// # Errors
    /// [`Error::Unsupported`] without root.
    pub fn gateway(&self) -> Result<Ipv4Addr, Error> {
        Ok(self.machine()?.gateway())
    }

    /// What this network does.
    pub const fn capabilities(&self) -> Capabilities {
        let all = self.machine.is_some();
        Capabilities { addresses: all, services: all, outward: all, apart: all }
    }

    /// Leaves everything as it is for the next server, or removes all of it: namespaces, interfaces, the table, the
    /// route, the state. Nothing can be attached after that.
    ///
    /// # Errors
    /// A refusal of the kernel or the disk while removing; calling again goes on from there.
    pub fn close(&self, remove: bool) -> Result<(), Error> {
        match &self.machine {
            Some(machine) if remove => machine.lock().unwrap_or_else(PoisonError::into_inner).remove(),
            _ => Ok(()),
        }
    }

    fn machine(&self) -> Result<MutexGuard<'_, Machine>, Error> {
        let machine = self.machine.as_ref();
        let machine =
            machine.ok_or_else(|| Error::Unsupported("the server does not run as root".to_owned()))?;
        // every step of the machine leaves a state that can be gone on from
        Ok(machine.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
