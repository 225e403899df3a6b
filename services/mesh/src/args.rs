//! Command-line groups that every server shares, each parsed into what it is used as.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use crate::identity::tls::Files;

/// Where a server listens, or a client connects: `HOST:PORT` as an address, or `unix:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An IP address and a port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// A text that is no address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected ADDRESS:PORT with an IP address, or unix:PATH")]
pub struct AddressError;

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.strip_prefix("unix:") {
            // sun_path has 108 bytes, the last of them zero (unix(7))
            Some(path) if !path.is_empty() && path.len() < 108 => Ok(Self::Unix(path.into())),
            Some(_) => Err(AddressError),
            None => text.parse().map(Self::Tcp).map_err(|_| AddressError),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(out),
            Self::Unix(path) => write!(out, "unix:{}", path.display()),
        }
    }
}

/// Where a service listens.
#[derive(Args, Clone, Debug)]
pub struct Listen {
    /// Address to serve gRPC on: ADDRESS:PORT or unix:PATH
    #[arg(long, env = "TOOLFORGE_LISTEN", default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    pub listen: Address,
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
}

impl Tls {
    /// The files, if there is a certificate.
    pub fn into_files(self) -> Option<Files> {
        let Self { tls_cert, tls_key, mesh_root, clients_root } = self;
        Some(Files { chain: tls_cert?, key: tls_key?, mesh_root, clients_root })
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
        listen: Listen,
        #[command(flatten)]
        tls: Tls,
        #[command(flatten)]
        log: Log,
    }

    fn parse(args: &[&str]) -> Result<Command, clap::Error> {
        Command::try_parse_from([&["server"], args].concat())
    }

    #[test]
    fn everything_has_a_default() {
        let command = parse(&[]).unwrap();
        assert_eq!(command.listen.listen.to_string(), "127.0.0.1:0");
        assert_eq!(command.tls.into_files(), None);
        assert_eq!((&*command.log.log, command.log.log_format), ("info", LogFormat::Auto));
    }

    #[test]
    fn addresses_are_sockets() {
        assert_eq!("unix:/run/x".parse(), Ok(Address::Unix("/run/x".into())));
        assert_eq!("[::1]:80".parse::<Address>().unwrap().to_string(), "[::1]:80");
        let long = format!("unix:/{}", "a".repeat(107));
        for text in ["", "localhost:80", "127.0.0.1", "unix:", &long] {
            assert_eq!(text.parse::<Address>(), Err(AddressError), "{text}");
        }
    }

    #[test]
    fn mistakes_are_refused_by_the_command_line() {
        assert!(parse(&["--tls-cert", "c.pem"]).is_err());
        assert!(parse(&["--log", "mesh=loud"]).is_err());
        assert!(parse(&["--listen", "somewhere"]).is_err());
        let files =
            parse(&["--tls-cert", "c", "--tls-key", "k", "--mesh-root", "m"]).unwrap().tls.into_files();
        assert_eq!(files.unwrap().mesh_root, Some("m".into()));
    }
}
