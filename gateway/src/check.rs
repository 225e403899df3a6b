//! `--check`: what a gateway with these settings would serve.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use anyhow::{Result, bail};
use gateway::{Gateway, State};
use tokio::time::timeout;

use crate::admin::lines;

/// Prints routes, backends and what cannot be served, once every backend is known or has had its time. It fails where
/// anything is left out.
pub(crate) async fn check(gateway: &Gateway, patience: Duration) -> Result<()> {
    let known = timeout(patience, gateway.ready()).await.is_ok();
    let state = gateway.state();
    let mut out = std::io::stdout();
    out.write_all(report(&state).as_bytes())?;
    out.flush()?;
    if !known {
        bail!("not every backend is known");
    }
    match state.warnings.len() + usize::from(state.refused.is_some()) {
        0 => Ok(()),
        1 => bail!("a part of the schema cannot be served"),
        parts => bail!("{parts} parts of the schema cannot be served"),
    }
}

fn report(state: &State) -> String {
    let mut out = lines(state);
    for backend in &state.backends {
        let told = if backend.known { "is known" } else { "is not known" };
        let _ = writeln!(out, "# backend {} {told}, {} services", backend.name, backend.services.len());
    }
    if let Some(refused) = &state.refused {
        let _ = writeln!(out, "# the schema cannot be served: {refused}");
    }
    let _ = writeln!(out, "# {} routes", state.routes.len());
    out
}
