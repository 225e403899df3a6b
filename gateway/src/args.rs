//! The command line: every setting, parsed into what it is used as.

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args as Group, Parser, ValueEnum};
use gateway::{AccessLog, ErrorForm, NameStyle, Prefer, Unstated};
use mesh::args::Log;

const EXAMPLES: &str = "\
Examples:
  On one machine, in clear, in front of one server that has reflection:
    toolforged-gateway --listen 127.0.0.1:8080 --backend http://127.0.0.1:50051

  As Toolforge has it, with client certificates and mutual TLS to the services:
    toolforged-gateway --listen 0.0.0.0:30003 --prefer http1 --errors toolforge --names proto \\
      --tls-cert server.crt --tls-key server.key --client-ca clients.crt --client-crl revoked.pem \\
      --mesh-cert gateway.crt --mesh-key gateway.key --mesh-ca mesh.crt \\
      --backend jobs=https://jobs.svc:8443 --backend config=https://config.svc:8443

  In a container, behind a proxy that ends TLS, in front of a server on the internet:
    toolforged-gateway --listen 0.0.0.0:8080 --allow-cleartext --backend https://api.example.com:443

  With a config file, checked before it is used, and an admin port:
    toolforged-gateway --config gateway.yaml --check
    toolforged-gateway --config gateway.yaml --admin 127.0.0.1:9901
    curl http://127.0.0.1:9901/routes

SIGHUP reads config file and certificates again; a mistake in them changes nothing. SIGTERM and SIGINT drain: calls are answered, streams end
with an explicit last record; a second signal stops at once.";

/// One port for REST and gRPC in front of gRPC servers
///
/// What there is to serve is learned from the servers' reflection and kept when they are away.
#[derive(Parser, Clone, Debug)]
#[command(name = "toolforged-gateway", version, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Address to listen on; without a certificate it must be a loopback address, unless --allow-cleartext is given
    /// [default: 127.0.0.1:30003]
    #[arg(long, env = "TOOLFORGE_GATEWAY_LISTEN", value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// Serve in clear, without TLS, on addresses that others reach too. For a container whose only way in is a proxy that ends
    /// TLS: everybody who reaches the address can read and change what goes over it, and every caller is nobody
    #[arg(long, env = "TOOLFORGE_GATEWAY_ALLOW_CLEARTEXT")]
    pub(crate) allow_cleartext: bool,
    /// A server to pass calls on to: http://HOST:PORT, https://HOST:PORT or unix:PATH. A NAME that is given again has one more
    /// endpoint, which serves the same. One over https must prove to be the host; with a NAME, --mesh-cert and --mesh-ca, to be
    /// the service of that name (SPIFFE)
    #[arg(long, env = "TOOLFORGE_GATEWAY_BACKENDS", value_delimiter = ',', value_name = "[NAME=]URI")]
    pub(crate) backend: Vec<Target>,
    /// A file with an encoded `FileDescriptorSet`, imports included, that says what a backend serves instead of its
    /// reflection. Without a NAME it is for the only backend; several for one backend are put together
    #[arg(long, env = "TOOLFORGE_GATEWAY_DESCRIPTORS", value_delimiter = ',', value_name = "[NAME=]FILE")]
    pub(crate) descriptor: Vec<Described>,
    /// Threads that serve requests, each with connections to the backends of its own [default: one for each processor]
    #[arg(long, env = "TOOLFORGE_GATEWAY_THREADS", value_name = "N")]
    pub(crate) threads: Option<NonZero<usize>>,
    #[command(flatten, next_help_heading = "Certificates")]
    pub(crate) tls: TlsFiles,
    #[command(flatten, next_help_heading = "Certificates")]
    pub(crate) mesh: MeshFiles,
    /// Protocol for clients that offer both in ALPN [default: http2]
    #[arg(long, env = "TOOLFORGE_GATEWAY_PREFER", value_name = "PROTOCOL")]
    pub(crate) prefer: Option<Protocol>,
    /// Form of error bodies [default: google]
    #[arg(long, env = "TOOLFORGE_GATEWAY_ERRORS", value_name = "FORM")]
    pub(crate) errors: Option<Form>,
    /// Answer reflection to callers without a credential
    #[arg(long, env = "TOOLFORGE_GATEWAY_PUBLIC_REFLECTION")]
    pub(crate) public_reflection: bool,
    /// Who may call a service that states no access rule (`toolforge.options.v1`) for any of its methods [default: admit]
    #[arg(long, env = "TOOLFORGE_GATEWAY_UNSTATED_ACCESS", value_name = "WHO")]
    pub(crate) unstated_access: Option<UnstatedAccess>,
    /// Names of fields in answers and documents; requests may have either [default: json]
    #[arg(long, env = "TOOLFORGE_GATEWAY_NAMES", value_name = "STYLE")]
    pub(crate) names: Option<Names>,
    /// Title of the OpenAPI documents [default: API]
    #[arg(long, env = "TOOLFORGE_GATEWAY_TITLE", value_name = "TEXT")]
    pub(crate) title: Option<String>,
    /// Requests that have a log line each [default: failures]
    #[arg(long, env = "TOOLFORGE_GATEWAY_ACCESS_LOG", value_name = "WHICH", help_heading = OPERATION)]
    pub(crate) access_log: Option<Accesses>,
    /// Loopback address to serve the admin port on: /metrics, /routes, /schema, /healthz, /log
    #[arg(long, env = "TOOLFORGE_GATEWAY_ADMIN", value_name = "ADDRESS", help_heading = OPERATION)]
    pub(crate) admin: Option<SocketAddr>,
    /// Address to serve Prometheus metrics on, in clear, at any path but /healthz
    #[arg(long, env = "TOOLFORGE_GATEWAY_METRICS", value_name = "ADDRESS", help_heading = OPERATION)]
    pub(crate) metrics: Option<SocketAddr>,
    /// File with these settings and more (YAML); what is said here wins over it. Read again at SIGHUP
    #[arg(long, env = "TOOLFORGE_GATEWAY_CONFIG", value_name = "FILE", help_heading = OPERATION)]
    pub(crate) config: Option<PathBuf>,
    /// Serve nothing: read all files, ask the backends, print routes and what cannot be served; fails if there is any
    #[arg(long, help_heading = OPERATION)]
    pub(crate) check: bool,
    #[command(flatten, next_help_heading = OPERATION)]
    pub(crate) log: Log,
}

