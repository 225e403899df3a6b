//! Identities in certificates: issuer and subject together say who it is.
//!
//! Two roots: one issues the certificates of tools and administrators (`O=toolforge` or `O=admins`, and a common name),
//! the other those of services (one SPIFFE URI). A certificate of one root that looks like one of the other is nobody's.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::{Principal, is_name};

/// What stands before a service's name in the URI of its certificate (SPIFFE ID, trust domain `toolforge`).
pub const SPIFFE_PREFIX: &str = "spiffe://toolforge/service/";

/// The organization of tools.
const TOOLS: &str = "toolforge";

/// The organization of administrators.
const ADMINS: &str = "admins";

/// Why a certificate names nobody.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// No root of ours issued it, or it is not valid now.
    #[error("no root of ours vouches for the certificate: {0}")]
    Untrusted(rustls::Error),
    /// It is not an X.509 certificate that can be read.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// A service's certificate has no SPIFFE id of ours, or more than one URI.
    #[error("the service certificate does not have exactly one URI, {SPIFFE_PREFIX}<name>")]
    NoService,
    /// A client's certificate has no subject that names a tool or an administrator.
    #[error("the client certificate's subject is not O={TOOLS} or O={ADMINS} with one common name")]
    NoClient,
    /// There are no roots at all.
    #[error("no roots are configured")]
    NoRoots,
    /// A root cannot be used.
    #[error("roots: {0}")]
    Roots(String),
}

/// The roots, and what each vouches for.
#[derive(Clone, Debug)]
pub struct Authorities {
    mesh: Option<Arc<dyn ClientCertVerifier>>,
    clients: Option<Arc<dyn ClientCertVerifier>>,
}

impl Authorities {
    /// Takes the root of services and the root of tools and administrators; either may be missing. `revoked` lists
    /// certificates of the second; where there is any list, each issuer of those certificates needs its own.
    pub fn new(
        mesh: Option<RootCertStore>,
        clients: Option<RootCertStore>,
        revoked: Vec<CertificateRevocationListDer<'static>>,
    ) -> Result<Self, CertificateError> {
        let mesh = mesh.map(|roots| verifier(roots, Vec::new())).transpose()?;
        Ok(Self { mesh, clients: clients.map(|roots| verifier(roots, revoked)).transpose()? })
    }

    /// Whom a certificate chain, leaf first, names.
    pub fn identify(
        &self,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Principal, CertificateError> {
        let (leaf, intermediates) = chain.split_first().ok_or(CertificateError::Unreadable)?;
        let mut refusal = CertificateError::NoRoots;
        for (root, name) in [(&self.mesh, service as NameOf), (&self.clients, client as NameOf)] {
            let Some(root) = root else { continue };
            match root.verify_client_cert(leaf, intermediates, now) {
                Ok(_) => return name(&parse(leaf)?),
                Err(error) => refusal = CertificateError::Untrusted(error),
            }
        }
        Err(refusal)
    }

    /// The verifiers, services' first.
    pub(super) fn verifiers(&self) -> impl Iterator<Item = &Arc<dyn ClientCertVerifier>> {
        self.mesh.iter().chain(&self.clients)
    }
}

type NameOf = fn(&X509Certificate<'_>) -> Result<Principal, CertificateError>;

fn verifier(
    roots: RootCertStore,
    revoked: Vec<CertificateRevocationListDer<'static>>,
) -> Result<Arc<dyn ClientCertVerifier>, CertificateError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .with_crls(revoked)
        .build()
        .map_err(|error| CertificateError::Roots(error.to_string()))
}

fn parse<'a>(leaf: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, CertificateError> {
    X509Certificate::from_der(leaf).map(|(_, parsed)| parsed).map_err(|_| CertificateError::Unreadable)
}

/// The service that a chain which is already trusted names.
pub(super) fn service_of(leaf: &CertificateDer<'_>) -> Result<Principal, CertificateError> {
    service(&parse(leaf)?)
}

fn service(leaf: &X509Certificate<'_>) -> Result<Principal, CertificateError> {
    let names = leaf.subject_alternative_name().map_err(|_| CertificateError::Unreadable)?;
    let names = names.map(|extension| &extension.value.general_names[..]).unwrap_or_default();
    let mut uris = names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    let (Some(uri), None) = (uris.next(), uris.next()) else { return Err(CertificateError::NoService) };
    let name = uri.strip_prefix(SPIFFE_PREFIX).filter(|name| is_name(name));
    name.map(|name| Principal::Service(name.into())).ok_or(CertificateError::NoService)
}

fn client(leaf: &X509Certificate<'_>) -> Result<Principal, CertificateError> {
    let subject = leaf.subject();
    let organization = only(subject.iter_organization())?;
    let name = only(subject.iter_common_name())?;
    match organization {
        TOOLS if is_name(name) => Ok(Principal::Tool(name.into())),
        ADMINS if is_name(name) => Ok(Principal::Admin(name.into())),
        _ => Err(CertificateError::NoClient),
    }
}

fn only<'a>(
    mut values: impl Iterator<Item = &'a x509_parser::x509::AttributeTypeAndValue<'a>>,
) -> Result<&'a str, CertificateError> {
    let (Some(value), None) = (values.next(), values.next()) else { return Err(CertificateError::NoClient) };
    value.as_str().map_err(|_| CertificateError::NoClient)
}
