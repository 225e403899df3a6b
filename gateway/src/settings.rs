//! What the process goes by: the command line over the config file over what is usual.

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use gateway::{EtagKey, NameStyle, Options, Prefer, SecurityScheme};

use crate::args::{Accesses, Args, Described, Form, MeshFiles, Protocol, Target, TlsFiles, UnstatedAccess};
use crate::config::Config;

/// Where it listens when nobody says.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 30003);

/// Every setting of the process.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) fixed: Fixed,
    pub(crate) tls: TlsFiles,
    pub(crate) mesh: MeshFiles,
    pub(crate) prefer: Prefer,
    pub(crate) options: Options,
}

/// What stays as it was at the start.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fixed {
    pub(crate) listen: SocketAddr,
    /// Whether it may serve in clear where others reach it.
    pub(crate) allow_cleartext: bool,
    pub(crate) admin: Option<SocketAddr>,
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) threads: Option<NonZero<usize>>,
    pub(crate) backends: Vec<Target>,
    pub(crate) descriptors: Vec<Described>,
}

impl Settings {
    /// Reads the config file, if there is one, and puts the command line over it.
    pub(crate) fn read(args: &Args) -> Result<Self> {
        let config = args.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
        Self::of(args, &config)
    }

    fn of(args: &Args, config: &Config) -> Result<Self> {
        let fixed = Fixed::of(args, config)?;
        let (tls, mesh) = (tls(args, config)?, mesh(args, config)?);
        let prefer = args.prefer.or(config.prefer.as_ref().map(|word| word.0)).unwrap_or(Protocol::Http2);
        let options = options(args, config, &tls)?;
        Ok(Self { fixed, tls, mesh, prefer: prefer.into(), options })
    }
}

impl Fixed {
    fn of(args: &Args, config: &Config) -> Result<Self> {
        let backends = if args.backend.is_empty() {
            config.backends.iter().map(|word| word.0.clone()).collect()
        } else {
            args.backend.clone()
        };
        if backends.is_empty() {
            bail!("there is no backend: give --backend, or backends in the config file");
        }
        let fixed = Self {
            listen: args.listen.or(config.listen).unwrap_or(LISTEN),
            allow_cleartext: args.allow_cleartext || config.allow_cleartext.unwrap_or(false),
            admin: args.admin.or(config.admin),
            metrics: args.metrics.or(config.metrics),
            threads: args.threads.or(config.threads),
            backends,
            descriptors: if args.descriptor.is_empty() {
                config.descriptors.iter().map(|word| word.0.clone()).collect()
            } else {
                args.descriptor.clone()
            },
        };
        if let Some(admin) = fixed.admin.filter(|admin| !admin.ip().is_loopback()) {
            bail!(
                "{admin}: the admin port is for loopback alone; --metrics serves metrics and health to others"
            );
        }
        Ok(fixed)
    }
}

fn tls(args: &Args, config: &Config) -> Result<TlsFiles> {
    let (said, file) = (&args.tls, &config.tls);
    let over = |said: &Option<PathBuf>, file: &Option<PathBuf>| said.clone().or_else(|| file.clone());
    let files = TlsFiles {
        tls_cert: over(&said.tls_cert, &file.cert),
        tls_key: over(&said.tls_key, &file.key),
        client_ca: over(&said.client_ca, &file.client_ca),
        client_crl: over(&said.client_crl, &file.client_crl),
    };
    let needs =
        |wanted: bool, other: bool, text: &str| if wanted && !other { Err(text.to_owned()) } else { Ok(()) };
    needs(files.tls_cert.is_some(), files.tls_key.is_some(), "cert needs key")
        .and(needs(files.tls_key.is_some(), files.tls_cert.is_some(), "key needs cert"))
        .and(needs(files.client_ca.is_some(), files.tls_cert.is_some(), "client_ca needs cert"))
        .and(needs(files.client_crl.is_some(), files.client_ca.is_some(), "client_crl needs client_ca"))
        .map_err(anyhow::Error::msg)
        .context("tls")?;
    Ok(files)
}

fn mesh(args: &Args, config: &Config) -> Result<MeshFiles> {
    let (said, file) = (&args.mesh, &config.mesh);
    let over = |said: &Option<PathBuf>, file: &Option<PathBuf>| said.clone().or_else(|| file.clone());
    let (cert, key) = (over(&said.cert, &file.cert), over(&said.key, &file.key));
    if cert.is_some() != key.is_some() {
        bail!("mesh: cert and key belong together");
    }
    Ok(MeshFiles { cert, key, ca: over(&said.ca, &file.ca) })
}

