//! `toolforged stop-instances`: ends what a server left running.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use config::embedded::{Directory, Ownership};
use mesh::client::{Channel, Endpoint};
use mesh::identity::Principal;
use mesh::memory;

use crate::args::StopInstances;

impl StopInstances {
    /// Takes the instances over, and stops them. What is wanted stays wanted: the next server starts it again.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let directory = Directory::open(&self.data.directory)?;
        let _owned = match directory.own()? {
            Ownership::Ours(owned) => owned,
            Ownership::Theirs(_) => bail!("a server runs on {}: end it first", directory.path().display()),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            // Nothing is started, so that nobody has to be asked who a tool is.
            let (_listener, nobody) = memory::pair(Principal::Anonymous);
            let channel = Channel::new(Endpoint::memory(nobody));
            let engine = jobs::embedded::engine(directory.path(), channel, true, None).await?;
            engine.close(true).await.context("instances cannot be stopped")
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
