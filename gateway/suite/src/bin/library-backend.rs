//! The test services as a process: `library-backend [PORT]`, for trying programs by hand and for benchmarks.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use gateway_suite::Backend;

fn main() -> Result<()> {
    let port = match std::env::args().nth(1) {
        Some(port) => port.parse().with_context(|| format!("{port} is no port"))?,
        None => 0,
    };
    let backend = Backend::start_on(port)?;
    writeln!(std::io::stdout(), "ready backend={}", backend.uri())?;
    loop {
        std::thread::park();
    }
}
