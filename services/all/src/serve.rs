//! `toolforged serve`.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use config::embedded::Directory;
use jobs::embedded::site;
use mesh::drain::Drain;
use mesh::telemetry::{Exporter, Logs, Otlp, export_spans, init, install_metrics};

use crate::args::Serve;
use crate::failpoint;
use crate::platform::{Platform, Settings};

impl Serve {
    /// Serves until the signal, drains, and ends.
    pub(crate) fn run(self) -> Result<ExitCode> {
        tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(self.serve())
    }

    async fn serve(self) -> Result<ExitCode> {
        let Self {
            data,
            gateway,
            web,
            domain,
            stop_instances,
            finished_job_ttl,
            trust_tools,
            site: site_file,
            fail_at,
            log,
        } = self;
        let directory = Directory::open(&data.directory)?;
        let _owned = directory.own_or_refuse()?;
        // Standard output has the one line that says where everything is.
        init(&Logs { to_stderr: true, ..log.into() }).context("logs")?;
        install_metrics().context("metrics")?;
        let exporter = spans()?;
        let site =
            site::read(site_file.as_deref(), &directory.site_file(), domain.clone(), finished_job_ttl)?;
        let on_step = failpoint::parse(fail_at.as_deref())?;
        let drain = Drain::on_signals()?;
        let settings = Settings { gateway, web, domain, site, trust_tools, on_step };
        let platform = Platform::start(&directory, settings, &drain).await?;
        announce(&platform)?;
        drain.begun().await;
        tracing::info!("draining");
        platform.finish(stop_instances).await?;
        if let Some(exporter) = exporter {
            exporter.finish().await;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn spans() -> Result<Option<Exporter>> {
    let otlp = Otlp::from_env("toolforged").context("OTEL_* variables")?;
    otlp.as_ref().map(export_spans).transpose().context("spans cannot be exported")
}

/// The one line on standard output, once everything serves.
fn announce(platform: &Platform) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "ready gateway=https://{} web=http://{}", platform.gateway, platform.web)?;
    Ok(stdout.flush()?)
}
