//! Homes of tools on one machine: a folder each, owned by the tool, with what its clients need.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, fchown};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use config_core::{Credentials, PortError, Tenancy, Tool, ToolName};
use durable::Replace;
use rustix::fs::{Mode, OFlags};

/// Whether homes belong to their tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Each to the unix id of its tool; needs root.
    PerTool,
    /// All to whoever runs the server.
    Single,
}

impl Ownership {
    /// What this process can do: root gives homes away, others cannot.
    pub fn of_this_process() -> Self {
        if rustix::process::geteuid().is_root() { Self::PerTool } else { Self::Single }
    }
}

/// Where the platform is reached; written into every home's `.toolforge.yaml` at every start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The gateway, `https://host:port`.
    pub gateway: String,
    /// What the gateway's certificate is verified against.
    pub ca_file: PathBuf,
    /// Where published jobs are, with `{tool_name}` for the tool.
    pub publish_url_template: String,
}

/// The homes under one folder.
#[derive(Clone, Debug)]
pub struct Homes {
    folder: PathBuf,
    ownership: Ownership,
    addresses: Arc<RwLock<Addresses>>,
}

impl Homes {
    /// The homes under `folder`, which is made if it is missing.
    pub fn open(folder: &Path, ownership: Ownership, addresses: Addresses) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o711).create(folder)?;
        let folder = fs::canonicalize(folder)?;
        Ok(Self { folder, ownership, addresses: Arc::new(RwLock::new(addresses)) })
    }

    /// Changes where the platform is reached; homes learn it at the next [`Tenancy::create`].
    pub fn relocate(&self, addresses: Addresses) {
        *self.addresses.write().unwrap_or_else(PoisonError::into_inner) = addresses;
    }

    fn owner(&self, tool: &Tool) -> Option<u32> {
        (self.ownership == Ownership::PerTool).then_some(tool.unix_id)
    }

    fn make(&self, tool: &Tool) -> io::Result<()> {
        let owner = self.owner(tool);
        let home = Folder::make(&self.home(&tool.name), owner)?;
        let kube = Folder::make(&home.join(".kube"), owner)?;
        Folder::make(&home.join(".toolskube"), owner)?;
        let addresses = self.addresses.read().unwrap_or_else(PoisonError::into_inner).clone();
        replace(&kube.join("config"), &kubeconfig(&tool.name, &addresses), 0o600, owner)?;
        replace(&home.join(".toolforge.yaml"), &client_config(&addresses), 0o644, owner)
    }

    fn install_now(&self, tool: &Tool, credentials: &Credentials) -> io::Result<()> {
        let owner = self.owner(tool);
        let home = Folder::make(&self.home(&tool.name), owner)?;
        let folder = Folder::make(&home.join(".toolskube"), owner)?;
        // The key first: a certificate never stands beside a key that is not its own for longer than this.
        let file = Replace::mode(0o400).owner(owner);
        file.write(&folder.join("client.key"), credentials.key_pem.as_bytes())?;
        file.write(&folder.join("client.crt"), credentials.certificate_pem.as_bytes())?;
        file.write(&folder.join(".serial"), credentials.certificate.serial.as_bytes())
    }

    fn remove_now(&self, tool: &Tool, delete_home: bool) -> io::Result<()> {
        let home = self.home(&tool.name);
        let gone = |result: io::Result<()>| match result {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        };
        if delete_home {
            return gone(fs::remove_dir_all(&home));
        }
        gone(fs::remove_dir_all(home.join(".toolskube")))
    }
}

#[async_trait]
impl Tenancy for Homes {
    fn home(&self, name: &ToolName) -> PathBuf {
        self.folder.join(name.as_str())
    }

    async fn create(&self, tool: &Tool) -> Result<(), PortError> {
        self.make(tool)
            .map_err(|error| PortError::new(format!("cannot make the home of {}", tool.name), error))
    }

    async fn install(&self, tool: &Tool, credentials: &Credentials) -> Result<(), PortError> {
        self.install_now(tool, credentials).map_err(|error| {
            PortError::new(format!("cannot put a certificate into the home of {}", tool.name), error)
        })
    }

    async fn installed(&self, tool: &Tool, serial: &str) -> Result<bool, PortError> {
        let folder = self.home(&tool.name).join(".toolskube");
        let files = ["client.crt", "client.key"];
        let there = files.iter().all(|file| folder.join(file).is_file());
        Ok(there && fs::read_to_string(folder.join(".serial")).is_ok_and(|found| found == serial))
    }

    async fn remove(&self, tool: &Tool, delete_home: bool) -> Result<(), PortError> {
        self.remove_now(tool, delete_home)
            .map_err(|error| PortError::new(format!("cannot clear the home of {}", tool.name), error))
    }
}

/// A folder that is held open: paths through it lead into this very folder, even when its owner, a tool, puts a link
/// in its place meanwhile.
struct Folder(OwnedFd);

impl Folder {
    /// Makes the folder or takes the one that is there; a link is refused.
    fn make(path: &Path, owner: Option<u32>) -> io::Result<Self> {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::open(path, flags, Mode::empty())?;
        if let Some(id) = owner
            && rustix::fs::fstat(&folder)?.st_uid != id
        {
            fchown(&folder, Some(id), Some(id))?;
        }
        Ok(Self(folder))
    }

    fn join(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{name}", self.0.as_raw_fd()))
    }
}

/// Writes a file unless it is so already: homes are looked at on every start.
fn replace(path: &Path, contents: &str, mode: u32, owner: Option<u32>) -> io::Result<()> {
    let same = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
        && fs::read_to_string(path).is_ok_and(|found| found == contents);
    if same { Ok(()) } else { Replace::mode(mode).owner(owner).write(path, contents.as_bytes()) }
}

/// The kubeconfig as Toolforge lays it out (contract 6.2): today's clients take tool and certificate from it.
fn kubeconfig(name: &ToolName, addresses: &Addresses) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: toolforge\nclusters:\n- name: toolforge\n  cluster:\n    server: {server}\n\
         contexts:\n- name: toolforge\n  context:\n    cluster: toolforge\n    namespace: tool-{name}\n    user: tf-{name}\n\
         users:\n- name: tf-{name}\n  user:\n    client-certificate: ../.toolskube/client.crt\n    client-key: ../.toolskube/client.key\n",
        server = quoted(&addresses.gateway),
    )
}

/// The clients' configuration (contract 7.6).
fn client_config(addresses: &Addresses) -> String {
    format!(
        "# written by toolforged at every start; put your own settings into ~/.config/toolforge.yaml\n\
         api_gateway:\n  url: {url}\n  ca_file: {ca}\njobs:\n  publish_url_template: {template}\n",
        url = quoted(&addresses.gateway),
        ca = quoted(&addresses.ca_file.display().to_string()),
        template = quoted(&addresses.publish_url_template),
    )
}

/// A YAML double-quoted scalar: JSON strings are a subset of them.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
