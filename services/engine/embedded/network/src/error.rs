//! Why an address could not be given, taken or served.

use std::io;
use std::path::PathBuf;

use crate::Subnet;

/// Why the network refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// This machine cannot give addresses: no root, or the kernel lacks what it takes.
    #[error("instances cannot have addresses here: {0}")]
    Unsupported(String),
    /// A name that could not be part of a path, an interface alias or a line of a hosts file.
    #[error("{what} {value:?} is not a name of 1 to 100 letters, digits, '-', '_' and '.'")]
    Name {
        /// What was named.
        what: &'static str,
        /// The name, as it was given.
        value: String,
    },
    /// Port 0 cannot be listened on.
    #[error("port 0 of {0} is not a port")]
    Port(String),
    /// The instance is attached for another tool.
    #[error("instance {instance} is attached for tool {tool}")]
    Owner {
        /// The instance.
        instance: String,
        /// The tool it belongs to.
        tool: String,
    },
    /// Every address of the range is in use.
    #[error("no address is free in {0}")]
    Exhausted(Subnet),
    /// No private range is free of the machine's routes and other platforms.
    #[error("every 10.x.0.0/16 overlaps a route or another platform of this machine")]
    NoSubnet,
    /// The subnet that was asked for overlaps a route, or another platform has it.
    #[error("subnet {0} overlaps a route or another platform of this machine")]
    Overlap(Subnet),
    /// The subnet that was asked for is too wide or too narrow.
    #[error("subnet {0} is not a /12 to /24")]
    Size(Subnet),
    /// What was written down cannot be read.
    #[error("{path} is not a network state file: {reason}", path = .path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The operating system refused.
    #[error("{context}: {source}")]
    Failed {
        /// What was being done.
        context: String,
        /// The refusal.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: the refusal of a step, with what the step was.
    pub(crate) fn failed<E: Into<io::Error>>(context: impl Into<String>) -> impl FnOnce(E) -> Self {
        move |source| Self::Failed { context: context.into(), source: source.into() }
    }
}
