//! The service on one machine: engine and records in a data directory, tools asked of the config service.

mod args;
mod identities;
mod site;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use engine::{Capabilities, Engine as _};
use engine_embedded::{Apart, Config, Embedded, Limits, OnStep, system_entropy};
use jobs_core::{Jobs, Ports, Site};
use mesh::client::Channel;
use store_embedded::{Options, Sqlite};

use crate::{Machine, Records};

pub use args::Running;
pub use identities::FromConfig;

/// Environment from secrets: this release has no envvars service, so that there is none.
#[derive(Clone, Copy, Debug, Default)]
struct NoSecrets;

#[async_trait]
impl engine::Secrets for NoSecrets {
    async fn environment(&self, _: &str) -> Result<Vec<(String, String)>, engine::Error> {
        Ok(Vec::new())
    }
}

/// The engine of a data directory. `config` is asked who a tool is; with `trust_tools` instances of several tools run
/// also where they cannot be kept apart.
pub async fn engine(
    data: &Path,
    config: Channel,
    trust_tools: bool,
    on_step: Option<OnStep>,
) -> Result<Arc<Embedded>> {
    let config = Config {
        data: data.to_owned(),
        exe: "/proc/self/exe".into(),
        secrets: Arc::new(NoSecrets),
        identities: Arc::new(FromConfig::new(config)),
        clock: Arc::new(engine::SystemClock),
        entropy: system_entropy(),
        apart: if trust_tools { Apart::Trusted } else { Apart::Required },
        network: engine_network::Options::default(),
        programs: std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect(),
        limits: Limits::default(),
        on_step,
    };
    let engine = Embedded::open(config).await.with_context(|| format!("engine of {}", data.display()))?;
    tell(&engine.capabilities().await?);
    Ok(Arc::new(engine))
}

/// Tells operators what is enforced here, and what is not and why.
fn tell(capabilities: &Capabilities) {
    let Capabilities { isolation, memory, cpu, pids, addresses, notes } = capabilities;
    tracing::info!(?isolation, ?memory, ?cpu, ?pids, addresses, "what the engine enforces");
    for note in notes {
        tracing::warn!(note, "something is not enforced");
    }
}

/// The use cases over this engine and the records in `folder`, beside those records.
pub fn jobs(
    folder: &Path,
    engine: &Arc<Embedded>,
    site: Site,
    on_step: Option<OnStep>,
) -> Result<(Jobs, Records)> {
    let store = Sqlite::open(folder, Options::for_a_service(on_step));
    let records = Records::new(Arc::new(store.with_context(|| format!("store {}", folder.display()))?));
    let ports = Ports {
        repository: Arc::new(records.clone()),
        engine: engine.clone(),
        clock: Arc::new(Machine),
        ids: Arc::new(Machine),
    };
    Ok((Jobs::new(ports, site), records))
}
