//! Opening: what the machine can do is found by trying, and what was left is taken over.

use std::path::Path;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use durable::Lock;
use engine::{Capabilities, Enforcement, Error, Isolation};
use engine_network::Network;
use engine_shim::{Parent, Probed, Tier};

use super::{Embedded, Held};
use crate::config::Config;
use crate::images::Images;
use crate::observe::Board;
use crate::records::Directories;
use crate::routes::Routes;
use crate::services::Services;
use crate::shared::{Links, Shared, blocking, failed};
use crate::supervisor::Supervisor;
use crate::task::Task;

/// How often output that is too old is dropped.
const SWEEP: Duration = Duration::from_mins(5);

/// What blocks while an engine is opened.
struct Opened {
    lock: Lock,
    directories: Directories,
    probed: Probed,
    network: Network,
    images: Images,
    logs: engine_logs::Logs,
}

impl Embedded {
    /// Opens the engine of a data directory and takes over the instances that run in it. Call
    /// [`engine_shim::dispatch`] first in `main` of the binary that `exe` names.
    ///
    /// # Errors
    /// Another engine has the directory, the directory or a record in it cannot be used, the image catalogue is bad,
    /// or nothing can be run.
    pub async fn open(config: Config) -> Result<Self, Error> {
        let (data, exe) = (config.data.clone(), config.exe.clone());
        let (options, programs) = (config.network.clone(), config.programs.clone());
        let opened = blocking(move || open(&data, &exe, options, &programs));
        let Opened { lock, directories, mut probed, network, images, logs } =
            opened.await.map_err(failed("the engine cannot be opened"))?;
        if !network.capabilities().addresses {
            probed.notes.push(
                "instances have no addresses of their own, and jobs cannot reach each other by name: run as root"
                    .to_owned(),
            );
        }
        let links = Arc::new(Links::default());
        let shared = Arc::new(Shared {
            directories,
            exe: config.exe,
            secrets: config.secrets,
            identities: config.identities,
            clock: config.clock,
            entropy: config.entropy,
            limits: config.limits,
            tier: probed.isolation,
            capabilities: capabilities(&probed, &network),
            cgroup: probed.cgroup,
            images,
            logs,
            board: Board::default(),
            services: Services::new(network),
            routes: Routes::new(Arc::clone(&links)),
            starts: Shared::starts(),
            links,
            on_step: config.on_step,
        });
        let supervisor = Supervisor::open(Arc::clone(&shared), config.apart).await;
        let supervisor = supervisor.map_err(failed("what an earlier server left cannot be taken over"))?;
        let sweeping = sweep_once(Arc::downgrade(&supervisor), shared.limits.orphans);
        let dropping = drop_old_output(Arc::downgrade(&shared));
        let held = Held { _upkeep: [Task::spawn(sweeping), Task::spawn(dropping)], _lock: lock };
        Ok(Self { shared, supervisor, held: Mutex::new(Some(held)) })
    }
}

fn open(
    data: &Path,
    exe: &Path,
    options: engine_network::Options,
    programs: &[std::path::PathBuf],
) -> std::io::Result<Opened> {
    let directories = Directories::open(data)?;
    let lock = Lock::take(&directories.root.join("lock"))?;
    keep_reserve(&directories);
    let mut probed = engine_shim::probe(exe, &directories.root, &group(&directories.root.canonicalize()?))?;
    let network = if probed.isolation == Tier::Full {
        match Network::open(&directories.root, options) {
            Ok(network) => network,
            Err(engine_network::Error::Unsupported(why)) => {
                probed.notes.push(format!("instances have no addresses: {why}"));
                Network::rootless()
            }
            Err(error) => return Err(std::io::Error::other(error)),
        }
    } else {
        Network::rootless()
    };
    let images = Images::open(&directories.images, probed.isolation, programs)?;
    let logs = engine_logs::Logs::open(&directories.logs)?;
    Ok(Opened { lock, directories, probed, network, images, logs })
}

/// The name of the parent control group of all instances: another one for each directory (FNV-1a of its path).
fn group(directory: &Path) -> String {
    let bytes = directory.as_os_str().as_encoded_bytes();
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("toolforge-{hash:016x}")
}

/// Removes the parent control group; one that is in use stays.
pub(super) fn remove_group(parent: Option<&Parent>) {
    let directories = match parent {
        Some(Parent::V1 { memory, cpu, pids }) => [memory, cpu, pids].into_iter().flatten().collect(),
        Some(Parent::V2 { dir, .. }) => vec![dir],
        None => Vec::new(),
    };
    for directory in directories {
        if let Err(error) = std::fs::remove_dir(directory) {
            tracing::info!(directory = %directory.display(), %error, "a control group stays");
        }
    }
}

fn capabilities(probed: &Probed, network: &Network) -> Capabilities {
    let enforcement = |found: engine_shim::Enforcement| match found {
        engine_shim::Enforcement::Enforced => Enforcement::Enforced,
        engine_shim::Enforcement::PerProcess => Enforcement::PerProcess,
        engine_shim::Enforcement::Advisory => Enforcement::Advisory,
    };
    Capabilities {
        isolation: match probed.isolation {
            Tier::Process => Isolation::Process,
            Tier::UserNamespaces => Isolation::UserNamespaces,
            Tier::Full => Isolation::Full,
        },
        memory: enforcement(probed.memory),
        cpu: enforcement(probed.cpu),
        pids: enforcement(probed.pids),
        addresses: network.capabilities().addresses,
        notes: probed.notes.clone(),
    }
}

fn keep_reserve(directories: &Directories) {
    if let Err(error) = directories.keep_reserve() {
        tracing::warn!(%error, "no room is kept for deletions");
    }
}

/// What nothing belongs to goes when whoever wants something has had time to say so.
async fn sweep_once(supervisor: Weak<Supervisor>, after: Duration) {
    tokio::time::sleep(after).await;
    if let Some(supervisor) = supervisor.upgrade() {
        supervisor.sweep().await;
    }
}

async fn drop_old_output(shared: Weak<Shared>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(shared) = shared.upgrade() else { return };
        let dropped = blocking(move || {
            keep_reserve(&shared.directories);
            let lives = |id: &str| shared.links.link(&engine::InstanceId(id.to_owned())).is_some();
            shared.logs.sweep(shared.clock.now(), &shared.limits.logs, &lives)
        });
        if let Err(error) = dropped.await {
            tracing::warn!(%error, "old output cannot be dropped now");
        }
    }
}
