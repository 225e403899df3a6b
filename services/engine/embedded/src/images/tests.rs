//! The catalogue: made once, edited by people, found by every name.

#![allow(clippy::unwrap_used, reason = "tests")]

use engine::ImageState;

use super::*;

const TEXT: &str = "
python3.11:
  aliases: [tf-python311]
  state: stable
  variants:
    jobs-framework: {image: docker-registry.tools.wmflabs.org/toolforge-python311-sssd-base}
    webservice: {image: docker-registry.tools.wmflabs.org/toolforge-python311-sssd-web, extra: {wstype: python3.11}}
  webservice-defaults: {command: [serve, '{port}'], port: 8000}
  runs: {on: host, binds: [{source: /usr/lib, target: /opt/python}], path: [/opt/python/bin]}
gone:
  state: deprecated
  variants: {jobs-framework: {image: example.org/gone}}
  runs: {on: rootfs, root: /nonexistent/root}
";

fn open(text: &str, tier: Tier) -> (tempfile::TempDir, io::Result<Images>) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(FILE), text).unwrap();
    let images = Images::open(directory.path(), tier, &[]);
    (directory, images)
}

#[test]
fn an_image_is_found_by_every_name() {
    let (_directory, images) = open(TEXT, Tier::Full);
    let images = images.unwrap();
    let names = [
        "python3.11",
        "tf-python311",
        "toolforge-python311-sssd-base",
        "toolforge-python311-sssd-base:latest",
        "toolforge-python311-sssd-web",
        "docker-registry.tools.wmflabs.org/toolforge-python311-sssd-web:latest",
    ];
    for name in names {
        let runtime = images.find(name).unwrap();
        assert!(runtime.path().starts_with("/opt/python/bin:/opt/toolforge/bin:/usr"), "{}", runtime.path());
    }
    for name in ["python3", "gone", "", "example.org/toolforge-python311-sssd-web", "/"] {
        assert!(matches!(images.find(name), Err(Error::UnknownImage(_))), "{name}");
    }
}

#[test]
fn what_can_run_is_listed_in_the_words_of_the_contract() {
    let (_directory, images) = open(TEXT, Tier::Full);
    let list = images.unwrap().list();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].url, "docker-registry.tools.wmflabs.org/toolforge-python311-sssd-web:latest");
    assert_eq!(list[0].state, ImageState::Stable);
    assert_eq!(list[0].web.as_ref().unwrap().port, 8000);
    assert_eq!(list[0].variant_urls.len(), 2);
}

#[test]
fn a_plain_process_searches_the_machines_own_paths() {
    let (directory, images) = open(TEXT, Tier::Process);
    let path = images.unwrap().find("python3.11").unwrap().path();
    let ours = directory.path().join("bin");
    assert!(path.starts_with(&format!("/usr/lib/bin:{}:/usr", ours.display())), "{path}");
}

#[test]
fn a_bad_file_is_refused_by_name_and_place() {
    let cases = [
        ("python3.11: [", "catalogue.yaml"),
        ("a: {variants: {}, runs: {on: host}}", "a: variants is empty"),
        ("a: {variants: {b: {image: c}}, runs: {on: moon}}", "moon"),
        ("a: {variants: {b: {image: c}}, runs: {on: host, root: /x}}", "runs.root"),
        ("a: {variants: {b: {image: c}}, runs: {on: host, path: [bin]}}", "bin is not an absolute path"),
        ("a: {variants: {b: {image: c}}, runs: {on: host}, varaints: {}}", "varaints"),
    ];
    for (text, expected) in cases {
        let error = open(text, Tier::Full).1.unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("catalogue.yaml"), "{error}");
    }
}

#[test]
fn the_first_catalogue_has_this_machine_and_is_not_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let first = Images::open(directory.path(), Tier::Full, &[PathBuf::from("/usr/bin")]).unwrap().list();
    assert!(!first.is_empty());
    let file = directory.path().join(FILE);
    let made = fs::read_to_string(&file).unwrap();
    assert!(made.starts_with("# Images that jobs can use here"));
    fs::write(&file, TEXT).unwrap();
    let again = Images::open(directory.path(), Tier::Full, &[PathBuf::from("/usr/bin")]).unwrap();
    assert_eq!(again.list()[0].shortname, "python3.11");
    assert_eq!(fs::read_to_string(&file).unwrap(), TEXT);
}

#[test]
fn an_edit_is_noticed_and_a_bad_one_does_no_harm() {
    let (directory, images) = open(TEXT, Tier::Full);
    let images = images.unwrap();
    let file = directory.path().join(FILE);
    fs::write(&file, "nonsense: [").unwrap();
    assert!(images.find("python3.11").is_ok());
    fs::write(&file, TEXT.replace("python3.11:", "python3.12:")).unwrap();
    assert!(images.find("python3.12").is_ok());
    assert!(images.find("python3.11").is_err());
}
