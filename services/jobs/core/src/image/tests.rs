#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use super::*;

const DIGEST: &str = "sha256:aaaa";

fn catalogue() -> Vec<Image> {
    let registry = "docker-registry.tools.wmflabs.org";
    let image = |shortname: &str, url: String, state| Image {
        shortname: shortname.to_owned(),
        url,
        aliases: Vec::new(),
        variant_urls: Vec::new(),
        state,
        web: None,
    };
    let mut python =
        image("python3.9", format!("{registry}/toolforge-python39-sssd-web:latest"), ImageState::Deprecated);
    python.aliases = vec!["tf-python39".to_owned(), "tf-python39-DEPRECATED".to_owned()];
    python.variant_urls = vec![
        format!("{registry}/toolforge-python39-sssd-base"),
        format!("{registry}/toolforge-python39-sssd-web"),
    ];
    vec![
        python,
        image("python3.11", format!("{registry}/toolforge-python311-sssd-web:latest"), ImageState::Stable),
        image("bookworm", format!("{registry}/toolforge-bookworm-sssd:latest"), ImageState::Stable),
        image(
            "tool-x/img:latest",
            format!("harbor.example.org/tool-x/img:latest@{DIGEST}"),
            ImageState::Stable,
        ),
    ]
}

fn find(name: &str) -> Result<(String, String), String> {
    ResolvedImage::find(name, &catalogue()).map(|image| (image.name, image.url)).map_err(|error| error.url)
}

#[test]
fn every_name_of_a_prebuilt_image_leads_to_its_web_variant() {
    let url = "docker-registry.tools.wmflabs.org/toolforge-python39-sssd-web:latest";
    for name in [
        "python3.9",
        "python3.9:latest",
        "tf-python39",
        "tf-python39-DEPRECATED",
        "toolforge-python39-sssd-base",
        "toolforge-python39-sssd-base:latest",
        "toolforge-python39-sssd-web",
        "toolforge-python39-sssd-web:latest",
        "docker-registry.tools.wmflabs.org/toolforge-python39-sssd-base:latest",
        "docker-registry.tools.wmflabs.org/toolforge-python39-sssd-web",
        url,
    ] {
        assert_eq!(find(name), Ok(("python3.9".to_owned(), url.to_owned())), "{name}");
    }
    assert_eq!(ResolvedImage::find("python3.9", &catalogue()).unwrap().origin, Origin::Prebuilt);
}

#[test]
fn a_built_image_keeps_the_digest_only_when_given() {
    for name in ["tool-x/img", "tool-x/img:latest", "harbor.example.org/tool-x/img:latest"] {
        let expected = ("tool-x/img:latest".to_owned(), "harbor.example.org/tool-x/img:latest".to_owned());
        assert_eq!(find(name), Ok(expected), "{name}");
    }
    let pinned = "tool-x/img:latest@sha256:aaaa";
    for name in [pinned, "harbor.example.org/tool-x/img:latest@sha256:aaaa"] {
        assert_eq!(find(name), Ok((pinned.to_owned(), format!("harbor.example.org/{pinned}"))), "{name}");
    }
    assert_eq!(ResolvedImage::find(pinned, &catalogue()).unwrap().origin, Origin::Built);
}

#[test]
fn what_does_not_match_is_named_in_full() {
    for name in [
        "python3.10",
        "python3.11:old",
        "example.org/python3.11",
        "python3.11@sha256:aaaa",
        "tool-y/img:latest",
        "tool-x/other",
        "tool-x/img:v2",
        "tool-x/img:latest@sha256:bbbb",
        "example.org/tool-x/img:latest",
        "",
        "@",
        "a/b/c:d@e",
    ] {
        assert_eq!(find(name), Err(name.to_owned()));
    }
}

#[test]
fn only_stable_images_are_listed_in_order() {
    let names: Vec<String> = listed(&catalogue()).into_iter().map(|image| image.shortname).collect();
    assert_eq!(names, ["bookworm", "python3.11", "tool-x/img:latest"]);
}
