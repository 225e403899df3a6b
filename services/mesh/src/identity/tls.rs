//! TLS of servers and clients from PEM, reloaded without losing a connection.

mod reload;
mod verify;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use super::{Authorities, CertificateError, Principal};
pub use reload::Reloaded;
use verify::{AnyRoot, ServiceVerifier};

/// HTTP/2 is all that the mesh speaks.
const ALPN: &[u8] = b"h2";

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        error: io::Error,
    },
    /// PEM without what was expected in it.
    #[error("{what}: {error}")]
    Pem {
        /// What was expected.
        what: &'static str,
        /// What was found.
        error: String,
    },
    /// The parts do not fit together.
    #[error("TLS configuration: {0}")]
    Config(#[from] rustls::Error),
    /// The roots cannot be used.
    #[error(transparent)]
    Roots(#[from] CertificateError),
}

/// PEM bytes: an own certificate chain with its key, and the roots that peers are judged by.
#[derive(Clone, Default)]
pub struct Pem {
    /// The chain, leaf first.
    pub chain: Vec<u8>,
    /// The key of the leaf.
    pub key: Vec<u8>,
    /// The root of services.
    pub mesh_root: Option<Vec<u8>>,
    /// The root of tools and administrators; servers alone look at it.
    pub clients_root: Option<Vec<u8>>,
    /// Lists of revoked certificates of tools and administrators; each of their issuers needs its own.
    pub revoked: Option<Vec<u8>>,
}

impl std::fmt::Debug for Pem {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Pem([redacted])")
    }
}

/// Files with the parts of a [`Pem`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The chain, leaf first.
    pub chain: PathBuf,
    /// The key of the leaf.
    pub key: PathBuf,
    /// The root of services.
    pub mesh_root: Option<PathBuf>,
    /// The root of tools and administrators.
    pub clients_root: Option<PathBuf>,
    /// Lists of revoked certificates of tools and administrators.
    pub revoked: Option<PathBuf>,
}

impl Files {
    /// Reads all files.
    pub fn read(&self) -> Result<Pem, TlsError> {
        Ok(Pem {
            chain: read(&self.chain)?,
            key: read(&self.key)?,
            mesh_root: self.mesh_root.as_deref().map(read).transpose()?,
            clients_root: self.clients_root.as_deref().map(read).transpose()?,
            revoked: self.revoked.as_deref().map(read).transpose()?,
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| TlsError::File { path: path.to_owned(), error })
}

/// The server's side: its certificate, and who its clients are.
#[derive(Debug)]
pub struct Server {
    current: ArcSwap<(Arc<ServerConfig>, Authorities)>,
    required: bool,
}

impl Server {
    /// Takes certificates of clients of either root; `required` refuses clients that show none.
    pub fn new(pem: &Pem, required: bool) -> Result<Self, TlsError> {
        Ok(Self { current: ArcSwap::from_pointee(Self::parts(pem, required)?), required })
    }

    /// Takes other certificates and roots for the connections to come; a mistake changes nothing.
    pub fn reload(&self, pem: &Pem) -> Result<(), TlsError> {
        self.current.store(Arc::new(Self::parts(pem, self.required)?));
        Ok(())
    }

    fn parts(pem: &Pem, required: bool) -> Result<(Arc<ServerConfig>, Authorities), TlsError> {
        let root = |bytes: &Option<Vec<u8>>| bytes.as_deref().map(roots).transpose();
        let revoked = pem.revoked.as_deref().map(revocations).transpose()?.unwrap_or_default();
        let authorities = Authorities::new(root(&pem.mesh_root)?, root(&pem.clients_root)?, revoked)?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(client_verifier(&authorities, required))
            .with_single_cert(chain(&pem.chain)?, key(&pem.key)?)?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok((Arc::new(config), authorities))
    }

    /// Shakes hands and says who the client is; a certificate that names nobody ends the connection.
    pub async fn accept<I>(&self, io: I) -> io::Result<(server::TlsStream<I>, Principal)>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let current = self.current.load_full();
        let (config, authorities) = &*current;
        let stream = TlsAcceptor::from(Arc::clone(config)).accept(io).await?;
        let principal = match stream.get_ref().1.peer_certificates() {
            Some(chain) => authorities.identify(chain, UnixTime::now()),
            None => Ok(Principal::Anonymous),
        };
        let principal = principal.map_err(|error| io::Error::new(io::ErrorKind::PermissionDenied, error))?;
        Ok((stream, principal))
    }
}

/// The client's side: which server it expects, and the certificate it shows.
#[derive(Debug)]
pub struct Client {
    current: ArcSwap<ClientConfig>,
    expected: Expected,
}

/// Which server a client expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The service of this name, by its SPIFFE id under the root of services. Host names do not matter.
    Service(String),
    /// The host of this name or address, under the roots given as those of services, or else under those of the system.
    Host(String),
}

