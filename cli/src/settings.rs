//! What a command acts on: address, tool, credentials and trust, from flags, the environment, contexts and files.
//!
//! A flag beats the environment, which beats the current context, which beats the kubeconfig and `.toolforge.yaml`.

pub(crate) mod contexts;
mod files;
mod kubeconfig;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::args::Global;
use crate::environment::Environment;
use crate::failure::Failure;
use contexts::{Context, Contexts};
use files::Files;
use kubeconfig::Identity;

const NO_CONFIGURATION: &str = "Failed to load configuration, did you forget to run 'become <mytool>'?";

/// Everything resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Where the API is.
    pub(crate) address: Address,
    /// Which tool.
    pub(crate) tool: String,
    /// Who calls.
    pub(crate) credentials: Credentials,
    /// Which server is believed.
    pub(crate) trust: Trust,
    /// Where published jobs are found; `{tool_name}` stands for the tool.
    pub(crate) publish_url_template: String,
    /// How long a call may take.
    pub(crate) timeout: Duration,
}

/// Where the API is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// A name, or an address without brackets.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
    /// Whether it speaks TLS.
    pub(crate) tls: bool,
}

/// Who calls.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// A certificate chain and its key, as PEM.
    Certificate {
        /// The chain.
        chain: Vec<u8>,
        /// The key.
        key: Vec<u8>,
        /// Where they come from, for messages.
        source: String,
    },
    /// A bearer token.
    Token(String),
}

/// Which server is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// One with a certificate of an authority of the system.
    System,
    /// One with a certificate of an authority in this file.
    Authority(PathBuf),
    /// Any.
    Anyone,
}

impl Settings {
    /// Resolves the settings of a command.
    pub(crate) fn resolve(global: &Global, environment: &Environment) -> Result<Self, Failure> {
        let files = Files::read(environment).map_err(|why| no_configuration(&why))?;
        let context = chosen(global, environment)?;
        let (url, identity, ca_file) = if let Some(context) = context {
            let identity = context.identity().map_err(Failure::user)?;
            // a context that is named by a flag beats the variable
            let url = environment.api_url.clone().filter(|_| global.context.is_none());
            (url.unwrap_or(context.url), identity, context.ca_file)
        } else {
            let identity = Identity::read(environment).map_err(|why| no_configuration(&why))?;
            (environment.api_url.clone().unwrap_or(files.url), identity, files.ca_file)
        };
        let authority = global.ca_file.clone().or(ca_file);
        Ok(Self {
            address: Address::parse(&url).map_err(Failure::user)?,
            tool: match &global.tool {
                Some(tool) => tool.clone(),
                None => identity.tool.map_err(|why| no_configuration(&why))?,
            },
            credentials: identity.credentials,
            trust: match authority {
                _ if global.insecure => Trust::Anyone,
                Some(path) => Trust::Authority(path),
                None => Trust::System,
            },
            publish_url_template: files.publish_url_template,
            timeout: files.timeout,
        })
    }
}

/// The context in force; none where the kubeconfig is.
fn chosen(global: &Global, environment: &Environment) -> Result<Option<Context>, Failure> {
    let contexts = Contexts::read(environment).map_err(Failure::user)?;
    match &global.context {
        Some(name) => contexts.get(name).map_err(Failure::user),
        // the variable beats a file
        None if environment.kubeconfig.is_some() => Ok(None),
        None => contexts.current().map_err(Failure::user),
    }
}

fn no_configuration(why: &str) -> Failure {
    Failure::user(format!("{NO_CONFIGURATION} ({why})"))
}

impl Address {
    /// Reads `https://host:port`; `http` is for tests and loopback.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("{url:?} is no address of the API: {why}; write https://HOST:PORT");
        let parsed: http::Uri = url.parse().map_err(|error| wrong(&format!("{error}")))?;
        let tls = match parsed.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong("it begins with neither https:// nor http://")),
        };
        if !matches!(parsed.path(), "" | "/") || parsed.query().is_some() {
            return Err(wrong("it has a path"));
        }
        let authority = parsed.authority().ok_or_else(|| wrong("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("it has a user"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Ok(Self { host: host.to_owned(), port, tls })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        if host.contains(':') { write!(out, "[{host}]:{port}") } else { write!(out, "{host}:{port}") }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate { source, .. } => write!(out, "Certificate({source})"),
            Self::Token(_) => out.write_str("Token([redacted])"),
        }
    }
}

#[cfg(test)]
mod tests;
