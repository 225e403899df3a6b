//! Our own contexts: `contexts.yaml` in the configuration directory.

use std::fs;
use std::io;
use std::path::PathBuf;

use serde::Deserialize;

use super::Credentials;
use super::kubeconfig::{Identity, from_files};
use crate::environment::Environment;
use crate::value::{Value, yaml};

/// The name of the context that is always there.
pub(crate) const KUBECONFIG: &str = "kubeconfig";

/// All contexts.
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contexts {
    /// The current one; none: the kubeconfig.
    current: Option<String>,
    /// The others.
    #[serde(default, rename = "contexts")]
    pub(crate) others: Vec<Context>,
    #[serde(skip)]
    file: Option<PathBuf>,
}

/// A platform, a tool, and what proves that one may act for it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Context {
    /// Its name.
    pub(crate) name: String,
    /// Address of the API.
    pub(crate) url: String,
    /// The tool.
    pub(crate) tool: String,
    /// Authority of the server.
    pub(crate) ca_file: Option<PathBuf>,
    /// Client certificate.
    pub(crate) certificate: Option<PathBuf>,
    /// Its key.
    pub(crate) key: Option<PathBuf>,
    /// File with a bearer token.
    pub(crate) token_file: Option<PathBuf>,
}

impl Contexts {
    /// Reads them; there may be none.
    pub(crate) fn read(environment: &Environment) -> Result<Self, String> {
        let Some(file) = environment.config_dir().map(|dir| dir.join("contexts.yaml")) else {
            return Ok(Self::default());
        };
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let read = match fs::read_to_string(&file) {
            Ok(text) => serde_saphyr::from_str(&text).map_err(|error| failed(&error))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::default(),
            Err(error) => return Err(failed(&error)),
        };
        Ok(Self { file: Some(file), ..read })
    }

    /// The one of a name; none where that is the kubeconfig.
    pub(crate) fn get(&self, name: &str) -> Result<Option<Context>, String> {
        if name == KUBECONFIG {
            return Ok(None);
        }
        let found = self.others.iter().find(|context| context.name == name).cloned();
        let unknown = || {
            format!(
                "there is no context {name:?}; see `toolforge context list`, or add it with `toolforge context add`"
            )
        };
        found.map(Some).ok_or_else(unknown)
    }

    /// The current one; none where that is the kubeconfig.
    pub(crate) fn current(&self) -> Result<Option<Context>, String> {
        self.get(self.current_name())
    }

    /// The name of the current one.
    pub(crate) fn current_name(&self) -> &str {
        self.current.as_deref().unwrap_or(KUBECONFIG)
    }

    /// Makes one the current one.
    pub(crate) fn choose(&mut self, name: &str) -> Result<(), String> {
        self.current = self.get(name)?.map(|context| context.name);
        Ok(())
    }

    /// Adds one; says whether it replaced another of its name.
    pub(crate) fn put(&mut self, context: Context) -> bool {
        let before = self.others.len();
        self.others.retain(|one| one.name != context.name);
        let replaced = self.others.len() < before;
        self.others.push(context);
        replaced
    }

    /// Removes one; the kubeconfig is current where it was.
    pub(crate) fn remove(&mut self, name: &str) -> Result<(), String> {
        if self.get(name)?.is_none() {
            return Err(format!("the context {KUBECONFIG:?} cannot be removed"));
        }
        self.others.retain(|context| context.name != name);
        self.current = self.current.take().filter(|current| current != name);
        Ok(())
    }

    /// Writes them; a crash leaves the old ones.
    pub(crate) fn write(&self) -> Result<(), String> {
        let file = self.file.as_ref().ok_or("neither XDG_CONFIG_HOME nor HOME is set")?;
        let write = || -> io::Result<()> {
            if let Some(dir) = file.parent() {
                fs::create_dir_all(dir)?;
            }
            durable::write(file, yaml(&self.tree()).as_bytes())
        };
        write().map_err(|error| format!("{}: {error}", file.display()))
    }

    fn tree(&self) -> Value {
        let mut pairs =
            vec![("contexts".to_owned(), Value::List(self.others.iter().map(Context::tree).collect()))];
        if let Some(current) = &self.current {
            pairs.insert(0, ("current".to_owned(), Value::from(current.as_str())));
        }
        Value::Map(pairs)
    }
}

impl Context {
    /// Who the user is in it.
    pub(super) fn identity(&self) -> Result<Identity, String> {
        let in_context = |why: String| format!("context {:?}: {why}", self.name);
        let credentials = match (&self.certificate, &self.key, &self.token_file) {
            (Some(chain), Some(key), _) => from_files(chain, key).map_err(in_context)?,
            (_, _, Some(file)) => {
                let token = fs::read_to_string(file)
                    .map_err(|error| in_context(format!("{}: {error}", file.display())))?;
                Credentials::Token(token.trim().to_owned())
            }
            _ => return Err(in_context("it has neither a certificate with its key nor a token file".into())),
        };
        Ok(Identity { tool: Ok(self.tool.clone()), credentials })
    }

    fn tree(&self) -> Value {
        let texts = [("name", &self.name), ("url", &self.url), ("tool", &self.tool)];
        let mut pairs: Vec<_> = texts.map(|(key, text)| (key.to_owned(), Value::from(text.as_str()))).into();
        let files = [
            ("ca_file", &self.ca_file),
            ("certificate", &self.certificate),
            ("key", &self.key),
            ("token_file", &self.token_file),
        ];
        for (key, file) in files {
            pairs.extend(
                file.as_ref().map(|file| (key.to_owned(), Value::from(file.to_string_lossy().into_owned()))),
            );
        }
        Value::Map(pairs)
    }
}
