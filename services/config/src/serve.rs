//! `toolforged-config serve`.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use config::embedded::{Directory, admin};
use config::{Addresses, Authority, Machine};
use mesh::args::Service;
use mesh::drain::Drain;
use mesh::identity::Principal;
use mesh::identity::tls::{self, Files, Pem, Reloaded};
use mesh::program::{Telemetry, ready};
use mesh::serve::{Drained, Listener, Server};
use mesh::telemetry::{install_metrics, render_metrics};
use tokio::net::TcpListener;

use crate::args::Serve;

impl Serve {
    /// Serves until the signal, drains, and ends.
    pub(crate) fn run(self) -> Result<ExitCode> {
        tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(self.serve())
    }

    async fn serve(self) -> Result<ExitCode> {
        let Self { data, service: Service { listen, tls, log }, gateway_url, publish_url } = self;
        let directory = Directory::open(&data.directory)?;
        let _owned = directory.own_or_refuse()?;
        let telemetry = Telemetry::begin("toolforged-config", log)?;
        install_metrics().context("metrics")?;
        // Whoever refuses certificates reads the list of revoked ones again when it is told to.
        let authority = Authority::open(&directory.pki(), Arc::new(Machine), || {});
        let authority = Arc::new(authority.context("certificates")?);
        authority.keep_admin().context("certificate of the administrator")?;
        let addresses = Addresses {
            gateway: gateway_url,
            ca_file: authority.clients_file(),
            publish_url_template: publish_url,
        };
        let tools = config::embedded::tools(&directory, &authority, addresses, None)?;
        tools.converge().await?;

        let drain = Drain::on_signals()?;
        let services =
            config::service(config::Deps { tools: tools.clone(), metrics: Arc::new(render_metrics) });
        let server = Server::builder(services).descriptors(api::CONFIG_DESCRIPTORS).build()?;
        let tls = tls_server(tls.into_files(), &authority)?;
        let listener = TcpListener::bind(listen).await.with_context(|| format!("--listen: {listen}"))?;
        let address = listener.local_addr()?;
        let admin = Listener::unix(admin::listen(&directory)?, Principal::Admin("local".into()));
        server.health().ready();
        ready(format_args!("config={address}"))?;
        let serving = server.serve(vec![Listener::tls(listener, tls), admin], drain.clone());
        let drained = tokio::select! {
            drained = serving => drained,
            () = config::keep(tools) => Drained::Clean,
        };
        if let Drained::Cut(open) = drained {
            tracing::warn!(open, "connections were cut");
        }
        telemetry.finish().await;
        Ok(ExitCode::SUCCESS)
    }
}

/// The certificate that was given, which is read again at SIGHUP, or one of the directory's own authority for as long as
/// this process lives.
fn tls_server(given: Option<Files>, authority: &Authority) -> Result<Arc<tls::Server>> {
    if let Some(files) = given {
        let pem = files.read().context("certificates that were given")?;
        let server = Arc::new(tls::Server::new(&pem, false).context("TLS")?);
        Reloaded { files, server: Arc::clone(&server), clients: Vec::new() }.at_hangup()?;
        return Ok(server);
    }
    let identity = authority.service("config")?;
    let pem = Pem {
        chain: identity.certificate_pem.into_bytes(),
        key: identity.key_pem.into_bytes(),
        mesh_root: Some(authority.mesh_pem().as_bytes().to_vec()),
        ..Pem::default()
    };
    Ok(Arc::new(tls::Server::new(&pem, false).context("TLS")?))
}