fn options(args: &Args, config: &Config, tls: &TlsFiles) -> Result<Options> {
    let mut mapping = config.mapping()?;
    if let Some(names) = args.names {
        mapping.options.names = NameStyle::from(names);
    }
    let errors = args.errors.or(config.errors.as_ref().map(|word| word.0)).unwrap_or(Form::Google);
    let unstated = args.unstated_access.or(config.unstated_access.as_ref().map(|word| word.0));
    let access_log = args.access_log.or(config.access_log.as_ref().map(|word| word.0));
    let mut policies = config.policies()?;
    policies.etag_key = config.etag_key.as_deref().map(etag_key).transpose()?;
    Ok(Options {
        errors: errors.into(),
        public_reflection: args.public_reflection || config.public_reflection.unwrap_or(false),
        unstated: unstated.unwrap_or(UnstatedAccess::Admit).into(),
        access_log: access_log.unwrap_or(Accesses::Failures).into(),
        limits: config.limits(),
        policies,
        mapping,
        title: args.title.clone().or_else(|| config.title.clone()).unwrap_or_else(|| "API".to_owned()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        security: tls.client_ca.iter().map(|_| SecurityScheme::MutualTls).collect(),
    })
}

/// The secret of tags in a file. Those that are shorter could be found by trying.
fn etag_key(path: &Path) -> Result<EtagKey> {
    let secret = std::fs::read(path).with_context(|| format!("etag_key: cannot read {}", path.display()))?;
    if secret.len() < 16 {
        bail!("etag_key: {} has fewer than 16 bytes", path.display());
    }
    Ok(EtagKey::new(&secret))
}

#[cfg(test)]
mod tests {
    //! What wins over what.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::io::Write as _;

    use clap::Parser as _;

    use super::*;

    fn settings(file: &str, flags: &[&str]) -> Result<Settings> {
        let mut config = tempfile::NamedTempFile::new().unwrap();
        config.write_all(file.as_bytes()).unwrap();
        let path = config.path().to_str().unwrap();
        Settings::read(
            &Args::try_parse_from([&["toolforged-gateway", "--config", path], flags].concat()).unwrap(),
        )
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_what_is_usual() {
        let file = "listen: 127.0.0.1:1\nbackends: ['a=http://127.0.0.1:2']\nerrors: toolforge\nmapping: {names: proto}";
        let from_file = settings(file, &[]).unwrap();
        assert_eq!(from_file.fixed.listen.port(), 1);
        assert_eq!(from_file.fixed.backends[0].name.as_deref(), Some("a"));
        assert_eq!(from_file.options.mapping.options.names, NameStyle::Proto);
        let flags = ["--listen", "127.0.0.1:9", "--backend", "b=http://127.0.0.1:2", "--names", "json"];
        let over = settings(file, &flags).unwrap();
        assert_eq!(over.fixed.listen.port(), 9);
        assert_eq!(over.fixed.backends[0].name.as_deref(), Some("b"));
        assert_eq!(over.options.mapping.options.names, NameStyle::Json);
        assert_eq!(over.options.errors, gateway::ErrorForm::Toolforge);
        assert_eq!(settings("", &flags[2..4]).unwrap().fixed.listen, LISTEN);
    }

    #[test]
    fn what_cannot_work_together_is_refused() {
        let backend = "backends: ['http://127.0.0.1:2']\n";
        for (file, part) in [
            ("", "there is no backend"),
            (&format!("{backend}tls: {{cert: a}}"), "cert needs key"),
            (&format!("{backend}tls: {{client_ca: a}}"), "client_ca needs cert"),
            (&format!("{backend}mesh: {{key: a}}"), "belong together"),
            (&format!("{backend}etag_key: /no/such/key"), "etag_key: cannot read /no/such/key"),
            (&format!("{backend}etag_key: /dev/null"), "fewer than 16 bytes"),
            (&format!("{backend}admin: 0.0.0.0:9901"), "loopback alone"),
        ] {
            let error = format!("{:#}", settings(file, &[]).unwrap_err());
            assert!(error.contains(part), "{file}: {error}");
        }
        let missing = Args::try_parse_from(["toolforged-gateway", "--config", "/no/such/file"]).unwrap();
        assert!(format!("{:#}", Settings::read(&missing).unwrap_err()).contains("/no/such/file"));
    }
}
