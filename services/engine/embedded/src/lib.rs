//! Workloads as processes on this machine (`design/engines.md`, "Embedded").
//!
//! - [`Embedded`] is the engine: [`Embedded::open`] takes over what an earlier server left.
//! - A task per workload (`actor`) decides with pure rules (`once`, `always`) what its instances should be.
//! - A task per instance (`life`) starts its runs, each held by a shim process that outlives this one.
//! - Everything that is wanted or begun is on disk before anything is done for it (`records`).

mod actor;
mod always;
mod attach;
mod config;
mod dial;
mod embedded;
mod environment;
mod health;
mod images;
mod life;
mod link;
mod name;
mod observe;
mod once;
mod records;
mod routes;
mod services;
mod shared;
mod supervisor;
mod task;

pub use config::{Apart, Config, Entropy, Identities, Identity, Limits, OnStep, system_entropy};
pub use embedded::Embedded;
