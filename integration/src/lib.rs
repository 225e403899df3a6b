//! The whole system as its users meet it: binaries started as they are installed, clients run as they are published.
//!
//! [`Platform`] starts `toolforged` on ports of its own; [`Home`] runs a client as a tool. Scenarios are in `tests/`.

mod binaries;
mod home;
mod platform;
mod ready;
mod rest;
mod run;
mod site;
mod wait;

pub use binaries::{binary, grpcurl, python_client};
pub use home::{Client, Home};
pub use platform::{Options, Platform};
pub use ready::ready_line;
pub use rest::{Answer, Caller, Request};
pub use run::{Finished, run, run_with_input};
pub use site::{Opened, Page, Site};
pub use wait::{eventually, within};
