//! SIGHUP: config file, certificates and descriptors are read again, for what comes from then on.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use gateway::{Gateway, Tls};
use mesh::identity::tls::Client;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::Args;
use crate::settings::{Fixed, Settings};
use crate::targets;

/// Everything that can change while the process runs.
pub(crate) struct Reloaded {
    pub(crate) args: Args,
    /// What was said at the start and holds until the end.
    pub(crate) fixed: Fixed,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) tls: Option<Tls>,
    pub(crate) clients: Vec<Arc<Client>>,
}

impl Reloaded {
    /// Reads everything again at each SIGHUP. A mistake changes nothing.
    pub(crate) fn at_sighup(self) -> Result<()> {
        let mut hangups = signal(SignalKind::hangup())?;
        tokio::spawn(async move {
            while hangups.recv().await.is_some() {
                match self.reload() {
                    Ok(()) => tracing::info!("settings and certificates were read again"),
                    Err(error) => tracing::error!("settings and certificates stay as they were: {error:#}"),
                }
            }
        });
        Ok(())
    }

    fn reload(&self) -> Result<()> {
        let Settings { fixed, tls, mesh, options, .. } = Settings::read(&self.args)?;
        if fixed != self.fixed {
            tracing::warn!("addresses, threads and backends stay as they were: they need a restart");
        }
        let (clients_pem, mesh_pem) = (tls.read()?, mesh.read()?);
        if let (Some(tls), Some(pem)) = (&self.tls, clients_pem) {
            tls.reload(&pem).context("certificates towards clients")?;
        }
        // read before anything changes
        let descriptors = targets::descriptors(&self.fixed)?;
        for client in &self.clients {
            client.reload(&mesh_pem).context("certificates towards backends")?;
        }
        self.gateway.set_policies(&options.policies, &options.limits);
        self.gateway.set_mapping(options.mapping);
        for (backend, descriptors) in descriptors {
            self.gateway.set_descriptors(&backend, descriptors);
        }
        Ok(())
    }
}