const OPERATION: &str = "Operation";

/// What clients meet.
#[derive(Group, Clone, Debug)]
pub(crate) struct TlsFiles {
    /// Certificate chain in PEM, leaf first; without it the gateway speaks in clear and every caller is nobody
    #[arg(long, env = "TOOLFORGE_GATEWAY_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key in PEM
    #[arg(long, env = "TOOLFORGE_GATEWAY_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Root that issues the certificates of clients
    #[arg(long, env = "TOOLFORGE_GATEWAY_CLIENT_CA", value_name = "FILE", requires = "tls_cert")]
    pub(crate) client_ca: Option<PathBuf>,
    /// Revoked client certificates
    #[arg(long, env = "TOOLFORGE_GATEWAY_CLIENT_CRL", value_name = "FILE", requires = "client_ca")]
    pub(crate) client_crl: Option<PathBuf>,
}

/// What servers meet.
#[derive(Group, Clone, Debug)]
pub(crate) struct MeshFiles {
    /// The gateway's own certificate towards its backends
    #[arg(long = "mesh-cert", env = "TOOLFORGE_GATEWAY_MESH_CERT", value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// Its private key
    #[arg(long = "mesh-key", env = "TOOLFORGE_GATEWAY_MESH_KEY", value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Root that issues the certificates of backends over https; without it those that the system trusts
    #[arg(long = "mesh-ca", env = "TOOLFORGE_GATEWAY_MESH_CA", value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
}

/// Protocols in ALPN.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1, whose status lines have words
    Http1,
    /// HTTP/2
    Http2,
}

impl From<Protocol> for Prefer {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Http1 => Self::Http1,
            Protocol::Http2 => Self::Http2,
        }
    }
}

/// Forms of error bodies.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// google.rpc.Status as JSON
    Google,
    /// What every Toolforge client understands
    Toolforge,
}

impl From<Form> for ErrorForm {
    fn from(form: Form) -> Self {
        match form {
            Form::Google => Self::Google,
            Form::Toolforge => Self::Toolforge,
        }
    }
}

/// Which requests have a log line.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accesses {
    /// None
    Off,
    /// Those that failed with a status of 500 or more
    Failures,
    /// Every one
    All,
}

impl From<Accesses> for AccessLog {
    fn from(accesses: Accesses) -> Self {
        match accesses {
            Accesses::Off => Self::Off,
            Accesses::Failures => Self::Failures,
            Accesses::All => Self::All,
        }
    }
}

/// Names of fields.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// lowerCamelCase, or what the proto says for JSON
    Json,
    /// As in the proto file
    Proto,
}

impl From<Names> for NameStyle {
    fn from(names: Names) -> Self {
        match names {
            Names::Json => Self::Json,
            Names::Proto => Self::Proto,
        }
    }
}

/// Who may call services without access rules.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnstatedAccess {
    /// Anyone; the service decides for itself
    Admit,
    /// Nobody
    Deny,
}

