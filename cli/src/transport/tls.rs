//! TLS to the gateway: whom to trust, what to show.

use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::ConnectError;
use crate::settings::{Address, Credentials, Settings, Trust};

const ALPN: &[u8] = b"h2";

/// The client's side, as the settings say. The roots of the system are read only where nothing else is trusted.
pub(super) fn config(settings: &Settings) -> Result<Arc<ClientConfig>, ConnectError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable("TLS", &error))?;
    let builder = match &settings.trust {
        Trust::Anyone => builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider))),
        Trust::Authority(path) => {
            let pem = std::fs::read(path).map_err(|error| unusable(&path.display().to_string(), &error))?;
            builder.with_root_certificates(roots(&chain(&pem, &path.display().to_string())?))
        }
        Trust::System => {
            builder.with_root_certificates(roots(&rustls_native_certs::load_native_certs().certs))
        }
    };
    let mut config = match &settings.credentials {
        Credentials::Certificate { chain: pem, key, source } => {
            let key = PrivateKeyDer::from_pem_slice(key)
                .map_err(|error| unusable(&format!("the key in {source}"), &error))?;
            builder
                .with_client_auth_cert(chain(pem, source)?, key)
                .map_err(|error| unusable(source, &error))?
        }
        Credentials::Token(_) => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}

/// Shakes hands with a server that speaks HTTP/2.
pub(super) async fn connect(
    config: Arc<ClientConfig>,
    address: &Address,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, ConnectError> {
    let name = ServerName::try_from(address.host.clone()).map_err(|error| unusable(&address.host, &error))?;
    let stream =
        TlsConnector::from(config).connect(name, stream).await.map_err(|error| refused(address, error))?;
    if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
        let error =
            io::Error::new(io::ErrorKind::InvalidData, "the server does not speak HTTP/2, which gRPC needs");
        return Err(ConnectError::Unreachable { address: address.to_string(), error });
    }
    Ok(stream)
}

fn refused(address: &Address, error: io::Error) -> ConnectError {
    match error.get_ref().and_then(|error| error.downcast_ref()) {
        Some(rustls::Error::InvalidCertificate(why)) => {
            ConnectError::Untrusted(address.to_string(), why.clone())
        }
        _ => ConnectError::Unreachable { address: address.to_string(), error },
    }
}

fn chain(pem: &[u8], source: &str) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match parsed {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err(ConnectError::Unusable(format!("{source}: there is no certificate in it"))),
        Err(error) => Err(unusable(source, &error)),
    }
}

/// Those that can be roots: a system's store may have others.
fn roots(certificates: &[CertificateDer<'static>]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates.iter().cloned());
    roots
}

fn unusable(what: &str, error: &dyn std::fmt::Display) -> ConnectError {
    ConnectError::Unusable(format!("{what}: {error}"))
}

/// Believes every server. Only `--insecure` asks for it.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
