//! The config file: every setting that the command line has, and those that need more than a line.

mod limits;
mod mapping;
mod methods;
mod policies;
mod values;

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use gateway::{Limits, Mapping, Policies};
use serde::Deserialize;

use crate::args::{Accesses, Described, Form, Protocol, Target, UnstatedAccess};

use limits::LimitsFile;
use mapping::{HttpFile, MappingFile};
use methods::{EnumValueFile, FieldFile, MethodFile};
use policies::{CompressionFile, CorsFile, DeadlinesFile, HeadersFile};
use values::Text;

/// A config file. What it does not say is as without it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) allow_cleartext: Option<bool>,
    pub(crate) admin: Option<SocketAddr>,
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) threads: Option<NonZero<usize>>,
    pub(crate) backends: Vec<Text<Target>>,
    pub(crate) descriptors: Vec<Text<Described>>,
    pub(crate) tls: TlsFile,
    pub(crate) mesh: MeshFile,
    pub(crate) prefer: Option<Text<Protocol>>,
    pub(crate) errors: Option<Text<Form>>,
    pub(crate) public_reflection: Option<bool>,
    pub(crate) unstated_access: Option<Text<UnstatedAccess>>,
    pub(crate) title: Option<String>,
    pub(crate) access_log: Option<Text<Accesses>>,
    limits: LimitsFile,
    mapping: MappingFile,
    http: HttpFile,
    methods: Vec<MethodFile>,
    fields: Vec<FieldFile>,
    enum_values: Vec<EnumValueFile>,
    cors: Option<CorsFile>,
    etags: Option<bool>,
    /// The file with the secret of tags.
    pub(crate) etag_key: Option<PathBuf>,
    compression: CompressionFile,
    deadlines: DeadlinesFile,
    headers: HeadersFile,
    method_override: bool,
}

/// What clients meet.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TlsFile {
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) client_ca: Option<PathBuf>,
    pub(crate) client_crl: Option<PathBuf>,
}

/// What servers meet.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MeshFile {
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) ca: Option<PathBuf>,
}

impl Config {
    /// Reads a file; an empty one says nothing.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    fn parse(text: &str) -> Result<Self> {
        let is_empty = text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
        let config: Self = if is_empty { Self::default() } else { serde_saphyr::from_str(text)? };
        // what cannot be meant is found while it is read, not when it is used
        config.policies()?;
        config.mapping()?;
        Ok(config)
    }

    /// Bounds on what a client may use.
    pub(crate) fn limits(&self) -> Limits {
        self.limits.limits()
    }

    /// What is done around the mapping; what a generic gateway usually does, where it is not said.
    pub(crate) fn policies(&self) -> Result<Policies> {
        Ok(Policies {
            cors: self.cors.as_ref().map(CorsFile::cors).transpose().context("cors")?,
            etags: self.etags.unwrap_or(true),
            etag_key: None,
            compression: self.compression.answers(),
            decode: self.compression.requests(),
            deadlines: self.deadlines.deadlines(),
            headers: self.headers.rules().context("headers")?,
            method_override: self.method_override,
        })
    }

    /// How the mapping differs from Google's.
    pub(crate) fn mapping(&self) -> Result<Mapping> {
        let mut options = self.mapping.options();
        options.http_rules = self.http.rules().context("http.rules")?;
        options.fully_decode_reserved_expansion = self.http.fully_decode_reserved_expansion;
        let mut methods = vec![self.mapping.setting()?];
        methods.extend(settings("methods", &self.methods, MethodFile::setting)?);
        let fields = settings("fields", &self.fields, FieldFile::setting)?;
        let enum_values = settings("enum_values", &self.enum_values, EnumValueFile::setting)?;
        Ok(Mapping { options, methods, fields, enum_values })
    }
}

/// The settings of a list; what is wrong is said with its place.
fn settings<F, S>(list: &str, entries: &[F], setting: fn(&F) -> Result<S>) -> Result<Vec<S>> {
    let entries = entries.iter().enumerate();
    entries.map(|(index, entry)| setting(entry).with_context(|| format!("{list}[{index}]"))).collect()
}

#[cfg(test)]
mod tests;
