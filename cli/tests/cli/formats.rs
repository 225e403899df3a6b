//! Our own formats.

use crate::platform::Platform;
use crate::samples;

fn platform() -> Platform {
    let platform = Platform::start();
    platform.state().jobs = samples::jobs();
    platform.state().images = samples::images();
    platform.state().quota = samples::quota();
    platform
}

#[test]
fn columns_have_no_frame() {
    let platform = platform();
    let out = platform.run("jobs list -o table").ok();
    let mut lines = out.lines();
    assert_eq!(lines.next(), Some("NAME         TYPE         STATUS      FOR      IMAGE"));
    assert_eq!(lines.next(), Some("j1           one-off      succeeded   5m       python3.11"));
    assert_eq!(lines.count(), 5);
    assert!(platform.run("jobs list -o wide").ok().starts_with("NAME         TYPE         STATUS"));
    assert_eq!(platform.run("jobs show c1 -o table").ok().lines().count(), 2);
    assert!(platform.run("jobs images -o table").ok().starts_with("NAME         IMAGE\nbookworm"));
    assert!(platform.run("jobs quota -o table").ok().starts_with("CATEGORY          NAME"));
}

#[test]
fn json_and_yaml_are_the_replies_of_rest() {
    let platform = platform();
    let json: serde_json::Value = serde_json::from_str(&platform.run("jobs list -o json").ok()).unwrap();
    assert_eq!(json["jobs"][2]["job_type"], "continuous");
    assert_eq!(json["jobs"][2]["health_check"], serde_json::json!({"type": "http", "path": "/healthz"}));
    assert_eq!(json["jobs"][1]["status"]["next_schedule"], "2026-03-02T02:01:00Z");
    assert_eq!(json["messages"], serde_json::json!({}));
    for (arguments, key) in [("show j1", "job"), ("images", "images"), ("quota", "quota")] {
        let text = platform.run(&format!("jobs {arguments} -o json")).ok();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let yaml: serde_json::Value =
            serde_saphyr::from_str(&platform.run(&format!("jobs {arguments} -o yaml")).ok()).unwrap();
        assert!(!json[key].is_null(), "{text}");
        assert_eq!(json, yaml);
    }
}

#[test]
fn nothing_is_json_too() {
    let json: serde_json::Value =
        serde_json::from_str(&Platform::start().run("jobs list -o json").ok()).unwrap();
    assert_eq!(json, serde_json::json!({"jobs": [], "messages": {}}));
}
