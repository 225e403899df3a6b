//! `toolforge context`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

pub(crate) const EXAMPLES: &str = "Examples:
  toolforge context add local --url https://127.0.0.1:30003 --tool hello \\
      --ca-file ca.pem --certificate client.crt --key client.key
  toolforge context use local
  toolforge context use kubeconfig

The context `kubeconfig` is always there: the tool and its certificate from $KUBECONFIG or ~/.kube/config,
the address from .toolforge.yaml.";

/// What to do with contexts.
#[derive(Debug, Subcommand)]
pub(crate) enum Contexts {
    /// List contexts; the current one has a star
    #[command(after_help = "Examples:\n  toolforge context list\n  toolforge --context local jobs list")]
    List,
    /// Make a context the current one
    #[command(after_help = "Examples:\n  toolforge context use local\n  toolforge context use kubeconfig")]
    Use {
        /// Name of the context
        name: String,
    },
    /// Add a context, or replace it
    #[command(after_help = "Examples:
  toolforge context add local --url https://127.0.0.1:30003 --tool hello --certificate client.crt --key client.key
  toolforge context add ci --url https://api.example.org --tool hello --token-file token")]
    Add(Add),
    /// Remove a context
    #[command(after_help = "Examples:\n  toolforge context remove local\n  toolforge context remove ci")]
    Remove {
        /// Name of the context
        name: String,
    },
}

/// A context to add. Its tool and its authority are the global options `--tool` and `--ca-file`.
#[derive(Args, Debug)]
pub(crate) struct Add {
    /// Name of the context
    pub(crate) name: String,
    /// Address of the API
    #[arg(long)]
    pub(crate) url: String,
    /// Client certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) certificate: Option<PathBuf>,
    /// Key of the client certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) key: Option<PathBuf>,
    /// File with a bearer token
    #[arg(long, value_name = "FILE", conflicts_with = "certificate")]
    pub(crate) token_file: Option<PathBuf>,
}
