//! The `.toolforge.yaml` family (contract 7.6): the last file that has a section gives all of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::environment::Environment;

const DEFAULT_URL: &str = "https://api.svc.tools.eqiad1.wikimedia.cloud:30003";
const DEFAULT_TEMPLATE: &str = "https://{tool_name}.toolforge.org";
const DEFAULT_TIMEOUT: u64 = 60;

/// Where the site keeps its own.
const SITE: &str = "/etc/toolforge";

/// What the files say, with defaults.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Files {
    /// `api_gateway.url`.
    pub(super) url: String,
    /// `api_gateway.ca_file`, absolute.
    pub(super) ca_file: Option<PathBuf>,
    /// `jobs.publish_url_template`.
    pub(super) publish_url_template: String,
    /// `jobs.timeout`, in seconds.
    pub(super) timeout: Duration,
}

#[derive(Debug, Default, Deserialize)]
struct File {
    api_gateway: Option<Gateway>,
    jobs: Option<Jobs>,
}

#[derive(Debug, Default, Deserialize)]
struct Gateway {
    url: Option<String>,
    ca_file: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Jobs {
    publish_url_template: Option<String>,
    timeout: Option<u64>,
}

impl Files {
    /// Reads those that are there; one that cannot be understood is an error.
    pub(super) fn read(environment: &Environment) -> Result<Self, String> {
        let mut all = File::default();
        let mut gateway_file = None;
        for path in paths(environment) {
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let parsed: Result<Option<File>, _> = serde_saphyr::from_str(&text);
            let file = match parsed {
                Ok(Some(file)) => file,
                Ok(None) => {
                    return Err(format!("Unable to parse config file {}: it is empty", path.display()));
                }
                Err(error) => return Err(format!("Unable to parse config file {}: {error}", path.display())),
            };
            if file.api_gateway.is_some() {
                all.api_gateway = file.api_gateway;
                gateway_file = Some(path);
            }
            all.jobs = file.jobs.or(all.jobs);
        }
        let gateway = all.api_gateway.unwrap_or_default();
        let jobs = all.jobs.unwrap_or_default();
        let base = gateway_file.as_deref().and_then(Path::parent).unwrap_or(Path::new("/"));
        Ok(Self {
            url: gateway.url.unwrap_or_else(|| DEFAULT_URL.into()),
            ca_file: gateway.ca_file.map(|file| base.join(environment.expand(&file))),
            publish_url_template: jobs.publish_url_template.unwrap_or_else(|| DEFAULT_TEMPLATE.into()),
            timeout: Duration::from_secs(jobs.timeout.unwrap_or(DEFAULT_TIMEOUT)),
        })
    }
}

/// The files, the last one wins.
fn paths(environment: &Environment) -> Vec<PathBuf> {
    let mut paths = vec![Path::new(SITE).join("jobs-cli.yaml"), Path::new(SITE).join("common.yaml")];
    if let Some(home) = &environment.home {
        paths.extend([home.join(".toolforge.yaml"), home.join(".config/toolforge.yaml")]);
    }
    paths.extend(environment.config_home.as_ref().map(|base| base.join("toolforge.yaml")));
    paths
}
