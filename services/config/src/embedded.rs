//! The service on one machine: its data directory, the socket of administrators, and the composition.

pub mod admin;
mod directory;
mod tool;

use std::sync::Arc;

use anyhow::{Context as _, Result};
use config_core::Tools;
use store_embedded::{OnStep, Options, Sqlite};

use crate::{Addresses, Authority, Homes, Machine, Ownership as HomesOf, Records};

pub use directory::{Directory, Owned, Ownership};
pub use tool::{Data, Tool, ToolCommand};

/// Tools whose records, homes and certificates are in this directory.
pub fn tools(
    directory: &Directory,
    authority: &Arc<Authority>,
    addresses: Addresses,
    on_step: Option<OnStep>,
) -> Result<Tools> {
    let homes = Homes::open(&directory.homes(), HomesOf::of_this_process(), addresses);
    let folder = directory.service("config");
    let store = Sqlite::open(&folder, Options::for_a_service(on_step));
    let store = store.with_context(|| format!("store {}", folder.display()))?;
    Ok(Tools::new(
        Arc::new(Records::new(Arc::new(store), Arc::new(Machine))),
        Arc::new(homes.context("homes of tools")?),
        authority.clone(),
        Arc::new(Machine),
        Arc::new(Machine),
    ))
}
