//! Roots are kept, certificates say who they are for, revocations are remembered.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use config_core::{Clock, Issuer as _};
use jiff::Timestamp;
use x509_parser::prelude::FromDer as _;

use super::Authority;

#[derive(Debug)]
struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }
}

fn open(folder: &std::path::Path) -> Authority {
    Authority::open(folder, Arc::new(Fixed), || {}).unwrap()
}

#[tokio::test]
async fn a_tool_certificate_names_the_tool_and_is_signed_by_the_client_root() {
    let folder = tempfile::tempdir().unwrap();
    let authority = open(folder.path());
    let issued = authority.issue(&"wm-bot".parse().unwrap()).await.unwrap();
    let (_, pem) = x509_parser::pem::parse_x509_pem(issued.certificate_pem.as_bytes()).unwrap();
    let certificate = pem.parse_x509().unwrap();
    let subject = certificate.subject();
    assert_eq!(subject.iter_common_name().next().unwrap().as_str().unwrap(), "wm-bot");
    assert_eq!(subject.iter_organization().next().unwrap().as_str().unwrap(), "toolforge");
    assert_eq!(
        certificate.issuer().iter_common_name().next().unwrap().as_str().unwrap(),
        "Toolforge clients"
    );
    let serial: String = certificate.raw_serial().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(serial.trim_start_matches('0'), issued.certificate.serial.trim_start_matches('0'));
}

#[tokio::test]
async fn roots_survive_a_restart_and_keys_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let before = open(folder.path()).clients_pem().to_owned();
    assert_eq!(open(folder.path()).clients_pem(), before);
    for file in ["clients-ca.key", "mesh-ca.key"] {
        let mode = std::fs::metadata(folder.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_revocation_is_listed_announced_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let count = move || {
        counted.fetch_add(1, Ordering::Relaxed);
    };
    let authority = Authority::open(folder.path(), Arc::new(Fixed), count).unwrap();
    let serial = authority.issue(&"alpha".parse().unwrap()).await.unwrap().certificate.serial;
    authority.revoke(&serial).await.unwrap();
    authority.revoke(&serial).await.unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    let reopened = open(folder.path());
    let (_, pem) = x509_parser::pem::parse_x509_pem(reopened.revocation_list().unwrap().as_bytes()).unwrap();
    let (_, list) = x509_parser::revocation_list::CertificateRevocationList::from_der(&pem.contents).unwrap();
    assert_eq!(list.iter_revoked_certificates().count(), 1);
}

#[test]
fn a_broken_list_is_an_error_that_names_the_line() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    std::fs::write(folder.path().join("clients.revoked"), "0a 2026-01-01T00:00:00Z\nnonsense\n").unwrap();
    let error = Authority::open(folder.path(), Arc::new(Fixed), || {}).unwrap_err();
    assert!(error.to_string().contains("line 2"), "{error}");
}

#[test]
fn a_service_certificate_has_its_name_as_a_uri() {
    let folder = tempfile::tempdir().unwrap();
    let identity = open(folder.path()).service("jobs").unwrap();
    let (_, pem) = x509_parser::pem::parse_x509_pem(identity.certificate_pem.as_bytes()).unwrap();
    let certificate = pem.parse_x509().unwrap();
    let names = certificate.subject_alternative_name().unwrap().unwrap();
    assert!(format!("{names:?}").contains("spiffe://toolforge/service/jobs"));
}

#[test]
fn an_administrator_keeps_its_certificate() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let read = |file| std::fs::read_to_string(folder.path().join(file)).unwrap();
    open(folder.path()).keep_admin().unwrap();
    let (certificate, key) = (read("admin.crt"), read("admin.key"));
    open(folder.path()).keep_admin().unwrap();
    assert_eq!((read("admin.crt"), read("admin.key")), (certificate.clone(), key));
    let mode = std::fs::metadata(folder.path().join("admin.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (_, pem) = x509_parser::pem::parse_x509_pem(certificate.as_bytes()).unwrap();
    let certificate = pem.parse_x509().unwrap();
    let subject = certificate.subject();
    assert_eq!(subject.iter_organization().next().unwrap().as_str().unwrap(), "admins");
    std::fs::remove_file(folder.path().join("admin.key")).unwrap();
    open(folder.path()).keep_admin().unwrap();
    assert!(read("admin.key").contains("PRIVATE KEY"), "half a pair is made anew");
}
