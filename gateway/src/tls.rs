//! The gateway's TLS: a client certificate may be shown and then must be good; ALPN by preference.

use std::io;
use std::sync::Arc;

use arc_swap::ArcSwap;
use mesh::identity::tls::{chain, client_verifier, key, revocations, roots};
use mesh::identity::{Authorities, Principal};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::UnixTime;
use rustls::{ServerConfig, version};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Names in ALPN (RFC 7301, RFC 9113).
const H2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// Which protocol is taken when a client offers both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prefer {
    /// HTTP/2.
    #[default]
    Http2,
    /// HTTP/1.1, whose status lines have a reason phrase (contract 1.2); HTTP/2 for clients that offer only that.
    Http1,
}

/// PEM texts that TLS is made of.
#[derive(Clone, Default)]
pub struct TlsPem {
    /// The server's certificate chain, leaf first.
    pub chain: Vec<u8>,
    /// Its key.
    pub key: Vec<u8>,
    /// The root of client certificates; without it nobody can show one.
    pub clients_root: Option<Vec<u8>>,
    /// Lists of revoked client certificates, one or more; each issuer of client certificates needs its own.
    pub revoked: Option<Vec<u8>>,
}

impl std::fmt::Debug for TlsPem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsPem").finish_non_exhaustive()
    }
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM text is not usable.
    #[error(transparent)]
    Pem(#[from] mesh::identity::tls::TlsError),
    /// Certificate, key or protocol versions do not fit together.
    #[error(transparent)]
    Config(#[from] rustls::Error),
    /// The root of clients is not usable.
    #[error(transparent)]
    Authorities(#[from] mesh::identity::CertificateError),
}

/// What a client is spoken with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// A client that has shaken hands.
pub(crate) struct Accepted<I> {
    /// Boxed: it is large, and every future that it passes through would have room for it.
    pub(crate) stream: Box<TlsStream<I>>,
    pub(crate) principal: Principal,
    pub(crate) protocol: Protocol,
}

#[derive(Debug)]
struct Current {
    config: Arc<ServerConfig>,
    authorities: Authorities,
}

/// TLS that can be given other certificates, roots and revocations while it serves.
#[derive(Clone, Debug)]
pub struct Tls {
    prefer: Prefer,
    current: Arc<ArcSwap<Current>>,
}

impl Tls {
    /// Sets TLS up.
    pub fn new(pem: &TlsPem, prefer: Prefer) -> Result<Self, TlsError> {
        Ok(Self { prefer, current: Arc::new(ArcSwap::from_pointee(build(pem, prefer)?)) })
    }

    /// Takes other PEM texts for the connections to come; a mistake changes nothing.
    pub fn reload(&self, pem: &TlsPem) -> Result<(), TlsError> {
        self.current.store(Arc::new(build(pem, self.prefer)?));
        Ok(())
    }

    /// Shakes hands and says who the client is; a certificate that is not good ends the connection.
    pub(crate) async fn accept<I>(&self, io: I) -> io::Result<Accepted<I>>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let current = self.current.load_full();
        let stream = TlsAcceptor::from(Arc::clone(&current.config)).accept(io).await?;
        let principal = match stream.get_ref().1.peer_certificates() {
            Some(chain) => current.authorities.identify(chain, UnixTime::now()).map_err(io::Error::other)?,
            None => Principal::Anonymous,
        };
        let protocol = match stream.get_ref().1.alpn_protocol() {
            Some(H2) => Protocol::Http2,
            _ => Protocol::Http1,
        };
        Ok(Accepted { stream: Box::new(stream), principal, protocol })
    }
}

fn build(pem: &TlsPem, prefer: Prefer) -> Result<Current, TlsError> {
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])?;
    let clients = pem.clients_root.as_deref().map(roots).transpose()?;
    let revoked = pem.revoked.as_deref().map(revocations).transpose()?.unwrap_or_default();
    let authorities = Authorities::new(None, clients, revoked)?;
    // a client without a certificate is let in: public paths need none
    let mut config = builder
        .with_client_cert_verifier(client_verifier(&authorities, false))
        .with_single_cert(chain(&pem.chain)?, key(&pem.key)?)?;
    config.alpn_protocols = match prefer {
        Prefer::Http2 => vec![H2.to_vec(), HTTP1.to_vec()],
        Prefer::Http1 => vec![HTTP1.to_vec(), H2.to_vec()],
    };
    Ok(Current { config: Arc::new(config), authorities })
}
