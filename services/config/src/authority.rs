//! The embedded certificate authority: two roots, one for clients and one for the mesh, in one folder.
//!
//! Identity is derived from issuer and subject together, so a client's certificate can never pass for a service's
//! (contract 6.1, and the identity table of the API).

use std::fmt;
use std::fs::{self, DirBuilder};
use std::net::IpAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use config_core::{Certificate, Clock, Credentials, Issuer, PortError, ToolName};
use durable::Replace;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams, SanType, SerialNumber,
};

/// Life of a client certificate; renewed 30 days before its end.
const CLIENT_LIFE: SignedDuration = SignedDuration::from_hours(24 * 365);
/// Life of a root and of the server's own certificates, which are made anew when they are missing.
const ROOT_LIFE: SignedDuration = SignedDuration::from_hours(24 * 365 * 10);
/// A clock that is a little behind still accepts a new certificate.
const SKEW: SignedDuration = SignedDuration::from_hours(1);

/// Why the authority cannot work.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A stored key or certificate is not usable, or a new one cannot be made.
    #[error("{what}: {source}")]
    Crypto {
        /// What was being done.
        what: &'static str,
        /// The cause.
        source: rcgen::Error,
    },
    /// The list of revoked certificates has a line that is none.
    #[error("{path}, line {line}: not a serial number and a time")]
    Revoked {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
}

/// A certificate and its key in PEM.
#[derive(Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate_pem: String,
    /// The key: a secret.
    pub key_pem: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// The certificate authority of one data directory.
pub struct Authority {
    folder: PathBuf,
    clients: Root,
    mesh: Root,
    clock: Arc<dyn Clock>,
    revoked: Mutex<Vec<(String, Timestamp)>>,
    changed: Box<dyn Fn() + Send + Sync>,
}

