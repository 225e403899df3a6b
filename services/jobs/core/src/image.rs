//! From the name of an image that a user writes to the image that runs (contract 3.10).

mod reference;
#[cfg(test)]
mod tests;

use engine::{Image, ImageState, WebDefaults};

use reference::Reference;

/// An image of the catalogue that a name led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedImage {
    /// The canonical short name, with the digest when the user gave one; shown as `image` and `imagename`.
    pub name: String,
    /// What the engine is asked to run.
    pub url: String,
    /// Who made it.
    pub origin: Origin,
    /// Whether it should still be chosen.
    pub state: ImageState,
    /// What it gives a webservice.
    pub web: Option<WebDefaults>,
}

/// Who made an image; many defaults depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The site.
    Prebuilt,
    /// A tool, by the build service.
    Built,
}

/// A name that leads to no image; holds what a refusal shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSuchImage {
    /// The reference in full.
    pub url: String,
}

impl ResolvedImage {
    /// Finds what a name means in a catalogue.
    pub fn find(name: &str, catalogue: &[Image]) -> Result<Self, NoSuchImage> {
        let wanted = Reference::parse(name);
        // stored definitions have canonical names: no need to take every image's names apart
        let exact = catalogue.iter().find(|image| image.shortname == name);
        let found = exact.or_else(|| catalogue.iter().find(|image| wanted.matches(image)));
        found.map(|image| Self::new(image, &wanted)).ok_or_else(|| NoSuchImage { url: wanted.to_string() })
    }

    /// An image that was in the catalogue when its job was made, and is no longer.
    pub fn vanished(name: &str, url: &str) -> Self {
        Self {
            name: name.to_owned(),
            url: url.to_owned(),
            origin: origin(name),
            state: ImageState::Unknown,
            web: None,
        }
    }

    fn new(image: &Image, wanted: &Reference) -> Self {
        // a digest is part of the result only where the user gave one
        let pin = |text: &str| {
            let unpinned = text.split_once('@').map_or(text, |(text, _)| text);
            wanted.digest.map_or_else(|| unpinned.to_owned(), |digest| format!("{unpinned}@{digest}"))
        };
        Self {
            name: pin(&image.shortname),
            url: pin(&image.url),
            origin: origin(&image.shortname),
            state: image.state,
            web: image.web.clone(),
        }
    }
}

/// Built images live in a project that is named after the tool.
fn origin(name: &str) -> Origin {
    if Reference::parse(name).project.is_some() { Origin::Built } else { Origin::Prebuilt }
}

/// The images that are listed: stable ones, by short name.
pub(crate) fn listed(catalogue: &[Image]) -> Vec<Image> {
    let mut listed: Vec<Image> =
        catalogue.iter().filter(|image| image.state == ImageState::Stable).cloned().collect();
    listed.sort_by(|a, b| a.shortname.cmp(&b.shortname));
    listed
}
