//! HTTP router in front of published workloads: `http://<tool>.<domain>/` leads to a ready instance of the tool
//! (`design/engines.md`, "Router"; contract 3.15).
//!
//! A [`Table`] says where hosts lead; it is changed while requests run. A [`Backend`] is one instance: a way to
//! connect, the requests in flight, and whether it still takes new ones. A [`Router`] serves a listener. To replace an
//! instance without a failed request: [`Table::set`] with the new one, [`Backend::drain`] the old one, wait for
//! [`Backend::drained`], stop it.

mod backend;
mod body;
mod connect;
mod fields;
mod forward;
mod host;
mod options;
mod page;
mod pool;
mod proxy;
mod serve;
mod table;
mod upgrade;

pub use backend::Backend;
pub use connect::{BoxedIo, Connect, Io, Tcp};
pub use options::Options;
pub use serve::Router;
pub use table::Table;
