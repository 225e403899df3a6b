//! `toolforged-config serve`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use config::embedded::{Directory, admin};
use config::{Addresses, Authority, Machine};
use mesh::args::Tls;
use mesh::drain::Drain;
use mesh::identity::Principal;
use mesh::identity::tls::{self, Pem};
use mesh::serve::{Drained, Listener, Server};
use mesh::telemetry::{Logs, init, install_metrics, render_metrics};
use tokio::net::TcpListener;

use crate::args::Serve;

impl Serve {
    /// Serves until the signal, drains, and ends.
    pub(crate) fn run(self) -> Result<ExitCode> {
        tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(self.serve())
    }

    async fn serve(self) -> Result<ExitCode> {
        let Self { data, listen, tls, gateway_url, publish_url, log } = self;
        let directory = Directory::open(&data.directory)?;
        let _owned = directory.own_or_refuse()?;
        // Standard output has the one line that says where everything is.
        init(&Logs { to_stderr: true, ..log.into() }).context("logs")?;
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
        let tls = Arc::new(tls::Server::new(&pem(tls, &authority)?, false).context("TLS")?);
        let listener = TcpListener::bind(listen).await.with_context(|| format!("--listen: {listen}"))?;
        let address = listener.local_addr()?;
        let admin = Listener::unix(admin::listen(&directory)?, Principal::Admin("local".into()));
        server.health().ready();
        announce(address)?;
        let serving = server.serve(vec![Listener::tls(listener, tls), admin], drain.clone());
        let drained = tokio::select! {
            drained = serving => drained,
            () = config::keep(tools) => Drained::Clean,
        };
        if let Drained::Cut(open) = drained {
            tracing::warn!(open, "connections were cut");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The certificate that was given, or one of the directory's own authority for as long as this process lives.
fn pem(given: Tls, authority: &Authority) -> Result<Pem> {
    if let Some(files) = given.into_files() {
        return files.read().context("certificates that were given");
    }
    let identity = authority.service("config")?;
    Ok(Pem {
        chain: identity.certificate_pem.into_bytes(),
        key: identity.key_pem.into_bytes(),
        mesh_root: Some(authority.mesh_pem().as_bytes().to_vec()),
        clients_root: None,
    })
}

/// The one line on standard output, once everything serves.
fn announce(address: SocketAddr) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "ready config={address}")?;
    Ok(stdout.flush()?)
}