struct Root {
    certificate_pem: String,
    issuer: rcgen::Issuer<'static, KeyPair>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Authority {
    /// Opens the authority in `folder`, making what is missing. `changed` is called after the revocation list was
    /// written anew.
    pub fn open(
        folder: &Path,
        clock: Arc<dyn Clock>,
        changed: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, AuthorityError> {
        let file = |source| AuthorityError::File { path: folder.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(file)?;
        let now = clock.now();
        let authority = Self {
            folder: folder.to_owned(),
            clients: root(folder, "clients-ca", "Toolforge clients", now)?,
            mesh: root(folder, "mesh-ca", "Toolforge mesh", now)?,
            revoked: Mutex::new(read_revoked(&folder.join("clients.revoked"))?),
            clock,
            changed: Box::new(changed),
        };
        authority.write_revocation_list(&authority.lock())?;
        Ok(authority)
    }

    /// The root of client certificates in PEM; also what clients verify the gateway against.
    pub fn clients_pem(&self) -> &str {
        &self.clients.certificate_pem
    }

    /// Where the root of client certificates is; public.
    pub fn clients_file(&self) -> PathBuf {
        self.folder.join("clients-ca.crt")
    }

    /// The root of service certificates in PEM.
    pub fn mesh_pem(&self) -> &str {
        &self.mesh.certificate_pem
    }

    /// Where the list of revoked client certificates is; written anew at each revocation.
    pub fn revocation_file(&self) -> PathBuf {
        self.folder.join("clients.crl")
    }

    /// The list of revoked client certificates in PEM.
    pub fn revocation_list(&self) -> Result<String, AuthorityError> {
        self.revocation_pem(&self.lock())
    }

    /// The gateway's server certificate for these names and addresses.
    pub fn gateway(&self, names: &[&str], addresses: &[IpAddr]) -> Result<Identity, AuthorityError> {
        let mut params =
            leaf("Toolforge gateway", self.clock.now(), ROOT_LIFE, ExtendedKeyUsagePurpose::ServerAuth)?;
        for name in names {
            let name = (*name).try_into().map_err(crypto("name of the gateway"))?;
            params.subject_alt_names.push(SanType::DnsName(name));
        }
        params.subject_alt_names.extend(addresses.iter().copied().map(SanType::IpAddress));
        sign(&params, &self.clients.issuer)
    }

    /// A service's certificate for the mesh: `spiffe://toolforge/service/<name>`, for both ends of a connection.
    pub fn service(&self, name: &str) -> Result<Identity, AuthorityError> {
        let mut params = leaf(name, self.clock.now(), ROOT_LIFE, ExtendedKeyUsagePurpose::ServerAuth)?;
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
        let uri = format!("spiffe://toolforge/service/{name}");
        let uri = uri.as_str().try_into().map_err(crypto("name of the service"))?;
        params.subject_alt_names.push(SanType::URI(uri));
        sign(&params, &self.mesh.issuer)
    }

    /// An administrator's client certificate: `O=admins, CN=<name>`.
    pub fn admin(&self, name: &str) -> Result<Identity, AuthorityError> {
        let mut params = leaf(name, self.clock.now(), ROOT_LIFE, ExtendedKeyUsagePurpose::ClientAuth)?;
        params.distinguished_name.push(DnType::OrganizationName, "admins");
        sign(&params, &self.clients.issuer)
    }

    /// Keeps an administrator's certificate in the folder, as `admin.crt` and `admin.key`, for calls through the gateway;
    /// made where it is missing, so that whoever deletes both files gets new ones at the next start.
    pub fn keep_admin(&self) -> Result<(), AuthorityError> {
        let (certificate, key) = (self.folder.join("admin.crt"), self.folder.join("admin.key"));
        if certificate.exists() && key.exists() {
            return Ok(());
        }
        let identity = self.admin("admin")?;
        // The key first: a certificate that is there has its key.
        for (path, contents, mode) in
            [(key, identity.key_pem, 0o600), (certificate, identity.certificate_pem, 0o644)]
        {
            Replace::mode(mode)
                .write(&path, contents.as_bytes())
                .map_err(|source| AuthorityError::File { path, source })?;
        }
        Ok(())
    }

    fn tool(&self, name: &ToolName) -> Result<Credentials, AuthorityError> {
        let now = self.clock.now();
        let mut params = leaf(name.as_str(), now, CLIENT_LIFE, ExtendedKeyUsagePurpose::ClientAuth)?;
        params.distinguished_name.push(DnType::OrganizationName, "toolforge");
        // Our own serial number, so that it can be recorded before and revoked without reading the certificate.
        let mut serial = uuid::Uuid::new_v4().into_bytes();
        serial[0] &= 0x7f;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        let identity = sign(&params, &self.clients.issuer)?;
        let certificate = Certificate { serial: hex(&serial), expires: now + CLIENT_LIFE };
        Ok(Credentials { certificate, certificate_pem: identity.certificate_pem, key_pem: identity.key_pem })
    }

    fn revoke_now(&self, serial: &str) -> Result<(), AuthorityError> {
        let mut revoked = self.lock();
        if revoked.iter().any(|(known, _)| known == serial) {
            return Ok(());
        }
        revoked.push((serial.to_owned(), self.clock.now()));
        let lines: String = revoked.iter().map(|(serial, time)| format!("{serial} {time}\n")).collect();
        let path = self.folder.join("clients.revoked");
        Replace::mode(0o600)
            .write(&path, lines.as_bytes())
            .map_err(|source| AuthorityError::File { path, source })?;
        self.write_revocation_list(&revoked)?;
        drop(revoked);
        (self.changed)();
        Ok(())
    }

    fn write_revocation_list(&self, revoked: &[(String, Timestamp)]) -> Result<(), AuthorityError> {
        let path = self.revocation_file();
        let pem = self.revocation_pem(revoked)?;
        Replace::mode(0o644)
            .write(&path, pem.as_bytes())
            .map_err(|source| AuthorityError::File { path, source })
    }

    fn revocation_pem(&self, revoked: &[(String, Timestamp)]) -> Result<String, AuthorityError> {
        let now = self.clock.now();
        let revoked_certs = revoked
            .iter()
            .map(|(serial, time)| RevokedCertParams {
                serial_number: SerialNumber::from_slice(&unhex(serial)),
                revocation_time: date(*time),
                reason_code: Some(RevocationReason::CessationOfOperation),
                invalidity_date: None,
            })
            .collect();
        let number = u64::try_from(now.as_millisecond()).unwrap_or_default();
        let params = CertificateRevocationListParams {
            this_update: date(now - SKEW),
            next_update: date(now + ROOT_LIFE),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&self.clients.issuer).map_err(crypto("revocation list"))?;
        list.pem().map_err(crypto("revocation list"))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(String, Timestamp)>> {
        self.revoked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Issuer for Authority {
    async fn issue(&self, tool: &ToolName) -> Result<Credentials, PortError> {
        self.tool(tool).map_err(|error| PortError::new("cannot issue a client certificate", error))
    }

    async fn revoke(&self, serial: &str) -> Result<(), PortError> {
        self.revoke_now(serial).map_err(|error| PortError::new("cannot revoke a client certificate", error))
    }
}

/// Reads or makes a root; the key is written before the certificate, so that a certificate always has its key.
fn root(folder: &Path, file: &str, name: &str, now: Timestamp) -> Result<Root, AuthorityError> {
    let key_path = folder.join(format!("{file}.key"));
    let path = folder.join(format!("{file}.crt"));
    if path.exists() {
        let read = |path: &Path| {
            fs::read_to_string(path).map_err(|source| AuthorityError::File { path: path.to_owned(), source })
        };
        let certificate_pem = read(&path)?;
        let key = KeyPair::from_pem(&read(&key_path)?).map_err(crypto("key of a root"))?;
        let issuer = rcgen::Issuer::from_ca_cert_pem(&certificate_pem, key).map_err(crypto("root"))?;
        return Ok(Root { certificate_pem, issuer });
    }
    let key = KeyPair::generate().map_err(crypto("key of a root"))?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages =
        vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    params.not_before = date(now - SKEW);
    params.not_after = date(now + ROOT_LIFE);
    let certificate_pem = params.self_signed(&key).map_err(crypto("root"))?.pem();
    for (path, contents, mode) in
        [(key_path, key.serialize_pem(), 0o600), (path, certificate_pem.clone(), 0o644)]
    {
        Replace::mode(mode)
            .write(&path, contents.as_bytes())
            .map_err(|source| AuthorityError::File { path, source })?;
    }
    Ok(Root { certificate_pem, issuer: rcgen::Issuer::new(params, key) })
}

fn leaf(
    name: &str,
    now: Timestamp,
    life: SignedDuration,
    usage: ExtendedKeyUsagePurpose,
) -> Result<CertificateParams, AuthorityError> {
    let mut params = CertificateParams::new(Vec::new()).map_err(crypto("certificate"))?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    params.not_before = date(now - SKEW);
    params.not_after = date(now + life);
    Ok(params)
}

fn sign(
    params: &CertificateParams,
    issuer: &rcgen::Issuer<'static, KeyPair>,
) -> Result<Identity, AuthorityError> {
    let key = KeyPair::generate().map_err(crypto("key"))?;
    let certificate = params.signed_by(&key, issuer).map_err(crypto("certificate"))?;
    Ok(Identity { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
}

fn crypto(what: &'static str) -> impl Fn(rcgen::Error) -> AuthorityError {
    move |source| AuthorityError::Crypto { what, source }
}

fn date(time: Timestamp) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp(time.as_second()).unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).filter_map(|i| u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()).collect()
}

fn read_revoked(path: &Path) -> Result<Vec<(String, Timestamp)>, AuthorityError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(AuthorityError::File { path: path.to_owned(), source }),
    };
    let parse = |(index, line): (usize, &str)| {
        let bad = || AuthorityError::Revoked { path: path.to_owned(), line: index + 1 };
        let (serial, time) = line.split_once(' ').ok_or_else(bad)?;
        let hexadecimal =
            !serial.is_empty() && serial.len() % 2 == 0 && serial.bytes().all(|c| c.is_ascii_hexdigit());
        if !hexadecimal {
            return Err(bad());
        }
        Ok((serial.to_owned(), time.parse().map_err(|_| bad())?))
    };
    text.lines().enumerate().map(parse).collect()
}

#[cfg(test)]
mod tests;
