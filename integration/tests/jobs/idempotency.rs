//! What is beyond today's clients: requests that may be sent again, changes that must not be lost, trials, pages.

use anyhow::Result;
use integration::Platform;
use serde_json::{Value, json};

use crate::SHELL;
use crate::rest::{Alpha, reason};

const ID: &str = "4d7a1f3c-6b0e-4f3a-9d53-0a1b2c3d4e5f";

#[test]
fn a_request_id_has_one_effect() -> Result<()> {
    let platform = Platform::start()?;
    let alpha = Alpha::new(&platform)?;
    let once = json!({"name": "once", "imagename": SHELL, "cmd": "echo ran", "emails": "none"});
    let path = format!("/jobs?request_id={ID}");
    let mut uids = Vec::new();
    for _ in 0..3 {
        let created = alpha.send("POST", &path, Some(once.clone()))?;
        assert_eq!(created.status, 201, "{created:?}");
        let body: Value = serde_json::from_str(&created.body)?;
        uids.push(body["job"]["uid"].clone());
        alpha.becomes("once", "succeeded")?;
    }
    assert!(uids[0].is_string() && uids.iter().all(|uid| *uid == uids[0]), "{uids:?}");
    assert_eq!(alpha.home.read("once.out")?, "ran\n");

    let mut other = once;
    other["cmd"] = json!("echo another");
    let refused = alpha.send("POST", &path, Some(other))?;
    assert_eq!((refused.status, reason(&refused)?.as_str()), (400, "REQUEST_ID_REUSED"), "{refused:?}");
    assert_eq!(alpha.home.read("once.out")?, "ran\n");
    let no_uuid = alpha.send("POST", "/jobs?request_id=5", Some(json!({"name": "a"})))?;
    assert_eq!(no_uuid.status, 400, "{no_uuid:?}");
    Ok(())
}

#[test]
fn etags_trials_and_pages() -> Result<()> {
    let platform = Platform::start()?;
    let alpha = Alpha::new(&platform)?;
    let job = |name: &str, timeout: u32| json!({"name": name, "imagename": SHELL, "cmd": "true", "schedule": "@yearly", "timeout": timeout});
    let trial = alpha.send("POST", "/jobs?validate_only=true", Some(job("a", 1)))?;
    assert_eq!(trial.status, 201, "{trial:?}");
    assert_eq!(alpha.get("/jobs")?["jobs"], json!([]));
    let bad = alpha.send("POST", "/jobs?validate_only=True", Some(job("A", 1)))?;
    assert_eq!(bad.status, 400, "{bad:?}");

    for name in ["a", "b", "c"] {
        assert_eq!(alpha.send("POST", "/jobs", Some(job(name, 1)))?.status, 201);
    }
    let etag = |name: &str| alpha.get(&format!("/jobs/{name}")).map(|found| found["job"]["etag"].clone());
    let first = etag("a")?;
    let first = first.as_str().unwrap();
    let changed = alpha.send("PATCH", &format!("/jobs?etag={first}"), Some(job("a", 2)))?;
    assert_eq!(changed.status, 200, "{changed:?}");
    for (method, path, body) in [
        ("PATCH", format!("/jobs?etag={first}"), Some(job("a", 3))),
        ("DELETE", format!("/jobs/a?etag={first}"), None),
    ] {
        let refused = alpha.send(method, &path, body)?;
        assert_eq!((refused.status, reason(&refused)?.as_str()), (409, "ETAG_MISMATCH"), "{refused:?}");
    }
    assert_eq!(alpha.get("/jobs/a")?["job"]["timeout"], 2);
    pages(&alpha)?;
    let second = etag("a")?;
    let deleted = alpha.send("DELETE", &format!("/jobs/a?etag={}", second.as_str().unwrap()), None)?;
    assert_eq!(deleted.status, 200, "{deleted:?}");
    Ok(())
}

fn pages(alpha: &Alpha) -> Result<()> {
    let mut seen = Vec::new();
    let mut path = "/jobs?page_size=2&include_unset=False".to_owned();
    for _ in 0..2 {
        let page = alpha.get(&path)?;
        seen.extend(page["jobs"].as_array().unwrap().iter().map(|job| job["name"].clone()));
        assert!(page["jobs"][0].get("status").is_none(), "{page}");
        let token = page["next_page_token"].as_str().unwrap_or_default();
        path = format!("/jobs?page_size=2&include_unset=False&page_token={token}");
        if seen.len() == 3 {
            assert_eq!(token, "");
        }
    }
    assert_eq!(seen, ["a", "b", "c"]);
    Ok(())
}
