//! Certificates: two roots of ours, and one that is nobody's.

use gateway::TlsPem;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod,
    KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams, SanType, SerialNumber,
};
use time::{Duration, OffsetDateTime};

/// A root that issues certificates.
pub(crate) struct Root {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: Vec<u8>,
}

/// A certificate with its key, as PEM.
#[derive(Clone, Default)]
pub(crate) struct Identity {
    pub(crate) chain: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

pub(crate) struct Pki {
    pub(crate) servers: Root,
    pub(crate) clients: Root,
    /// Of services.
    pub(crate) mesh: Root,
    pub(crate) foreign: Root,
}

impl Root {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem().into_bytes();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn issue(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        Identity {
            chain: params.signed_by(&key, &self.issuer).unwrap().pem().into_bytes(),
            key: key.serialize_pem().into_bytes(),
        }
    }

    /// A client certificate with this subject.
    pub(crate) fn client(&self, organization: &str, name: &str, serial: u64) -> Identity {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::OrganizationName, organization);
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(SerialNumber::from(serial));
        self.issue(&params)
    }

    /// A list that revokes these serial numbers.
    pub(crate) fn revoke(&self, serials: &[u64]) -> Vec<u8> {
        let now = OffsetDateTime::now_utc();
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: now,
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: now,
            next_update: now + Duration::days(1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap().into_bytes()
    }
}

impl Pki {
    pub(crate) fn new() -> Self {
        let [servers, clients, mesh, foreign] = ["servers", "clients", "mesh", "foreign"].map(Root::new);
        Self { servers, clients, mesh, foreign }
    }

    pub(crate) fn tool(&self, name: &str) -> Identity {
        self.clients.client("toolforge", name, 7)
    }

    /// The certificate of a service.
    pub(crate) fn service(&self, name: &str) -> Identity {
        let mut params = CertificateParams::default();
        let id = format!("spiffe://toolforge/service/{name}");
        params.subject_alt_names = vec![SanType::URI(id.try_into().unwrap())];
        self.mesh.issue(&params)
    }

    /// The certificate of a host.
    pub(crate) fn host(&self, name: &str) -> Identity {
        self.servers.issue(&CertificateParams::new(vec![name.to_owned()]).unwrap())
    }

    /// What the gateway is set up with.
    pub(crate) fn gateway(&self) -> TlsPem {
        let Identity { chain, key } = self.host("localhost");
        TlsPem { chain, key, clients_root: Some(self.clients.pem.clone()), revoked: None }
    }
}
