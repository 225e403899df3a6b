//! Command-line groups that every server shares, each parsed into what it is used as.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::identity::tls::Files;

/// What every service is told that is a process of its own.
#[derive(Args, Clone, Debug)]
pub struct Service {
    /// Address to serve gRPC with mutual TLS on
    #[arg(long, env = "TOOLFORGE_LISTEN", default_value = "127.0.0.1:0", value_name = "HOST:PORT")]
    pub listen: SocketAddr,
    /// Its certificate, and the roots of others.
    #[command(flatten)]
    pub tls: Tls,
    /// What it logs.
    #[command(flatten)]
    pub log: Log,
}

/// The files of mutual TLS; without any of them a server speaks in clear.
#[derive(Args, Clone, Debug)]
pub struct Tls {
    /// Certificate chain in PEM, leaf first
    #[arg(long, env = "TOOLFORGE_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key in PEM
    #[arg(long, env = "TOOLFORGE_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Root that issues the certificates of services
    #[arg(long, env = "TOOLFORGE_MESH_ROOT", value_name = "FILE")]
    pub mesh_root: Option<PathBuf>,
    /// Root that issues the certificates of tools and administrators
    #[arg(long, env = "TOOLFORGE_CLIENTS_ROOT", value_name = "FILE")]
    pub clients_root: Option<PathBuf>,
    /// Revocation list of the certificates of tools and administrators, in PEM
    #[arg(long, env = "TOOLFORGE_CLIENTS_CRL", value_name = "FILE", requires = "clients_root")]
    pub clients_crl: Option<PathBuf>,
}

impl Tls {
    /// The files, if there is a certificate.
    pub fn into_files(self) -> Option<Files> {
        let Self { tls_cert, tls_key, mesh_root, clients_root, clients_crl: revoked } = self;
        Some(Files { chain: tls_cert?, key: tls_key?, mesh_root, clients_root, revoked })
    }
}

/// What is logged, and how.
#[derive(Args, Clone, Debug)]
pub struct Log {
    /// What to log: a level, or directives such as info,mesh=debug
    #[arg(long, env = "TOOLFORGE_LOG", default_value = "info", value_name = "FILTER", value_parser = filter)]
    pub log: String,
    /// How log lines look
    #[arg(long, env = "TOOLFORGE_LOG_FORMAT", default_value = "auto", value_name = "FORMAT")]
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere
    Auto,
    /// JSON lines
    Json,
    /// Text
    Text,
}

impl From<Log> for crate::telemetry::Logs {
    fn from(log: Log) -> Self {
        use crate::telemetry::Format;
        let Log { log: filter, log_format } = log;
        let format = match log_format {
            LogFormat::Auto => Format::Auto,
            LogFormat::Json => Format::Json,
            LogFormat::Text => Format::Text,
        };
        Self { filter, format, to_stderr: false }
    }
}

fn filter(text: &str) -> Result<String, tracing_subscriber::filter::ParseError> {
    tracing_subscriber::EnvFilter::builder().parse(text).map(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    //! Command lines, good and bad.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use clap::Parser;

    use super::*;

    #[derive(Parser, Debug)]
    struct Command {
        #[command(flatten)]
        service: Service,
    }

    fn parse(args: &[&str]) -> Result<Command, clap::Error> {
        Command::try_parse_from([&["server"], args].concat())
    }

    #[test]
    fn everything_has_a_default() {
        let Service { listen, tls, log } = parse(&[]).unwrap().service;
        assert_eq!(listen.to_string(), "127.0.0.1:0");
        assert_eq!(tls.into_files(), None);
        assert_eq!((&*log.log, log.log_format), ("info", LogFormat::Auto));
    }

    #[test]
    fn mistakes_are_refused_by_the_command_line() {
        assert!(parse(&["--tls-cert", "c.pem"]).is_err());
        assert!(parse(&["--clients-crl", "revoked.pem"]).is_err());
        assert!(parse(&["--log", "mesh=loud"]).is_err());
        assert!(parse(&["--listen", "somewhere"]).is_err());
        let command = parse(&["--tls-cert", "c", "--tls-key", "k", "--mesh-root", "m"]).unwrap();
        assert_eq!(command.service.tls.into_files().unwrap().mesh_root, Some("m".into()));
    }
}
