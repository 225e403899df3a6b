//! Handshakes between every kind of certificate, over memory.
#![allow(clippy::unwrap_used, reason = "tests")]

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod,
    KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// A root that issues.
struct Root {
    issuer: Issuer<'static, KeyPair>,
    pem: Vec<u8>,
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

    /// The list of revoked certificates with these serial numbers.
    fn revoke(&self, serials: &[u64]) -> Vec<u8> {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: rcgen::date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2020, 1, 1),
            next_update: rcgen::date_time_ymd(2100, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap().into_bytes()
    }

    fn issue(&self, params: &CertificateParams) -> (Vec<u8>, Vec<u8>) {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem().into_bytes(), key.serialize_pem().into_bytes())
    }
}

fn service(uris: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.subject_alt_names = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
    params
}

fn client(organization: &str, name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::OrganizationName, organization);
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

struct World {
    mesh: Root,
    clients: Root,
}

impl World {
    fn new() -> Self {
        Self { mesh: Root::new("mesh"), clients: Root::new("clients") }
    }

    fn pem(&self, (chain, key): (Vec<u8>, Vec<u8>)) -> Pem {
        let (mesh, clients) = (self.mesh.pem.clone(), self.clients.pem.clone());
        Pem { chain, key, mesh_root: Some(mesh), clients_root: Some(clients), revoked: None }
    }

    fn jobs(&self) -> Pem {
        self.pem(self.mesh.issue(&service(&["spiffe://toolforge/service/jobs"])))
    }

    /// Whom a server takes a client with this certificate for.
    async fn seen(&self, own: (Vec<u8>, Vec<u8>)) -> Result<String, String> {
        let server = Server::new(&self.jobs(), false).unwrap();
        self.visit(&server, own).await
    }

    async fn visit(&self, server: &Server, own: (Vec<u8>, Vec<u8>)) -> Result<String, String> {
        let client = Client::new(&self.pem(own), Expected::Service("jobs".into())).unwrap();
        handshake(server, &client).await
    }
}

async fn handshake(server: &Server, client: &Client) -> Result<String, String> {
    let (near, far) = tokio::io::duplex(1 << 16);
    let accept = async {
        let (mut stream, principal) = server.accept(far).await.map_err(|error| error.to_string())?;
        stream.write_all(b"!").await.map_err(|error| error.to_string())?;
        Ok(principal.to_string())
    };
    let connect = async {
        let mut stream = client.connect(near).await.map_err(|error| error.to_string())?;
        stream.read_u8().await.map_err(|error| error.to_string())
    };
    let (accepted, connected): (Result<String, String>, Result<u8, String>) = tokio::join!(accept, connect);
    connected.and(accepted)
}

#[tokio::test]
async fn issuer_and_subject_together_name_the_caller() {
    let world = World::new();
    let seen = world.seen(world.mesh.issue(&service(&["spiffe://toolforge/service/web"]))).await;
    assert_eq!(seen.unwrap(), "service:web");
    assert_eq!(world.seen(world.clients.issue(&client("toolforge", "a.b"))).await.unwrap(), "tool:a.b");
    assert_eq!(world.seen(world.clients.issue(&client("admins", "root"))).await.unwrap(), "admin:root");
    assert_eq!(world.seen((Vec::new(), Vec::new())).await.unwrap(), "anonymous");
}

#[tokio::test]
async fn neither_root_can_pass_for_the_other() {
    let world = World::new();
    assert!(
        world.seen(world.clients.issue(&service(&["spiffe://toolforge/service/gateway"]))).await.is_err()
    );
    assert!(world.seen(world.mesh.issue(&client("admins", "root"))).await.is_err());
    let mut both = client("toolforge", "alpha");
    both.subject_alt_names = service(&["spiffe://toolforge/service/gateway"]).subject_alt_names;
    assert_eq!(world.seen(world.clients.issue(&both)).await.unwrap(), "tool:alpha");
    assert_eq!(world.seen(world.mesh.issue(&both)).await.unwrap(), "service:gateway");
}

