//! The command line of `toolforged-config`; nothing deeper reads the environment.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};
use config::embedded::{Data, Tool};
use mesh::args::Service;

const EXAMPLES: &str = "\
Examples:
  The certificates of the other processes, which speak mutual TLS with this one:
    toolforged-config issue-service jobs --data /srv/toolforge --out /etc/toolforge/jobs
    toolforged-config issue-service gateway --data /srv/toolforge --out /etc/toolforge/gateway
    toolforged-config issue-gateway --data /srv/toolforge --out /etc/toolforge/gateway --name toolforge.example.org

  Tools, reached by jobs and the gateway:
    toolforged-config serve --data /srv/toolforge --listen 10.0.0.2:8443 --gateway-url https://toolforge.example.org:30003";

/// Tools: their unix ids, homes and certificates
#[derive(Parser, Debug)]
#[command(name = "toolforged-config", version, after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Serve until SIGTERM or Ctrl-C
    Serve(Serve),
    /// Add, list and remove tools; also while the service runs
    Tool(Tool),
    /// Issue the certificate by which a service proves its name to the others
    IssueService(IssueService),
    /// Issue the certificate that clients meet at the gateway
    IssueGateway(IssueGateway),
}

#[derive(ClapArgs, Debug)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) data: Data,
    #[command(flatten)]
    pub(crate) service: Service,
    /// Where clients reach the gateway; written into every home
    #[arg(
        long,
        env = "TOOLFORGE_GATEWAY_URL",
        default_value = "https://127.0.0.1:30003",
        value_name = "URL"
    )]
    pub(crate) gateway_url: String,
    /// Where published jobs are, with `{tool_name}` for the tool; written into every home
    #[arg(
        long,
        env = "TOOLFORGE_PUBLISH_URL",
        default_value = "http://{tool_name}.localhost:30000",
        value_name = "URL"
    )]
    pub(crate) publish_url: String,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct IssueService {
    /// Name of the service: jobs, gateway or config
    pub(crate) name: String,
    /// Directory for NAME.crt, NAME.key and the roots, mesh-ca.crt and clients-ca.crt
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct IssueGateway {
    /// Directory for server.crt, server.key and the root of clients, clients-ca.crt
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Host name of the gateway; may be given again
    #[arg(long, default_value = "localhost", value_name = "HOST")]
    pub(crate) name: Vec<String>,
    /// Address of the gateway; may be given again
    #[arg(long, default_values = ["127.0.0.1", "::1"], value_name = "IP")]
    pub(crate) address: Vec<IpAddr>,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use super::*;

    fn parse(args: &[&str]) -> Result<Args, clap::Error> {
        Args::try_parse_from([&["toolforged-config"], args].concat())
    }

    #[test]
    fn a_server_needs_nothing_but_has_its_own_authority() {
        let Command::Serve(serve) = parse(&["serve"]).unwrap().command else { panic!("serve") };
        assert!(serve.service.listen.ip().is_loopback() && serve.service.tls.into_files().is_none());
    }

    #[test]
    fn certificates_need_a_place() {
        assert!(parse(&["issue-service", "jobs"]).is_err());
        assert!(parse(&["issue-service", "--out", "x"]).is_err());
        let issue = parse(&["issue-gateway", "--out", "x", "--address", "10.0.0.1"]).unwrap().command;
        let Command::IssueGateway(issue) = issue else { panic!("issue-gateway") };
        assert_eq!(
            (issue.name, issue.address),
            (vec!["localhost".to_owned()], vec!["10.0.0.1".parse().unwrap()])
        );
    }
}
