//! Serves jobs until the signal, drains, and ends.

use std::fs::DirBuilder;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use engine_router::Router;
use jobs::Machine;
use jobs::embedded::site;
use mesh::args::Tls;
use mesh::client::{Channel, Endpoint};
use mesh::drain::Drain;
use mesh::identity::tls::{self, Expected, Pem};
use mesh::serve::{Drained, Listener, Server};
use mesh::telemetry::{Logs, init, install_metrics, render_metrics};
use options::Table;
use tokio::net::TcpListener;

use crate::args::Args;

impl Args {
    /// Serves until the signal.
    pub(crate) fn run(self) -> Result<()> {
        tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(self.serve())
    }

    async fn serve(self) -> Result<()> {
        let Self {
            data,
            listen,
            config,
            tls,
            web,
            domain,
            stop_instances,
            finished_job_ttl,
            trust_tools,
            site: site_file,
            log,
        } = self;
        let pem = pem(tls)?;
        let data = directory(&data)?;
        // Standard output has the one line that says where everything is.
        init(&Logs { to_stderr: true, ..log.into() }).context("logs")?;
        install_metrics().context("metrics")?;
        let site =
            site::read(site_file.as_deref(), &data.join("site.yaml"), domain.clone(), finished_job_ttl)?;
        let (listener, web) = (bind(listen, "listen").await?, bind(web, "web").await?);
        let addresses = (listener.local_addr()?, web.local_addr()?);
        let drain = Drain::on_signals()?;
        let config = channel(&config, &pem)?;
        let engine = jobs::embedded::engine(&data, config.clone(), trust_tools, None).await?;
        let (jobs, records) = jobs::embedded::jobs(&data.join("jobs"), &engine, site, None)?;

        let deps =
            jobs::Deps { jobs: jobs.clone(), clock: Arc::new(Machine), metrics: Arc::new(render_metrics) };
        let server = Server::builder(jobs::service(deps)).descriptors(api::JOBS_DESCRIPTORS).build()?;
        let tls = Arc::new(tls::Server::new(&pem, false).context("TLS")?);
        jobs.recover().await.context("jobs cannot be recovered")?;
        server.health().ready();
        let router = Router::new(
            engine.table(),
            engine_router::Options { domains: vec![domain], ..Default::default() },
        );
        let begun = drain.clone();
        let routing =
            tokio::spawn(async move { router.serve(web, async move { begun.begun().await }).await });
        announce(addresses)?;
        let serving = server.serve(vec![Listener::tls(listener, tls)], drain);
        let drained = tokio::select! {
            drained = serving => drained,
            () = jobs.run() => Drained::Clean,
            () = jobs::follow_tools(jobs.clone(), records, config) => Drained::Clean,
        };
        if let Drained::Cut(open) = drained {
            tracing::warn!(open, "connections were cut");
        }
        routing.await.context("the router panicked")?;
        engine.close(stop_instances).await.context("instances cannot be let go")
    }
}

/// This service's certificate and the roots; it serves nobody in clear.
fn pem(given: Tls) -> Result<Pem> {
    let root = given.mesh_root.is_some();
    match given.into_files() {
        Some(files) if root => files.read().context("certificates"),
        _ => bail!(
            "jobs speaks mutual TLS alone: give --tls-cert, --tls-key and --mesh-root; \
             `toolforged-config issue-service jobs --out DIR` makes them as DIR/jobs.crt, DIR/jobs.key and DIR/mesh-ca.crt"
        ),
    }
}

/// The data directory, made if it is missing; nobody else may look into it.
fn directory(path: &Path) -> Result<PathBuf> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("cannot make the data directory {}", path.display()))?;
    path.canonicalize().with_context(|| format!("cannot find {}", path.display()))
}

/// Calls to the config service, which must prove to be it.
fn channel(address: &str, pem: &Pem) -> Result<Channel> {
    let client = tls::Client::new(pem, Expected::Service("config".into())).context("TLS")?;
    let endpoint = Endpoint::tls(address, Arc::new(client)).context("--config")?;
    Ok(Channel::builder(endpoint).methods(Arc::new(Table::read(api::CONFIG_DESCRIPTORS)?)).build())
}

/// The one line on standard output, once everything serves.
fn announce((jobs, web): (SocketAddr, SocketAddr)) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "ready jobs={jobs} web=http://{web}")?;
    Ok(stdout.flush()?)
}

async fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("--{flag}: cannot listen on {address}"))
}