#[tokio::test]
async fn certificates_that_name_nobody_end_the_connection() {
    let world = World::new();
    let mesh = [
        service(&[]),
        service(&["spiffe://toolforge/service/"]),
        service(&["spiffe://toolforge/service/a/b"]),
        service(&["spiffe://other/service/jobs"]),
        service(&["spiffe://toolforge/service/a", "spiffe://toolforge/service/b"]),
    ];
    for params in mesh {
        let names = format!("{:?}", params.subject_alt_names);
        assert!(world.seen(world.mesh.issue(&params)).await.is_err(), "{names}");
    }
    for (organization, name) in
        [("other", "alpha"), ("toolforge", ""), ("toolforge", "a b"), ("toolforge", "a:b")]
    {
        assert!(
            world.seen(world.clients.issue(&client(organization, name))).await.is_err(),
            "{organization} {name}"
        );
    }
    let stranger = Root::new("mesh");
    assert!(world.seen(stranger.issue(&service(&["spiffe://toolforge/service/gateway"]))).await.is_err());
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let world = World::new();
    let mut params = service(&["spiffe://toolforge/service/web"]);
    params.not_before = rcgen::date_time_ymd(2001, 1, 1);
    params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    assert!(world.seen(world.mesh.issue(&params)).await.is_err());
}

#[tokio::test]
async fn a_client_takes_only_the_service_it_expects() {
    let world = World::new();
    let own = world.jobs();
    let server = Server::new(&own, false).unwrap();
    let expects = |name: &str| Client::new(&own, Expected::Service(name.into())).unwrap();
    assert!(handshake(&server, &expects("jobs")).await.is_ok());
    assert!(handshake(&server, &expects("web")).await.is_err());
    let impostor = world.pem(world.clients.issue(&service(&["spiffe://toolforge/service/jobs"])));
    let impostor = Server::new(&impostor, false).unwrap();
    assert!(handshake(&impostor, &expects("jobs")).await.is_err());
}

#[tokio::test]
async fn a_required_certificate_is_required() {
    let world = World::new();
    let server = Server::new(&world.jobs(), true).unwrap();
    let nobody = Client::new(&world.pem((Vec::new(), Vec::new())), Expected::Service("jobs".into())).unwrap();
    assert!(handshake(&server, &nobody).await.is_err());
}

#[tokio::test]
async fn a_reload_changes_new_connections_and_a_bad_one_changes_nothing() {
    let world = World::new();
    let own = world.jobs();
    let server = Server::new(&own, false).unwrap();
    let client = Client::new(&own, Expected::Service("jobs".into())).unwrap();
    assert_eq!(handshake(&server, &client).await.unwrap(), "service:jobs");
    let broken = Pem { key: b"nonsense".to_vec(), ..own };
    assert!(server.reload(&broken).is_err() && client.reload(&broken).is_err());
    assert_eq!(handshake(&server, &client).await.unwrap(), "service:jobs");
    let other = World::new();
    server.reload(&other.jobs()).unwrap();
    assert!(handshake(&server, &client).await.is_err());
    client.reload(&other.pem(other.clients.issue(&self::client("admins", "root")))).unwrap();
    assert_eq!(handshake(&server, &client).await.unwrap(), "admin:root");
}

#[tokio::test]
async fn a_revoked_client_is_refused_and_services_need_no_list() {
    let world = World::new();
    let own = world.jobs();
    let server = Server::new(&own, false).unwrap();
    let numbered = |serial: u64| {
        let mut params = client("toolforge", "alpha");
        params.serial_number = Some(SerialNumber::from(serial));
        world.clients.issue(&params)
    };
    let (former, present) = (numbered(7), numbered(8));
    assert_eq!(world.visit(&server, former.clone()).await.unwrap(), "tool:alpha");
    server.reload(&Pem { revoked: Some(world.clients.revoke(&[7])), ..own.clone() }).unwrap();
    let refusal = world.visit(&server, former.clone()).await.unwrap_err();
    assert!(refusal.contains("CertificateRevoked"), "{refusal}");
    assert_eq!(world.visit(&server, present).await.unwrap(), "tool:alpha");
    let web = world.mesh.issue(&service(&["spiffe://toolforge/service/web"]));
    assert_eq!(world.visit(&server, web).await.unwrap(), "service:web");

    for (broken, why) in [(&b""[..], "revocation list: there is none"), (b"-----BEGIN", "revocation list")] {
        let error = server.reload(&Pem { revoked: Some(broken.to_vec()), ..own.clone() }).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    assert!(world.visit(&server, former).await.is_err(), "a mistake changes nothing");
}
