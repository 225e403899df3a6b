//! Homes hold what clients read, belong to their tools, and follow no links.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use config_core::{Certificate, Credentials, Tenancy as _, Tool};

use super::{Addresses, Homes, Ownership};

fn tool() -> Tool {
    Tool {
        name: "alpha".parse().unwrap(),
        uid: "u1".into(),
        unix_id: 50_001,
        created: jiff::Timestamp::UNIX_EPOCH,
        certificate: None,
        removing: None,
    }
}

fn addresses(port: u16) -> Addresses {
    Addresses {
        gateway: format!("https://127.0.0.1:{port}"),
        ca_file: "/a \"quoted\" path/ca.crt".into(),
        publish_url_template: "http://{tool_name}.localhost:30000".into(),
    }
}

fn homes(folder: &Path) -> Homes {
    Homes::open(folder, Ownership::of_this_process(), addresses(30003)).unwrap()
}

fn credentials() -> Credentials {
    Credentials {
        certificate: Certificate { serial: "0a".into(), expires: jiff::Timestamp::MAX },
        certificate_pem: "certificate".into(),
        key_pem: "key".into(),
    }
}

#[tokio::test]
async fn a_home_has_what_clients_read_and_belongs_to_the_tool() {
    let folder = tempfile::tempdir().unwrap();
    let homes = homes(folder.path());
    homes.create(&tool()).await.unwrap();
    homes.install(&tool(), &credentials()).await.unwrap();
    let home = homes.home(&tool().name);
    assert!(home.is_absolute());
    let kubeconfig = fs::read_to_string(home.join(".kube/config")).unwrap();
    assert!(kubeconfig.contains("namespace: tool-alpha\n"), "{kubeconfig}");
    let key = fs::metadata(home.join(".toolskube/client.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o400);
    assert_eq!(fs::metadata(&home).unwrap().permissions().mode() & 0o777, 0o700);
    if Ownership::of_this_process() == Ownership::PerTool {
        for path in ["", ".kube", ".kube/config", ".toolskube/client.key", ".toolforge.yaml"] {
            assert_eq!(fs::metadata(home.join(path)).unwrap().uid(), 50_001, "{path:?}");
        }
    }
    assert!(homes.installed(&tool(), "0a").await.unwrap());
    assert!(!homes.installed(&tool(), "0b").await.unwrap());
}

#[tokio::test]
async fn a_new_address_reaches_every_home() {
    let folder = tempfile::tempdir().unwrap();
    let homes = homes(folder.path());
    homes.create(&tool()).await.unwrap();
    homes.relocate(addresses(40003));
    homes.create(&tool()).await.unwrap();
    let config = fs::read_to_string(homes.home(&tool().name).join(".toolforge.yaml")).unwrap();
    assert!(config.contains("url: \"https://127.0.0.1:40003\""), "{config}");
    assert!(config.contains(r#"ca_file: "/a \"quoted\" path/ca.crt""#), "{config}");
}

#[tokio::test]
async fn links_that_a_tool_plants_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let homes = homes(folder.path());
    homes.create(&tool()).await.unwrap();
    let home = homes.home(&tool().name);
    fs::remove_dir_all(home.join(".toolskube")).unwrap();
    symlink(outside.path(), home.join(".toolskube")).unwrap();
    assert!(homes.install(&tool(), &credentials()).await.is_err());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn removal_keeps_the_home_unless_told() {
    let folder = tempfile::tempdir().unwrap();
    let homes = homes(folder.path());
    homes.create(&tool()).await.unwrap();
    homes.install(&tool(), &credentials()).await.unwrap();
    let home = homes.home(&tool().name);
    homes.remove(&tool(), false).await.unwrap();
    assert!(home.is_dir() && !home.join(".toolskube").exists());
    homes.remove(&tool(), true).await.unwrap();
    homes.remove(&tool(), true).await.unwrap();
    assert!(!home.exists());
}
