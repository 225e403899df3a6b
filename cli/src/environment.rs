//! The one place that reads the environment.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// What the command line takes from its environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// The arguments, the program's name first.
    pub(crate) arguments: Vec<OsString>,
    /// `HOME`.
    pub(crate) home: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`.
    pub(crate) config_home: Option<PathBuf>,
    /// `KUBECONFIG`: one path.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// `TOOL_TOOLFORGE_API_URL`: beats the address in every file.
    pub(crate) api_url: Option<String>,
    /// `PATH`, for subcommands that others have installed.
    pub(crate) path: Option<OsString>,
    /// `NO_COLOR` is set to something (no-color.org).
    pub(crate) no_color: bool,
    /// `TOOLFORGE_VERBOSE=1`, as the former wrapper tells its subcommands.
    pub(crate) verbose: bool,
    /// `TOOLFORGE_DEBUG=1`, as the former wrapper tells its subcommands.
    pub(crate) debug: bool,
}

impl Environment {
    /// Reads it, once.
    pub(crate) fn read() -> Self {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let text = |name: &str| set(name).and_then(|value| value.into_string().ok());
        Self {
            arguments: env::args_os().collect(),
            home: set("HOME").map(PathBuf::from),
            config_home: set("XDG_CONFIG_HOME").map(PathBuf::from),
            kubeconfig: set("KUBECONFIG").map(PathBuf::from),
            api_url: text("TOOL_TOOLFORGE_API_URL"),
            path: set("PATH"),
            no_color: set("NO_COLOR").is_some(),
            verbose: text("TOOLFORGE_VERBOSE").as_deref() == Some("1"),
            debug: text("TOOLFORGE_DEBUG").as_deref() == Some("1"),
        }
    }

    /// A path as users write it: `~` is the home.
    pub(crate) fn expand(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ if path == "~" => self.home.clone().unwrap_or_else(|| PathBuf::from(path)),
            _ => PathBuf::from(path),
        }
    }

    /// The directory of our own configuration, by the XDG rules.
    pub(crate) fn config_dir(&self) -> Option<PathBuf> {
        let base = self.config_home.clone().or_else(|| Some(self.home.as_ref()?.join(".config")))?;
        Some(base.join("toolforge"))
    }
}
