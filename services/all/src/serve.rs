//! `toolforged serve`.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use config::embedded::Directory;
use jobs::embedded::Running;
use mesh::drain::Drain;
use mesh::program::{Telemetry, ready};
use mesh::telemetry::install_metrics;

use crate::args::Serve;
use crate::failpoint;
use crate::platform::{Platform, Settings};

impl Serve {
    /// Serves until the signal, drains, and ends.
    pub(crate) fn run(self) -> Result<ExitCode> {
        tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(self.serve())
    }

    async fn serve(self) -> Result<ExitCode> {
        let Self { data, gateway, running, fail_at, log } = self;
        let directory = Directory::open(&data.directory)?;
        let _owned = directory.own_or_refuse()?;
        let telemetry = Telemetry::begin("toolforged", log)?;
        install_metrics().context("metrics")?;
        let site = running.site(&directory.site_file())?;
        let on_step = failpoint::parse(fail_at.as_deref())?;
        let drain = Drain::on_signals()?;
        let Running { web, domain, stop_instances, trust_tools, .. } = running;
        let settings = Settings { gateway, web, domain, site, trust_tools, on_step };
        let platform = Platform::start(&directory, settings, &drain).await?;
        ready(format_args!("gateway=https://{} web=http://{}", platform.gateway, platform.web))?;
        drain.begun().await;
        tracing::info!("draining");
        platform.finish(stop_instances).await?;
        telemetry.finish().await;
        Ok(ExitCode::SUCCESS)
    }
}
