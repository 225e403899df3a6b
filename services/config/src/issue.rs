//! `toolforged-config issue-service` and `issue-gateway`: certificates of the data directory's authority, as files.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use config::embedded::{Data, Directory};
use config::{Authority, Identity, Machine};
use durable::Replace;

use crate::args::{IssueGateway, IssueService};

impl IssueService {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let Self { name, out, data } = self;
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
        ensure!(!name.is_empty() && name.bytes().all(is_letter), "{name:?} is not the name of a service");
        with_authority(&data, |authority| {
            write(&out, &name, &authority.service(&name)?)?;
            public(&out, "mesh-ca.crt", authority.mesh_pem())?;
            public(&out, "clients-ca.crt", authority.clients_pem())
        })
    }
}

impl IssueGateway {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let Self { out, name, address, data } = self;
        let names: Vec<_> = name.iter().map(String::as_str).collect();
        with_authority(&data, |authority| {
            write(&out, "server", &authority.gateway(&names, &address)?)?;
            public(&out, "clients-ca.crt", authority.clients_pem())
        })
    }
}

/// The authority of a directory, whether a server runs on it or not. Where none does the directory is owned meanwhile:
/// two processes never make its roots at once.
fn with_authority(data: &Data, issue: impl FnOnce(&Authority) -> Result<()>) -> Result<ExitCode> {
    let directory = Directory::open(&data.directory)?;
    let _owned = directory.own()?;
    let authority = Authority::open(&directory.pki(), Arc::new(Machine), || {}).context("certificates")?;
    issue(&authority)?;
    Ok(ExitCode::SUCCESS)
}

fn write(folder: &Path, name: &str, identity: &Identity) -> Result<()> {
    durable::make_directory(folder).with_context(|| in_folder(folder))?;
    // The key first: a certificate that is there has its key.
    for (ending, contents, mode) in
        [("key", &identity.key_pem, 0o600), ("crt", &identity.certificate_pem, 0o644)]
    {
        let path = folder.join(format!("{name}.{ending}"));
        Replace::mode(mode).write(&path, contents.as_bytes()).with_context(|| in_folder(&path))?;
    }
    Ok(())
}

fn public(folder: &Path, name: &str, pem: &str) -> Result<()> {
    let path = folder.join(name);
    Replace::mode(0o644).write(&path, pem.as_bytes()).with_context(|| in_folder(&path))
}

fn in_folder(path: &Path) -> String {
    format!("cannot write {}", path.display())
}
