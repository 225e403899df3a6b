//! The process: certificates from files and again at SIGHUP, the gateway, and its end at SIGTERM.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use gateway::{Backend, Gateway, Options, SecurityScheme, Tls, TlsPem};
use mesh::client::{Channel, Endpoint};
use mesh::drain::Drain;
use mesh::identity::tls::{Client, Expected, Pem};
use mesh::telemetry::{self, Logs};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use crate::args::{Args, MeshFiles, Place, Target, TlsFiles};
use crate::{scrape, workers};

/// How long the backends may take until the gateway says that it is ready without them.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves until a signal ends it.
pub(crate) async fn run(args: Args) -> Result<()> {
    let Args {
        listen,
        backend: targets,
        threads,
        tls: tls_files,
        mesh: mesh_files,
        prefer,
        errors,
        public_reflection,
        unstated_access,
        names,
        title,
        access_log,
        metrics,
        log,
    } = args;
    telemetry::init(&Logs { to_stderr: true, ..log.into() })?;
    #[cfg(feature = "otlp")]
    let exporter = match telemetry::Otlp::from_env("toolforged-gateway")? {
        Some(otlp) => Some(telemetry::export_spans(&otlp)?),
        None => None,
    };
    let drain = Drain::on_signals()?;
    let tls = match tls_files.read()? {
        Some(pem) => Some(Tls::new(&pem, prefer.into())?),
        None if listen.ip().is_loopback() => None,
        None => bail!(
            "{listen}: serving in clear is for loopback alone; give --tls-cert and --tls-key, or a loopback address"
        ),
    };
    let security = tls_files.client_ca.iter().map(|_| SecurityScheme::MutualTls).collect();
    let (backends, clients) = backends(&targets, &mesh_files)?;
    reload_at_sighup(Certificates { tls_files, tls: tls.clone(), mesh_files, clients })?;
    let scraped = match metrics {
        Some(address) => {
            telemetry::install_metrics()?;
            let served = scrape::serve(address, drain.clone()).await;
            Some(served.with_context(|| format!("metrics on {address}"))?)
        }
        None => None,
    };
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let mut mapping = gateway::Mapping::default();
    mapping.options.names = names.into();
    let options = Options {
        errors: errors.into(),
        public_reflection,
        unstated: unstated_access.into(),
        access_log: access_log.into(),
        mapping,
        title,
        version,
        security,
        ..Options::default()
    };
    let gateway = Gateway::new(backends, options, &drain);
    let threads = threads.or_else(|| std::thread::available_parallelism().ok());
    let listeners = workers::listeners(listen, threads.unwrap_or(NonZero::<usize>::MIN))
        .with_context(|| format!("listening on {listen}"))?;
    let served = serve(&gateway, listeners, tls, scraped, &drain).await;
    #[cfg(feature = "otlp")]
    if let Some(exporter) = exporter {
        exporter.finish().await;
    }
    served
}

/// Serves, and says on standard output where.
async fn serve(
    gateway: &Gateway,
    listeners: Vec<TcpListener>,
    tls: Option<Tls>,
    scraped: Option<SocketAddr>,
    drain: &Drain,
) -> Result<()> {
    let scheme = if tls.is_some() { "https" } else { "http" };
    let address = listeners.first().context("no listener")?.local_addr()?;
    let mut line = format!("ready gateway={scheme}://{address}");
    if let Some(scraped) = scraped {
        let _ = write!(line, " metrics=http://{scraped}");
    }
    let serving = workers::serve(gateway, listeners, tls.as_ref(), drain)?;
    let (told, ended) = tokio::join!(tell_ready(gateway, drain, line), serving);
    ended?;
    told
}

/// Prints a line once every backend is known, or has had its time.
async fn tell_ready(gateway: &Gateway, drain: &Drain, line: String) -> Result<()> {
    tokio::select! {
        known = timeout(PATIENCE, gateway.ready()) => if known.is_err() {
            tracing::warn!("not every backend is known yet; what they serve is added when they are there");
        },
        () = drain.begun() => return Ok(()),
    }
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// The backends, and the TLS towards each that has it.
fn backends(targets: &[Target], files: &MeshFiles) -> Result<(Vec<Backend>, Vec<Arc<Client>>)> {
    let pem = files.read()?;
    let (mut backends, mut clients) = (Vec::new(), Vec::new());
    for Target { name, place } in targets {
        let (endpoint, at) = match place {
            Place::Cleartext(address) => (Endpoint::h2c(address)?, address.clone()),
            Place::Unix(path) => (Endpoint::unix(path), path.display().to_string()),
            Place::Tls(address) => {
                if pem.mesh_root.is_none() {
                    bail!("the backend https://{address} needs --mesh-ca to be verified");
                }
                let expected = match name {
                    Some(name) => Expected::Service(name.clone()),
                    None => Expected::Host(host(address).to_owned()),
                };
                let client = Arc::new(Client::new(&pem, expected)?);
                clients.push(Arc::clone(&client));
                (Endpoint::tls(address, client)?, address.clone())
            }
        };
        let name = name.clone().unwrap_or(at);
        backends.push(Backend { name, channel: Channel::new(endpoint) });
    }
    Ok((backends, clients))
}

/// The host in `host:port`, without the brackets of an IPv6 address.
fn host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Everything that is made of files.
struct Certificates {
    tls_files: TlsFiles,
    tls: Option<Tls>,
    mesh_files: MeshFiles,
    clients: Vec<Arc<Client>>,
}

impl Certificates {
    /// Reads the files again. A mistake changes nothing of the part that it is in.
    fn reload(&self) -> Result<()> {
        if let (Some(tls), Some(pem)) = (&self.tls, self.tls_files.read()?) {
            tls.reload(&pem)?;
        }
        let pem = self.mesh_files.read()?;
        for client in &self.clients {
            client.reload(&pem)?;
        }
        Ok(())
    }
}

fn reload_at_sighup(files: Certificates) -> Result<()> {
    let mut hangups = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            match files.reload() {
                Ok(()) => tracing::info!("certificates were read again"),
                Err(error) => tracing::error!("certificates stay as they were: {error:#}"),
            }
        }
    });
    Ok(())
}

impl TlsFiles {
    fn read(&self) -> Result<Option<TlsPem>> {
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
    fn read(&self) -> Result<Pem> {
        let optional = |path: &Option<_>| path.as_deref().map(read).transpose();
        Ok(Pem {
            chain: optional(&self.cert)?.unwrap_or_default(),
            key: optional(&self.key)?.unwrap_or_default(),
            mesh_root: optional(&self.ca)?,
            clients_root: None,
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| path.display().to_string())
}
