//! The parts of an image reference, as Toolforge splits it.

use std::fmt;

use engine::Image;

/// `host/project/path:tag@digest`, all but the path optional.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reference<'a> {
    pub(super) host: Option<&'a str>,
    pub(super) project: Option<&'a str>,
    pub(super) path: &'a str,
    pub(super) tag: Option<&'a str>,
    pub(super) digest: Option<&'a str>,
}

impl<'a> Reference<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        let (host, rest) = match rest.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) => (Some(first), rest),
            _ => (None, rest),
        };
        let (project, rest) = match rest.split_once('/') {
            Some((first, rest)) if first.starts_with("tool-") => (Some(first), rest),
            _ => (None, rest),
        };
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
            _ => (rest, None),
        };
        Self { host, project, path, tag, digest }
    }

    /// Whether a catalogue image is meant: everything that was given must match.
    pub(super) fn matches(&self, image: &Image) -> bool {
        let url = Reference::parse(&image.url);
        let short = Reference::parse(&image.shortname);
        if self.project.is_some() || short.project.is_some() {
            return self.project == short.project
                && self.path == short.path
                && given(self.host, url.host)
                && given(self.tag, short.tag.or(url.tag).or(Some("latest")))
                && given(self.digest, url.digest.or(short.digest));
        }
        self.digest.is_none()
            && given(self.tag, url.tag.or(Some("latest")))
            && given(self.host, url.host)
            && self.names(image)
    }

    /// Whether the path is one of the names of a prebuilt image.
    fn names(&self, image: &Image) -> bool {
        let by_url = |url: &String| Reference::parse(url).path == self.path;
        let by_name = |name: &String| name == self.path;
        by_name(&image.shortname)
            || image.aliases.iter().any(by_name)
            || by_url(&image.url)
            || image.variant_urls.iter().any(by_url)
    }
}

impl fmt::Display for Reference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [self.host, self.project].into_iter().flatten() {
            write!(f, "{part}/")?;
        }
        f.write_str(self.path)?;
        if let Some(tag) = self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

fn given(wanted: Option<&str>, known: Option<&str>) -> bool {
    wanted.is_none() || wanted == known
}