impl From<UnstatedAccess> for Unstated {
    fn from(access: UnstatedAccess) -> Self {
        match access {
            UnstatedAccess::Admit => Self::Admit,
            UnstatedAccess::Deny => Self::Deny,
        }
    }
}

/// A server to pass calls on to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Its name, where it was given one.
    pub(crate) name: Option<String>,
    pub(crate) place: Place,
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// HTTP/2 in clear at `host:port`.
    Cleartext(String),
    /// HTTP/2 over TLS at `host:port`.
    Tls(String),
    /// A Unix socket.
    Unix(PathBuf),
}

/// A file that says what a backend serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Described {
    /// The name of the backend, where it was given one.
    pub(crate) name: Option<String>,
    pub(crate) file: PathBuf,
}

impl FromStr for Described {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.split_once('=') {
            Some((name, file)) if is_name(name) => {
                Self { name: Some(name.to_owned()), file: PathBuf::from(file) }
            }
            _ => Self { name: None, file: PathBuf::from(text) },
        })
    }
}

/// Whether a text is the name of a backend.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

/// A text that names no server.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected [NAME=]URI, where URI is http://HOST:PORT, https://HOST:PORT or unix:PATH")]
pub(crate) struct TargetError;

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let (name, uri) = match text.split_once('=') {
            Some((name, uri)) if is_name(name) => (Some(name.to_owned()), uri),
            Some((name, _)) if !name.contains(':') => return Err(TargetError),
            _ => (None, text),
        };
        let address = |rest: &str| {
            let rest = rest.strip_suffix('/').unwrap_or(rest);
            mesh::client::Endpoint::h2c(rest).map(|_| rest.to_owned()).map_err(|_| TargetError)
        };
        let place = if let Some(rest) = uri.strip_prefix("http://") {
            Place::Cleartext(address(rest)?)
        } else if let Some(rest) = uri.strip_prefix("https://") {
            Place::Tls(address(rest)?)
        } else if let Some(path) = uri.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            Place::Unix(PathBuf::from(path))
        } else {
            return Err(TargetError);
        };
        Ok(Self { name, place })
    }
}

#[cfg(test)]
mod tests {
    //! Command lines, good and bad.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn parse(args: &[&str]) -> Result<Args, clap::Error> {
        Args::try_parse_from([&["toolforged-gateway"], args].concat())
    }

    #[test]
    fn servers_are_places_with_or_without_names() {
        let target = |name: Option<&str>, place| Ok(Target { name: name.map(str::to_owned), place });
        let tls = |address: &str| Place::Tls(address.to_owned());
        assert_eq!("http://[::1]:80/".parse::<Target>(), target(None, Place::Cleartext("[::1]:80".into())));
        assert_eq!(
            "jobs=https://jobs.svc:8443".parse::<Target>(),
            target(Some("jobs"), tls("jobs.svc:8443"))
        );
        assert_eq!("unix:/run/a=b".parse::<Target>(), target(None, Place::Unix("/run/a=b".into())));
        assert_eq!("x=unix:/run/y".parse::<Target>(), target(Some("x"), Place::Unix("/run/y".into())));
        let bad = [
            "",
            "jobs",
            "jobs=",
            "=http://a:1",
            "jobs=ftp://a:1",
            "http://a",
            "https://u@a:1",
            "unix:",
            "http://a:1/x",
        ];
        for text in bad {
            assert_eq!(text.parse::<Target>(), Err(TargetError), "{text}");
        }
    }

    #[test]
    fn every_option_is_documented() {
        let docs = include_str!("../../docs/gateway.md");
        for argument in <Args as clap::CommandFactory>::command().get_arguments() {
            let Some(long) = argument.get_long().filter(|long| !["help", "version"].contains(long)) else {
                continue;
            };
            assert!(docs.contains(&format!("`--{long}")), "--{long}");
        }
    }

    #[test]
    fn what_is_not_said_is_left_to_the_config_file() {
        let args = parse(&[]).unwrap();
        assert_eq!((args.listen, args.prefer, args.errors, args.check), (None, None, None, false));
        assert!(!args.public_reflection && args.backend.is_empty());
    }

    #[test]
    fn what_belongs_together_is_given_together() {
        let backend = ["--backend", "a=http://127.0.0.1:1,b=unix:/run/b"];
        assert_eq!(parse(&backend).unwrap().backend.len(), 2);
        for lonely in ["--tls-cert", "--tls-key", "--client-ca", "--client-crl", "--mesh-cert", "--mesh-key"]
        {
            assert!(parse(&[&backend[..], &[lonely, "file"]].concat()).is_err(), "{lonely}");
        }
    }
}
