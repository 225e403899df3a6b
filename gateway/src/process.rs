//! The process: settings, the gateway, what operators see of it, and its end at SIGTERM.

use std::fmt::Write as _;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use gateway::{Gateway, Tls, TlsPem};
use mesh::drain::Drain;
use mesh::identity::tls::Pem;
use mesh::program::{Telemetry, ready};
use mesh::telemetry::install_metrics;
use tokio::time::timeout;

use crate::admin::{self, Scope};
use crate::allocator::give_back;
use crate::args::{Args, MeshFiles, TlsFiles};
use crate::check::check;
use crate::reload::Reloaded;
use crate::settings::{Fixed, Settings};
use crate::{targets, workers};

/// How long the backends may take until the gateway says that it is ready without them.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves until a signal ends it.
pub(crate) async fn run(args: Args) -> Result<()> {
    let telemetry = Telemetry::begin("toolforged-gateway", args.log.clone())?;
    tokio::spawn(give_back());
    let drain = Drain::on_signals()?;
    let Settings { fixed, tls, mesh, prefer, options } = Settings::read(&args)?;
    let listen = fixed.listen;
    let tls = match tls.read()? {
        Some(pem) => Some(Tls::new(&pem, prefer)?),
        None if listen.ip().is_loopback() => None,
        None if fixed.allow_cleartext => {
            tracing::warn!(
                "serving in clear on {listen}: whoever reaches it, or is between, reads and writes along"
            );
            None
        }
        None => bail!(
            "{listen}: serving in clear is for loopback alone; give --tls-cert and --tls-key, or --allow-cleartext behind \
             a proxy that ends TLS, or a loopback address"
        ),
    };
    let (backends, clients) = targets::backends(&fixed, &mesh.read()?)?;
    if fixed.admin.or(fixed.metrics).is_some() {
        install_metrics()?;
    }
    let gateway = Arc::new(Gateway::new(backends, options, &drain));
    if args.check {
        return check(&gateway, PATIENCE).await;
    }
    let threads = fixed.threads.or_else(|| std::thread::available_parallelism().ok());
    let listeners = workers::listeners(listen, threads.unwrap_or(NonZero::<usize>::MIN))
        .with_context(|| format!("listening on {listen}"))?;
    let address = listeners.first().context("no listener")?.local_addr()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let line = format!("gateway={scheme}://{address}{}", operators(&fixed, &gateway, &drain).await?);
    let serving = workers::serve(&gateway, listeners, tls.as_ref(), &drain)?;
    Reloaded { args, fixed, gateway: Arc::clone(&gateway), tls, clients }.at_sighup()?;
    let (told, served) = tokio::join!(tell_ready(&gateway, &drain, line), serving);
    telemetry.finish().await;
    served.and(told)
}

/// Serves what operators ask for, and says where.
async fn operators(fixed: &Fixed, gateway: &Arc<Gateway>, drain: &Drain) -> Result<String> {
    let mut places = String::new();
    let wanted = [("metrics", fixed.metrics, Scope::Metrics), ("admin", fixed.admin, Scope::Admin)];
    for (name, address, scope) in wanted {
        let Some(address) = address else { continue };
        let served = admin::serve(address, scope, Arc::clone(gateway), drain.clone()).await;
        let place = served.with_context(|| format!("{name} on {address}"))?;
        let _ = write!(places, " {name}=http://{place}");
    }
    Ok(places)
}

/// Prints a line once every backend is known, or has had its time.
async fn tell_ready(gateway: &Gateway, drain: &Drain, line: String) -> Result<()> {
    tokio::select! {
        known = timeout(PATIENCE, gateway.ready()) => if known.is_err() {
            tracing::warn!("not every backend is known yet; what they serve is added when they are there");
        },
        () = drain.begun() => return Ok(()),
    }
    Ok(ready(line)?)
}

impl TlsFiles {
    /// The texts of the files, where there is a certificate.
    pub(crate) fn read(&self) -> Result<Option<TlsPem>> {
        let (Some(cert), Some(key)) = (&self.tls_cert, &self.tls_key) else { return Ok(None) };
        Ok(Some(TlsPem {
            chain: read(cert)?,
            key: read(key)?,
            clients_root: self.client_ca.as_deref().map(read).transpose()?,
            revoked: self.client_crl.as_deref().map(read).transpose()?,
        }))
    }
}

impl MeshFiles {
    /// The texts of the files.
    pub(crate) fn read(&self) -> Result<Pem> {
        let optional = |path: &Option<_>| path.as_deref().map(read).transpose();
        Ok(Pem {
            chain: optional(&self.cert)?.unwrap_or_default(),
            key: optional(&self.key)?.unwrap_or_default(),
            mesh_root: optional(&self.ca)?,
            clients_root: None,
            revoked: None,
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| path.display().to_string())
}
