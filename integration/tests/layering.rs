//! Who may know whom: the edges between crates are those that ARCHITECTURE.md allows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Every crate of the workspace, with the crates of the workspace that it may use. Development dependencies do not
/// count, but for the crate itself.
const ALLOWED: &[(&str, &[&str])] = &[
    ("api", &[]),
    ("options", &[]),
    ("durable", &[]),
    ("mesh-http2", &[]),
    ("mesh", &["mesh-http2", "options"]),
    ("store", &[]),
    ("store-embedded", &["durable", "store"]),
    ("engine", &[]),
    ("engine-logs", &["engine"]),
    ("engine-network", &["durable"]),
    ("engine-router", &[]),
    ("engine-shim", &["durable", "engine-logs"]),
    (
        "engine-embedded",
        &["durable", "engine", "engine-logs", "engine-network", "engine-router", "engine-shim"],
    ),
    ("jobs-core", &["engine"]),
    (
        "jobs",
        &[
            "api",
            "durable",
            "engine",
            "engine-embedded",
            "engine-network",
            "engine-router",
            "engine-shim",
            "jobs-core",
            "mesh",
            "options",
            "store",
            "store-embedded",
        ],
    ),
    ("config-core", &[]),
    ("config", &["api", "config-core", "durable", "mesh", "store", "store-embedded"]),
    ("transcode", &[]),
    ("gateway", &["mesh", "options", "transcode"]),
    ("gateway-suite", &["integration", "transcode"]),
    ("gateway-bench", &[]),
    ("cli", &["api", "durable", "mesh", "options"]),
    (
        "all",
        &[
            "api",
            "config",
            "config-core",
            "engine-embedded",
            "engine-router",
            "engine-shim",
            "gateway",
            "jobs",
            "jobs-core",
            "mesh",
            "options",
        ],
    ),
    ("integration", &[]),
];

/// What a service needs for its binary on one machine only: its library builds without.
const OPTIONAL: &[(&str, &[&str])] = &[
    (
        "jobs",
        &[
            "durable",
            "engine-embedded",
            "engine-network",
            "engine-router",
            "engine-shim",
            "options",
            "store-embedded",
        ],
    ),
    ("config", &["store-embedded"]),
];

/// External crates that only the named crates may use directly.
const ONLY: &[(&str, &[&str])] = &[
    ("rusqlite", &["store-embedded"]),
    ("tonic", &["api", "mesh", "jobs", "config", "gateway", "gateway-suite", "gateway-bench", "cli", "all"]),
    (
        "prost",
        &[
            "api",
            "options",
            "mesh",
            "jobs",
            "config",
            "gateway",
            "gateway-suite",
            "gateway-bench",
            "cli",
            "transcode",
            "all",
        ],
    ),
    ("axum", &[]),
    ("kube", &[]),
];

/// Crates that hold rules alone: they cannot name wires, stores or serializers.
const CORES: &[&str] = &["jobs-core", "config-core"];
const NOT_IN_CORES: &[&str] =
    &["tonic", "prost", "prost-types", "kube", "rusqlite", "serde", "serde_json", "hyper", "http"];

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    dependencies_that(|_| true)
}

/// The dependencies of each crate that `wanted` takes.
fn dependencies_that(wanted: impl Fn(&Value) -> bool) -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo metadata");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let direct = |package: &Value| {
        let own = package["dependencies"].as_array().unwrap().iter();
        own.filter(|dependency| dependency["kind"].is_null() && wanted(dependency)).map(name).collect()
    };
    metadata["packages"].as_array().unwrap().iter().map(|package| (name(package), direct(package))).collect()
}

#[test]
fn crates_know_only_whom_they_may() {
    let found = dependencies();
    let allowed: BTreeMap<_, BTreeSet<_>> =
        ALLOWED.iter().map(|(name, uses)| (*name, uses.iter().copied().collect())).collect();
    let ours: BTreeSet<_> = found.keys().map(String::as_str).collect();
    assert_eq!(ours, allowed.keys().copied().collect(), "a crate came or went: say here whom it may know");
    for (name, uses) in &found {
        for used in uses.iter().filter(|used| ours.contains(used.as_str())) {
            assert!(allowed[name.as_str()].contains(used.as_str()), "{name} may not use {used}");
        }
    }
}

#[test]
fn services_build_without_an_engine_and_a_store() {
    let needed = dependencies_that(|dependency| dependency["optional"] == false);
    for (service, optional) in OPTIONAL {
        for used in *optional {
            assert!(!needed[*service].contains(*used), "{service} must build without {used}");
        }
    }
}

#[test]
fn some_crates_are_named_in_their_room_alone() {
    for (name, uses) in dependencies() {
        for (external, rooms) in ONLY {
            assert!(
                !uses.contains(*external) || rooms.contains(&name.as_str()),
                "{name} may not name {external}"
            );
        }
    }
}

#[test]
fn cores_cannot_name_wires_stores_or_serializers() {
    let found = dependencies();
    for core in CORES {
        for banned in NOT_IN_CORES {
            assert!(!found[*core].contains(*banned), "{core} may not name {banned}");
        }
    }
}
