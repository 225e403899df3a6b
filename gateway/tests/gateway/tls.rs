//! Handshakes: protocols, certificates good and bad, and new ones while the gateway serves.

use gateway::{Prefer, TlsPem};

use crate::pki::Identity;
use crate::world::{Setup, World, start, start_with};

/// What becomes of a client with this certificate: the status line of a public page, or none.
async fn visit(world: &World, identity: &Identity) -> Option<String> {
    let mut connection = world.open(identity, &["http/1.1"]).await.ok()?;
    connection.ask("GET", "/jobs/v1/healthz", "", b"").await;
    Some(connection.head().await?.line)
}

#[tokio::test]
async fn both_protocols_are_there_and_one_is_preferred() {
    let nobody = Identity::default();
    for (prefer, chosen) in [(Prefer::Http1, "http/1.1"), (Prefer::Http2, "h2")] {
        let world = start_with(Setup { prefer, ..Setup::default() }).await;
        for offered in [["h2", "http/1.1"], ["http/1.1", "h2"]] {
            let connection = world.open(&nobody, &offered).await.unwrap();
            assert_eq!(connection.protocol().as_deref(), Some(chosen));
        }
        for only in ["h2", "http/1.1"] {
            let connection = world.open(&nobody, &[only]).await.unwrap();
            assert_eq!(connection.protocol().as_deref(), Some(only));
        }
        let mut silent = world.open(&nobody, &[]).await.unwrap();
        let reply = silent.request("GET", "/jobs/v1/healthz", "", b"").await;
        assert_eq!(reply.line, "HTTP/1.1 200 OK");
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_good_ends_the_handshake() {
    let world = start().await;
    assert_eq!(visit(&world, &Identity::default()).await.as_deref(), Some("HTTP/1.1 200 OK"));
    assert_eq!(visit(&world, &world.alpha).await.as_deref(), Some("HTTP/1.1 200 OK"));
    for foreign in [
        world.pki.foreign.client("toolforge", "alpha", 1),
        // the root of servers vouches for no client
        world.pki.servers.client("toolforge", "alpha", 1),
        world.pki.clients.client("elsewhere", "alpha", 1),
        world.pki.clients.client("toolforge", "al pha", 1),
    ] {
        assert_eq!(visit(&world, &foreign).await, None);
    }
    assert_eq!(world.fake.seen().len(), 2);
}

#[tokio::test]
async fn new_roots_and_revocations_hold_for_new_connections() {
    let world = start().await;
    let (good, bad) = (world.pki.clients.client("toolforge", "alpha", 41), world.alpha.clone());
    let mut before = world.connect().await;
    let revoked = Some(world.pki.clients.revoke(&[7]));
    world.tls.reload(&TlsPem { revoked, ..world.pem.clone() }).unwrap();
    assert_eq!(visit(&world, &bad).await, None);
    assert_eq!(visit(&world, &good).await.as_deref(), Some("HTTP/1.1 200 OK"));
    assert_eq!(before.request("GET", "/jobs/v1/tool/alpha/jobs", "", b"").await.status(), 200);

    let clients_root = Some(world.pki.foreign.pem.clone());
    world.tls.reload(&TlsPem { clients_root, ..world.pem.clone() }).unwrap();
    assert_eq!(visit(&world, &good).await, None);
    let moved = world.pki.foreign.client("toolforge", "alpha", 1);
    assert_eq!(visit(&world, &moved).await.as_deref(), Some("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn a_mistake_in_new_texts_changes_nothing() {
    let world = start().await;
    let broken = |change: fn(&mut TlsPem)| {
        let mut pem = world.pem.clone();
        change(&mut pem);
        world.tls.reload(&pem).unwrap_err().to_string()
    };
    assert!(broken(|pem| pem.chain = b"no certificate".to_vec()).contains("certificate"));
    assert!(broken(|pem| pem.key.clear()).contains("key"));
    assert!(broken(|pem| pem.revoked = Some(Vec::new())).contains("revocation list"));
    assert!(!broken(|pem| pem.clients_root = Some(b"-----BEGIN".to_vec())).is_empty());
    assert_eq!(visit(&world, &world.alpha).await.as_deref(), Some("HTTP/1.1 200 OK"));
}
