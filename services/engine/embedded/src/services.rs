//! Addresses: one per instance, one per job, and the names that lead to them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::{InstanceId, Port, Workload, WorkloadId};
use engine_network::{Attached, Network};

use crate::shared::blocking;

/// The network of this machine, and what was last asked of it.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    network: Arc<Network>,
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    /// What serves a job. A job that was deleted and made again has two workloads for a while.
    jobs: BTreeMap<(String, String), Vec<Serving>>,
    /// The hosts files of living instances, by their tool.
    files: BTreeMap<InstanceId, (String, PathBuf)>,
    /// What the files of each tool say.
    texts: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Serving {
    workload: WorkloadId,
    port: Port,
    ready: Vec<Ipv4Addr>,
}

impl Services {
    pub(crate) fn new(network: Network) -> Self {
        Self { network: Arc::new(network), table: Arc::default() }
    }

    /// Whether every instance has an address of its own.
    pub(crate) fn has_addresses(&self) -> bool {
        self.network.capabilities().addresses
    }

    /// The instance's address, where instances have any, and its hosts file.
    pub(crate) async fn attach(
        &self,
        id: &InstanceId,
        tool: &str,
        hosts: PathBuf,
    ) -> io::Result<Option<Attached>> {
        let (this, id, tool) = (self.clone(), id.clone(), tool.to_owned());
        blocking(move || {
            let attached = if this.has_addresses() {
                Some(this.network.attach(&id.0, &tool).map_err(io::Error::other)?)
            } else {
                None
            };
            // under the lock: a change in between would be missed
            let mut table = this.lock();
            rewrite(&hosts, &this.network.hosts(&tool))?;
            table.files.insert(id, (tool, hosts));
            Ok(attached)
        })
        .await
    }

    /// The instance is gone: its address is free.
    pub(crate) async fn detach(&self, id: &InstanceId) -> io::Result<()> {
        let (this, id) = (self.clone(), id.clone());
        blocking(move || {
            this.lock().files.remove(&id);
            if !this.has_addresses() {
                return Ok(());
            }
            this.network.detach(&id.0).map_err(io::Error::other)
        })
        .await
    }

    /// Every instance that has an address.
    pub(crate) fn attached(&self) -> Vec<InstanceId> {
        self.network.attached().into_iter().map(|attachment| InstanceId(attachment.instance)).collect()
    }

    /// Sets which instances of a workload serve which port under its name.
    pub(crate) async fn serve(
        &self,
        workload: &Workload,
        port: Port,
        ready: Vec<Ipv4Addr>,
    ) -> io::Result<()> {
        if !self.has_addresses() {
            return Ok(());
        }
        let serving = Serving { workload: workload.id.clone(), port, ready };
        self.change(&workload.tool, &workload.name, move |all| {
            match all.iter_mut().find(|known| known.workload == serving.workload) {
                Some(known) => *known = serving,
                None => all.push(serving),
            }
        })
        .await
    }

    /// A workload serves no more.
    pub(crate) async fn withdraw(&self, workload: &Workload) -> io::Result<()> {
        if !self.has_addresses() {
            return Ok(());
        }
        let id = workload.id.clone();
        self.change(&workload.tool, &workload.name, move |all| all.retain(|known| known.workload != id)).await
    }

    async fn change(
        &self,
        tool: &str,
        job: &str,
        change: impl FnOnce(&mut Vec<Serving>) + Send + 'static,
    ) -> io::Result<()> {
        let (this, key) = (self.clone(), (tool.to_owned(), job.to_owned()));
        blocking(move || {
            let mut table = this.lock();
            let all = table.jobs.entry(key.clone()).or_default();
            change(all);
            let asked = match all.last() {
                None => {
                    table.jobs.remove(&key);
                    this.network.remove_service(&key.0, &key.1)
                }
                Some(newest) => {
                    let port = newest.port;
                    let ready: Vec<Ipv4Addr> = all
                        .iter()
                        .filter(|serving| serving.port == port)
                        .flat_map(|serving| serving.ready.iter().copied())
                        .collect();
                    this.network.service(&key.0, &key.1, port.number, protocol(port), &ready).map(drop)
                }
            };
            asked.map_err(io::Error::other)?;
            this.rename(&mut table)
        })
        .await
    }

    /// Brings every hosts file up to date.
    fn rename(&self, table: &mut Table) -> io::Result<()> {
        let tools: BTreeSet<String> = table.files.values().map(|(tool, _)| tool.clone()).collect();
        table.texts.retain(|tool, _| tools.contains(tool));
        for tool in tools {
            let text = self.network.hosts(&tool);
            if table.texts.get(&tool) == Some(&text) {
                continue;
            }
            for (_, file) in table.files.values().filter(|(owner, _)| *owner == tool) {
                rewrite(file, &text)?;
            }
            table.texts.insert(tool, text);
        }
        Ok(())
    }

    /// Removes all addresses and names.
    pub(crate) fn remove(&self) -> io::Result<()> {
        self.network.close(true).map_err(io::Error::other)
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // what is asked of the network is asked again with the next change
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn protocol(port: Port) -> engine_network::Protocol {
    match port.protocol {
        engine::Protocol::Tcp => engine_network::Protocol::Tcp,
        engine::Protocol::Udp => engine_network::Protocol::Udp,
    }
}

/// Writes in place, because the file is mounted inside instances: its inode has to stay, and a reader in between must
/// not find it empty.
fn rewrite(path: &Path, text: &str) -> io::Result<()> {
    if fs::read(path).is_ok_and(|present| present == text.as_bytes()) {
        return Ok(());
    }
    let mut file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o644).open(path)?;
    // whatever the umask is: other users read it inside
    file.set_permissions(fs::Permissions::from_mode(0o644))?;
    file.write_all(text.as_bytes())?;
    file.set_len(u64::try_from(text.len()).map_err(io::Error::other)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_hosts_file_keeps_its_inode_and_shrinks() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hosts");
        rewrite(&path, "127.0.0.1\tlocalhost\n10.0.0.1\tweb\n").unwrap();
        let inode = fs::metadata(&path).unwrap().ino();
        rewrite(&path, "127.0.0.1\tlocalhost\n").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().ino(), inode);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o644);
        assert_eq!(fs::read_to_string(&path).unwrap(), "127.0.0.1\tlocalhost\n");
    }

    #[tokio::test]
    async fn without_addresses_an_instance_still_has_a_hosts_file() {
        let directory = tempfile::tempdir().unwrap();
        let services = Services::new(Network::rootless());
        let hosts = directory.path().join("hosts");
        let id = InstanceId("web-abcde".to_owned());
        assert_eq!(services.attach(&id, "alpha", hosts.clone()).await.unwrap(), None);
        assert!(fs::read_to_string(hosts).unwrap().contains("127.0.0.1\tlocalhost"));
    }
}
