//! The same layers over TLS sockets and Unix sockets.

use std::sync::Arc;

use mesh::client::{Channel, Endpoint};
use mesh::drain::Drain;
use mesh::identity::tls::{Client, Expected, Pem, Server as Tls};
use mesh::serve::{Drained, Listener, Server, Services};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use tokio::net::{TcpListener, UnixListener};

use crate::descriptors;
use crate::echo::{Echo, EchoClient};
use crate::world::principal;

fn server() -> Server {
    Server::builder(Services::new().add(Echo::default())).descriptors(descriptors::encoded()).build().unwrap()
}

fn root() -> (Issuer<'static, KeyPair>, Vec<u8>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem().into_bytes();
    (Issuer::new(params, key), pem)
}

fn issue(params: &CertificateParams, issuer: &Issuer<'static, KeyPair>) -> (Vec<u8>, Vec<u8>) {
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, issuer).unwrap().pem().into_bytes(), key.serialize_pem().into_bytes())
}

#[tokio::test]
async fn a_certificate_is_an_identity() {
    let ((mesh, mesh_pem), (clients, clients_pem)) = (root(), root());
    let pem = |(chain, key)| Pem {
        chain,
        key,
        mesh_root: Some(mesh_pem.clone()),
        clients_root: Some(clients_pem.clone()),
        revoked: None,
    };
    let mut echo = CertificateParams::default();
    echo.subject_alt_names = vec![SanType::URI("spiffe://toolforge/service/echo".try_into().unwrap())];
    let mut alpha = CertificateParams::default();
    alpha.distinguished_name.push(DnType::OrganizationName, "toolforge");
    alpha.distinguished_name.push(DnType::CommonName, "alpha");
    let tls = Arc::new(Tls::new(&pem(issue(&echo, &mesh)), false).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let drain = Drain::new();
    let serving = tokio::spawn(server().serve(vec![Listener::tls(listener, tls)], drain.clone()));

    let client = |own| {
        let client = Client::new(&pem(own), Expected::Service("echo".into())).unwrap();
        EchoClient::new(Channel::new(Endpoint::tls(&address, Arc::new(client)).unwrap()))
    };
    let mut tool = client(issue(&alpha, &clients));
    let said = tool.say("/test.v1.Echo/Say", "alpha", "whoami").await.unwrap();
    assert_eq!(said.into_inner().text, "tool:alpha");
    let refused = tool.say("/test.v1.Echo/Say", "beta", "whoami").await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::PermissionDenied);
    let refused =
        client((Vec::new(), Vec::new())).say("/test.v1.Echo/Say", "alpha", "whoami").await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unauthenticated);
    drain.begin();
    assert_eq!(serving.await.unwrap(), Drained::Clean);
}

#[tokio::test]
async fn a_unix_socket_has_the_identity_it_was_given() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let listener = Listener::unix(UnixListener::bind(&path).unwrap(), principal("admin:root"));
    let drain = Drain::new();
    let serving = tokio::spawn(server().serve(vec![listener], drain.clone()));
    let mut client = EchoClient::new(Channel::new(Endpoint::unix(&path)));
    let said = client.say("/test.v1.Echo/AdminOnly", "", "whoami").await.unwrap();
    assert_eq!(said.into_inner().text, "admin:root");
    drain.begin();
    assert_eq!(serving.await.unwrap(), Drained::Clean);
}
