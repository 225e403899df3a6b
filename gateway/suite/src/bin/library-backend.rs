//! The test services as a process, for tests that end it, and for trying programs by hand:
//! `library-backend [--former] [PORT]`. SIGTERM ends it with its last call.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use gateway_suite::{Backend, Version};
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> Result<()> {
    let (mut version, mut port) = (Version::Current, 0);
    for argument in std::env::args().skip(1) {
        if argument == "--former" {
            version = Version::Former;
        } else {
            port = argument.parse().with_context(|| format!("{argument} is no port"))?;
        }
    }
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let mut asked = runtime.block_on(async { signal(SignalKind::terminate()) })?;
    let backend = Backend::start_version(version, port)?;
    writeln!(std::io::stdout(), "ready backend={}", backend.uri())?;
    runtime.block_on(asked.recv());
    backend.finish();
    Ok(())
}
