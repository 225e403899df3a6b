//! `cors:`, `compression:`, `deadlines:` and `headers:` of the config file.

use std::str::FromStr;

use anyhow::{Context as _, Result, anyhow};
use gateway::{Coding, Compression, Cors, Deadlines, HeaderRule, HeaderRules, Origins};
use http::{HeaderName, Method};
use serde::Deserialize;

use super::values::{Size, Time};

/// Which pages of other origins may call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CorsFile {
    origins: Vec<String>,
    methods: Option<Vec<String>>,
    headers: Option<Vec<String>>,
    expose: Option<Vec<String>>,
    #[serde(default)]
    credentials: bool,
    max_age: Option<Time>,
}

impl CorsFile {
    pub(super) fn cors(&self) -> Result<Cors> {
        let is_any = self.origins == ["*"];
        let mut cors = Cors::new(if is_any { Origins::Any } else { Origins::Listed(self.origins.clone()) });
        cors.credentials = self.credentials;
        if let Some(methods) = &self.methods {
            let methods = methods
                .iter()
                .map(|name| Method::from_str(name).with_context(|| format!("methods: {name:?}")));
            cors.methods = methods.collect::<Result<_>>()?;
        }
        cors.headers = match self.headers.as_deref() {
            None => cors.headers,
            Some([any]) if any == "*" => None,
            Some(names) => Some(header_names(names).context("headers")?),
        };
        if let Some(names) = &self.expose {
            cors.expose = header_names(names).context("expose")?;
        }
        cors.max_age = self.max_age.map_or(cors.max_age, |time| time.0);
        cors.check()?;
        Ok(cors)
    }
}

fn header_names(names: &[String]) -> Result<Vec<HeaderName>> {
    names.iter().map(|name| HeaderName::from_str(name).with_context(|| format!("{name:?}"))).collect()
}

/// Content codings, both ways.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CompressionFile {
    answers: Vec<CodingFile>,
    requests: Vec<CodingFile>,
    min_size: Option<Size>,
    event_streams: bool,
}

impl Default for CompressionFile {
    fn default() -> Self {
        let all = vec![CodingFile::Zstd, CodingFile::Br, CodingFile::Gzip];
        Self { answers: all.clone(), requests: all, min_size: None, event_streams: false }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum CodingFile {
    Gzip,
    Br,
    Zstd,
}

fn codings(names: &[CodingFile]) -> Vec<Coding> {
    let coding = |name: &CodingFile| match name {
        CodingFile::Gzip => Coding::Gzip,
        CodingFile::Br => Coding::Brotli,
        CodingFile::Zstd => Coding::Zstd,
    };
    names.iter().map(coding).collect()
}

impl CompressionFile {
    pub(super) fn answers(&self) -> Option<Compression> {
        let usual = Compression::default();
        let min_bytes = self.min_size.map_or(usual.min_bytes, |size| size.0);
        let event_streams = self.event_streams;
        (!self.answers.is_empty()).then(|| Compression {
            codings: codings(&self.answers),
            min_bytes,
            event_streams,
        })
    }

    pub(super) fn requests(&self) -> Vec<Coding> {
        codings(&self.requests)
    }
}

/// How long calls may take.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DeadlinesFile {
    from_clients: bool,
    unary: Option<Time>,
    most: Option<Time>,
}

impl Default for DeadlinesFile {
    fn default() -> Self {
        Self { from_clients: true, unary: None, most: None }
    }
}

impl DeadlinesFile {
    pub(super) fn deadlines(&self) -> Deadlines {
        let usual = Deadlines::default();
        let unary = self.unary.map_or(usual.unary, |time| time.0);
        Deadlines { asked: self.from_clients, unary, most: self.most.map(|time| time.0) }
    }
}

/// What crosses the gateway beside messages.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HeadersFile {
    request: Option<Vec<String>>,
    request_prefix: Option<String>,
    response: Option<Vec<String>>,
    status: Option<String>,
}

impl HeadersFile {
    pub(super) fn rules(&self) -> Result<HeaderRules> {
        let usual = HeaderRules::usual();
        let name = |text: &str| HeaderName::from_str(text).map_err(|_| anyhow!("{text:?} is no header"));
        let list = |said: &Option<Vec<String>>, usual: Vec<HeaderRule>| match said {
            None => Ok(usual),
            Some(texts) => texts.iter().map(|text| text.parse()).collect::<Result<_, _>>(),
        };
        Ok(HeaderRules {
            request: list(&self.request, usual.request).context("request")?,
            request_prefix: match self.request_prefix.as_deref() {
                None => usual.request_prefix,
                Some("") => None,
                Some(prefix) => Some(name(prefix).context("request_prefix")?),
            },
            response: list(&self.response, usual.response).context("response")?,
            status: self.status.as_deref().map(name).transpose().context("status")?,
        })
    }
}
