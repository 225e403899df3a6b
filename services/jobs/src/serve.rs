//! Serves jobs until the signal, drains, and ends.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use engine_router::Router;
use jobs::Machine;
use jobs::embedded::Running;
use mesh::args::{Service, Tls};
use mesh::client::{Channel, Endpoint};
use mesh::drain::Drain;
use mesh::identity::tls::{self, Expected, Files, Pem, Reloaded};
use mesh::program::{Telemetry, ready};
use mesh::serve::{Drained, Listener, Server};
use mesh::telemetry::{install_metrics, render_metrics};
use options::Table;
use tokio::net::TcpListener;

use crate::args::Args;

impl Args {
    /// Serves until the signal.
    pub(crate) fn run(self) -> Result<ExitCode> {
        tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(self.serve())
    }

    async fn serve(self) -> Result<ExitCode> {
        let Self { data, service: Service { listen, tls, log }, config, running } = self;
        let (files, pem) = certificates(tls)?;
        durable::make_directory(&data)
            .with_context(|| format!("cannot make the data directory {}", data.display()))?;
        let data = data.canonicalize().with_context(|| format!("cannot find {}", data.display()))?;
        let telemetry = Telemetry::begin("toolforged-jobs", log)?;
        install_metrics().context("metrics")?;
        let site = running.site(&data.join("site.yaml"))?;
        let Running { web, domain, stop_instances, trust_tools, .. } = running;
        let (listener, web) = (bind(listen, "listen").await?, bind(web, "web").await?);
        let places = format!("jobs={} web=http://{}", listener.local_addr()?, web.local_addr()?);
        let drain = Drain::on_signals()?;
        let client = Arc::new(tls::Client::new(&pem, Expected::Service("config".into())).context("TLS")?);
        let config = channel(&config, Arc::clone(&client))?;
        let engine = jobs::embedded::engine(&data, config.clone(), trust_tools, None).await?;
        let (jobs, records) = jobs::embedded::jobs(&data.join("jobs"), &engine, site, None)?;

        let deps =
            jobs::Deps { jobs: jobs.clone(), clock: Arc::new(Machine), metrics: Arc::new(render_metrics) };
        let server = Server::builder(jobs::service(deps)).descriptors(api::JOBS_DESCRIPTORS).build()?;
        let tls = Arc::new(tls::Server::new(&pem, false).context("TLS")?);
        Reloaded { files, server: Arc::clone(&tls), clients: vec![client] }.at_hangup()?;
        jobs.recover().await.context("jobs cannot be recovered")?;
        server.health().ready();
        let router = Router::new(
            engine.table(),
            engine_router::Options { domains: vec![domain], ..Default::default() },
        );
        let begun = drain.clone();
        let routing =
            tokio::spawn(async move { router.serve(web, async move { begun.begun().await }).await });
        ready(places)?;
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
        engine.close(stop_instances).await.context("instances cannot be let go")?;
        telemetry.finish().await;
        Ok(ExitCode::SUCCESS)
    }
}

/// This service's certificate and the roots; it serves nobody in clear.
fn certificates(given: Tls) -> Result<(Files, Pem)> {
    match given.into_files().filter(|files| files.mesh_root.is_some()) {
        Some(files) => {
            let pem = files.read().context("certificates")?;
            Ok((files, pem))
        }
        None => bail!(
            "jobs speaks mutual TLS alone: give --tls-cert, --tls-key and --mesh-root; \
             `toolforged-config issue-service jobs --out DIR` makes them as DIR/jobs.crt, DIR/jobs.key and DIR/mesh-ca.crt"
        ),
    }
}

/// Calls to the config service, which must prove to be it.
fn channel(address: &str, client: Arc<tls::Client>) -> Result<Channel> {
    let endpoint = Endpoint::tls(address, client).context("--config")?;
    Ok(Channel::builder(endpoint).methods(Arc::new(Table::read(api::CONFIG_DESCRIPTORS)?)).build())
}

async fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("--{flag}: cannot listen on {address}"))
}
