//! The images that an engine can run, in the terms of Toolforge's `image-config` (contract 3.10).

/// One image of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The name users write, for example `python3.11`.
    pub shortname: String,
    /// The URL that replies show and that jobs run: the web variant where there is one.
    pub url: String,
    /// Other short names, for example `tf-python311`.
    pub aliases: Vec<String>,
    /// Every URL (without tag) that means this image: its jobs and its web variant.
    pub variant_urls: Vec<String>,
    /// Whether users should still choose it.
    pub state: ImageState,
    /// What a webservice job gets from the image; none where the image has no web variant.
    pub web: Option<WebDefaults>,
}

impl Image {
    /// Whether a workload's image reference means this image: its short name, an alias, or one of its URLs with any tag.
    pub fn is_called(&self, reference: &str) -> bool {
        let names = self.aliases.iter().chain([&self.shortname, &self.url]);
        let mut urls = self.variant_urls.iter().chain([&self.url]);
        names.into_iter().any(|name| name == reference)
            || urls.any(|url| untagged(url) == untagged(reference))
    }
}

/// The reference without its tag.
fn untagged(reference: &str) -> &str {
    match reference.rsplit_once(':') {
        // a colon before the last slash is that of a port
        Some((url, tag)) if !tag.contains('/') => url,
        _ => reference,
    }
}

/// Whether an image should still be chosen; the words are the contract's (3.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ImageState {
    /// Supported, and the only ones that are listed.
    Stable,
    /// Runs, but not listed.
    Deprecated,
    /// Not in the catalogue (any more).
    #[default]
    Unknown,
}

/// Defaults of a webservice job on an image (contract 3.14).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebDefaults {
    /// The command's words; `{port}` stands for the port.
    pub command: Vec<String>,
    /// The port the command listens on.
    pub port: u16,
    /// Memory as the contract spells quantities, where the image asks for other than the usual.
    pub memory: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_called_by_its_names_and_by_its_urls_with_any_tag() {
        let image = Image {
            shortname: "node20".to_owned(),
            url: "registry.example:5000/node20-web:latest".to_owned(),
            aliases: vec!["tf-node20".to_owned()],
            variant_urls: vec!["registry.example:5000/node20".to_owned()],
            state: ImageState::Stable,
            web: None,
        };
        let url = "registry.example:5000/node20-web";
        for name in
            ["node20", "tf-node20", url, "registry.example:5000/node20:v3", "registry.example:5000/node20"]
        {
            assert!(image.is_called(name), "{name}");
        }
        for name in ["", "node", "node20:latest", "registry.example", "registry.example:5000/node2"] {
            assert!(!image.is_called(name), "{name}");
        }
    }
}