impl Client {
    /// Expects a server, and shows the certificate of the PEM where its chain is not empty.
    pub fn new(pem: &Pem, expected: Expected) -> Result<Self, TlsError> {
        Ok(Self { current: ArcSwap::from_pointee(Self::config(pem, &expected)?), expected })
    }

    /// Takes another certificate and roots for the connections to come; a mistake changes nothing.
    pub fn reload(&self, pem: &Pem) -> Result<(), TlsError> {
        self.current.store(Arc::new(Self::config(pem, &self.expected)?));
        Ok(())
    }

    fn config(pem: &Pem, expected: &Expected) -> Result<ClientConfig, TlsError> {
        let roots = match (&pem.mesh_root, expected) {
            (None, Expected::Host(_)) => system_roots()?,
            (root, _) => roots(root.as_deref().unwrap_or_default())?,
        };
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?;
        let builder = match expected {
            Expected::Service(name) => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(ServiceVerifier::new(roots, name))),
            Expected::Host(_) => builder.with_root_certificates(roots),
        };
        let mut config = if pem.chain.is_empty() {
            builder.with_no_client_auth()
        } else {
            builder.with_client_auth_cert(chain(&pem.chain)?, key(&pem.key)?)?
        };
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(config)
    }

    /// Shakes hands; a server that is not the expected one, or does not speak HTTP/2, is an error.
    pub async fn connect<I>(&self, io: I) -> io::Result<client::TlsStream<I>>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let name = match &self.expected {
            // carried as SNI, judged by nobody: the verifier looks at the SPIFFE id
            Expected::Service(_) => ServerName::try_from("service.toolforge".to_owned()),
            Expected::Host(host) => ServerName::try_from(host.clone()),
        };
        let name = name.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let stream = TlsConnector::from(self.current.load_full()).connect(name, io).await?;
        if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the server does not speak HTTP/2"));
        }
        Ok(stream)
    }
}

/// What rustls asks about the certificates of clients: one that is shown must be good, and `required` wants one.
/// Without any root nobody is asked for one.
pub fn client_verifier(authorities: &Authorities, required: bool) -> Arc<dyn ClientCertVerifier> {
    Arc::new(AnyRoot::new(authorities.clone(), required))
}

/// Certificates of a PEM text.
pub fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match parsed {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err(TlsError::Pem { what: "certificates", error: "there are none".into() }),
        Err(error) => Err(TlsError::Pem { what: "certificates", error: error.to_string() }),
    }
}

/// The private key of a PEM text.
pub fn key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    let error = |error: rustls::pki_types::pem::Error| TlsError::Pem {
        what: "private key",
        error: error.to_string(),
    };
    PrivateKeyDer::from_pem_slice(pem).map_err(error)
}

/// Lists of revoked certificates of a PEM text.
pub fn revocations(pem: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let error = |error: String| TlsError::Pem { what: "revocation list", error };
    let parsed: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(pem).collect();
    match parsed {
        Ok(lists) if !lists.is_empty() => Ok(lists),
        Ok(_) => Err(error("there is none".into())),
        Err(mistake) => Err(error(mistake.to_string())),
    }
}

/// Roots of a PEM text.
pub fn roots(pem: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in chain(pem)? {
        roots.add(certificate)?;
    }
    Ok(roots)
}

/// The roots that this machine trusts. One that cannot be read does not keep the others from being used.
fn system_roots() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable > 0 {
        return Ok(roots);
    }
    let error = found.errors.first().map_or_else(|| "there are none".to_owned(), ToString::to_string);
    Err(TlsError::Pem { what: "roots of the system", error })
}

#[cfg(test)]
mod tests;
