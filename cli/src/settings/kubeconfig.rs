//! Tool and credentials from the kubeconfig (contract 6.2).

use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde::Deserialize;

use super::Credentials;
use crate::environment::Environment;

/// Namespaces of tools begin so.
const PREFIX: &str = "tool-";

/// Who the user is.
#[derive(Debug)]
pub(super) struct Identity {
    /// The tool, or why the namespace names none.
    pub(super) tool: Result<String, String>,
    /// What proves it.
    pub(super) credentials: Credentials,
}

#[derive(Debug, Deserialize)]
struct Kubeconfig {
    #[serde(rename = "current-context")]
    current_context: Option<String>,
    #[serde(default)]
    contexts: Vec<NamedContext>,
    #[serde(default)]
    users: Vec<NamedUser>,
}

#[derive(Debug, Deserialize)]
struct NamedContext {
    name: String,
    context: Context,
}

#[derive(Debug, Deserialize)]
struct Context {
    user: String,
    namespace: Option<String>,
}

#[derive(Debug, Deserialize)]
struct NamedUser {
    name: String,
    user: User,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct User {
    token: Option<String>,
    client_certificate: Option<String>,
    client_key: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

impl std::fmt::Debug for User {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("User([redacted])")
    }
}

impl Identity {
    /// Reads `$KUBECONFIG`, else `~/.kube/config`.
    pub(super) fn read(environment: &Environment) -> Result<Self, String> {
        let path = match (&environment.kubeconfig, &environment.home) {
            (Some(path), _) => environment.expand(&path.to_string_lossy()),
            (None, Some(home)) => home.join(".kube/config"),
            (None, None) => return Err("neither KUBECONFIG nor HOME is set".into()),
        };
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&text, &path, environment).map_err(|why| format!("{}: {why}", path.display()))
    }

    fn parse(text: &str, path: &Path, environment: &Environment) -> Result<Self, String> {
        let config: Kubeconfig = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        let current = config.current_context.ok_or("it has no current-context")?;
        let context = config.contexts.into_iter().find(|one| one.name == current);
        let context = context.ok_or_else(|| format!("there is no context {current:?} in it"))?.context;
        let user = config.users.into_iter().find(|one| one.name == context.user);
        let user = user.ok_or_else(|| format!("there is no user {:?} in it", context.user))?.user;
        let base = path.parent().unwrap_or(Path::new("/"));
        let credentials = user.credentials(|file| base.join(environment.expand(file)), path)?;
        Ok(Self { tool: tool(context.namespace.as_deref()), credentials })
    }
}

impl User {
    /// Files beat data, which beats a token.
    fn credentials(self, resolve: impl Fn(&str) -> PathBuf, path: &Path) -> Result<Credentials, String> {
        let set = |value: Option<String>| value.filter(|value| !value.is_empty());
        if let (Some(chain), Some(key)) = (set(self.client_certificate), set(self.client_key)) {
            return from_files(&resolve(&chain), &resolve(&key));
        }
        if let (Some(chain), Some(key)) = (set(self.client_certificate_data), set(self.client_key_data)) {
            let source = path.display().to_string();
            let (chain, key) = (pem(&chain, "client-certificate-data")?, pem(&key, "client-key-data")?);
            return Ok(Credentials::Certificate { chain, key, source });
        }
        let missing =
            "the user has neither client-certificate and client-key, nor their -data forms, nor a token";
        set(self.token).map(Credentials::Token).ok_or_else(|| missing.into())
    }
}

/// A certificate and its key.
pub(super) fn from_files(chain: &Path, key: &Path) -> Result<Credentials, String> {
    let read = |path: &Path| std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    Ok(Credentials::Certificate { chain: read(chain)?, key: read(key)?, source: chain.display().to_string() })
}

/// PEM, or base64 of it.
fn pem(text: &str, what: &str) -> Result<Vec<u8>, String> {
    if text.contains("-----BEGIN") {
        return Ok(text.as_bytes().to_vec());
    }
    let plain: String = text.split_ascii_whitespace().collect();
    let decoded = base64::engine::general_purpose::STANDARD.decode(plain);
    decoded.map_err(|_| format!("{what} is neither PEM nor base64 of it"))
}

/// The tool that a namespace is of.
fn tool(namespace: Option<&str>) -> Result<String, String> {
    let namespace = namespace.unwrap_or("default");
    match namespace.strip_prefix(PREFIX) {
        Some(tool) if !tool.is_empty() => Ok(tool.to_owned()),
        _ => Err(format!(
            "the namespace {namespace:?} is of no tool: expected {PREFIX}NAME, or give --tool NAME"
        )),
    }
}
