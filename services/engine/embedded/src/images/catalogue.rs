//! The catalogue file: Toolforge's `image-config` (contract 3.10), and per entry how it runs here.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use engine::{Image, ImageState, WebDefaults};
use engine_shim::{Bind, Tier};
use serde::{Deserialize, Serialize};

use super::Runtime;

/// No catalogue is larger.
const LARGEST: u64 = 1 << 20;

const HEADING: &str = "\
# Images that jobs can use here, in the form of Toolforge's image-config, and in `runs` how each runs on this machine:
#   on: host            the machine's own programs, read-only, and nothing else of it
#   on: rootfs          the unpacked image in `root`
#   binds               more of the machine, read-only: {source: /on/the/machine, target: /inside}
#   path                directories that are searched for programs first
#   libraries           directories that are searched for shared libraries first
# It was made when the server first started, and is yours: edits are noticed and never overwritten.
# Delete the file to have it made again.
";

/// One image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Entry {
    #[serde(default)]
    pub(super) aliases: Vec<String>,
    #[serde(default)]
    pub(super) state: State,
    pub(super) variants: BTreeMap<String, Variant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) webservice_defaults: Option<Web>,
    pub(super) runs: Runs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    #[default]
    Stable,
    Deprecated,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variant {
    pub(super) image: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) extra: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Web {
    pub(super) command: Vec<String>,
    pub(super) port: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) memory: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Runs {
    pub(super) on: On,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) root: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) binds: Vec<Place>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) path: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) libraries: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum On {
    Host,
    Rootfs,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    pub(super) source: PathBuf,
    pub(super) target: PathBuf,
}

/// A directory of the machine inside an instance, read-only.
pub(super) fn bind(source: &Path, target: &Path) -> Bind {
    Bind { source: source.to_owned(), target: target.to_owned(), read_only: true, optional: false }
}

/// The variant that webservices run.
const WEB: &str = "webservice";

impl Entry {
    /// Whether `reference` means this image: short name, alias, or a URL or its last part, with or without tag.
    pub(super) fn is_called(&self, name: &str, reference: &str) -> bool {
        let bare = untagged(reference);
        name == bare
            || self.aliases.iter().any(|alias| alias == bare)
            || self.urls().any(|url| url == bare || url.rsplit('/').next() == Some(bare))
    }

    /// Whether everything it runs from is there.
    pub(super) fn is_here(&self, tier: Tier) -> bool {
        let root = self.runs.root.as_deref().is_none_or(Path::is_dir);
        // an image of its own cannot be entered without a file system of its own
        let enterable = self.runs.on == On::Host || tier != Tier::Process;
        root && enterable && self.runs.binds.iter().all(|place| place.source.exists())
    }

    /// The port's words for it.
    pub(super) fn image(&self, name: &str) -> Image {
        let shown = self.variants.get(WEB).or_else(|| self.variants.values().next());
        let web = self.webservice_defaults.as_ref();
        Image {
            shortname: name.to_owned(),
            url: shown.map_or_else(String::new, |variant| tagged(&variant.image)),
            aliases: self.aliases.clone(),
            variant_urls: self.urls().map(str::to_owned).collect(),
            state: match self.state {
                State::Stable => ImageState::Stable,
                State::Deprecated => ImageState::Deprecated,
            },
            web: web.map(|Web { command, port, memory }| WebDefaults {
                command: command.clone(),
                port: *port,
                memory: memory.clone(),
            }),
        }
    }

    pub(super) fn runtime(&self) -> Runtime {
        let Runs { on, root, binds, path, libraries } = &self.runs;
        Runtime {
            rootfs: root.clone().filter(|_| *on == On::Rootfs),
            binds: binds.iter().map(|place| bind(&place.source, &place.target)).collect(),
            path: path.clone(),
            libraries: libraries.clone(),
        }
    }

    fn urls(&self) -> impl Iterator<Item = &str> {
        self.variants.values().map(|variant| untagged(&variant.image))
    }

    /// What is wrong with it, where something is.
    fn flaw(&self) -> Option<String> {
        let Runs { on, root, binds, path, libraries } = &self.runs;
        if self.variants.is_empty() {
            return Some("variants is empty".to_owned());
        }
        if root.is_some() != (*on == On::Rootfs) {
            return Some("runs.root belongs to `on: rootfs`, and only there".to_owned());
        }
        let places = binds.iter().flat_map(|place| [&place.source, &place.target]).chain(root);
        let mut paths = places.map(PathBuf::as_path).chain(path.iter().chain(libraries).map(Path::new));
        let bad = paths
            .find(|path| !path.is_absolute() || path.components().any(|part| part.as_os_str() == ".."))?;
        Some(format!("{} is not an absolute path", bad.display()))
    }
}

fn untagged(reference: &str) -> &str {
    let start = reference.rfind('/').map_or(0, |slash| slash + 1);
    let tag = reference.get(start..).and_then(|last| last.find(':'));
    tag.and_then(|tag| reference.get(..start + tag)).unwrap_or(reference)
}

fn tagged(reference: &str) -> String {
    if untagged(reference) == reference { format!("{reference}:latest") } else { reference.to_owned() }
}

/// Reads a catalogue.
pub(super) fn read(path: &Path) -> io::Result<Vec<(String, Entry)>> {
    let bad = |reason: String| {
        io::Error::new(io::ErrorKind::InvalidData, format!("image catalogue {}: {reason}", path.display()))
    };
    let size = fs::metadata(path).map_err(|error| bad(error.to_string()))?.len();
    if size > LARGEST {
        return Err(bad(format!("it has {size} bytes, more than {LARGEST}")));
    }
    let text = fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    let entries: BTreeMap<String, Entry> =
        serde_saphyr::from_str(&text).map_err(|error| bad(error.to_string()))?;
    for (name, entry) in &entries {
        if let Some(flaw) = entry.flaw() {
            return Err(bad(format!("{name}: {flaw}")));
        }
    }
    Ok(entries.into_iter().collect())
}

/// A catalogue as text.
pub(super) fn render(entries: &BTreeMap<String, Entry>) -> io::Result<String> {
    let body = serde_saphyr::to_string(entries).map_err(io::Error::other)?;
    Ok(format!("{HEADING}{body}"))
}
