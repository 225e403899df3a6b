//! The images that this machine can run: a catalogue file, read again when it changes.

mod catalogue;
mod detect;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use engine::{Error, Image};
use engine_shim::{Bind, Tier, host_binds};

use self::catalogue::Entry;

/// The file in `images/`.
const FILE: &str = "catalogue.yaml";
/// Where programs of ours are inside an instance.
const PROGRAMS: &str = "/opt/toolforge/bin";
/// What starts a web server by its type; the catalogue made at first start names it.
const RUNNER: (&str, &[u8]) = ("webservice-runner", include_bytes!("images/webservice-runner.sh"));
const HOST_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Where buildpacks put the processes of an image and their launcher (Platform API 0.15).
const BUILT_PATH: &str = "/cnb/process:/cnb/lifecycle";

/// How an image runs here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Runtime {
    /// An unpacked image; the machine's own programs where there is none.
    pub(crate) rootfs: Option<PathBuf>,
    /// What is seen beside that, read-only.
    binds: Vec<Bind>,
    /// Directories that are searched for programs first.
    path: Vec<String>,
    /// Directories that are searched for shared libraries first.
    libraries: Vec<String>,
}

impl Runtime {
    /// Everything of the machine that an instance sees.
    pub(crate) fn binds(&self) -> Vec<Bind> {
        let host = if self.rootfs.is_none() { host_binds() } else { Vec::new() };
        host.into_iter().chain(self.binds.iter().cloned()).collect()
    }

    /// The value of `PATH`.
    pub(crate) fn path(&self) -> String {
        let built = self.rootfs.is_some().then_some(BUILT_PATH);
        let own = self.path.iter().map(String::as_str);
        own.chain(built).chain([HOST_PATH]).collect::<Vec<_>>().join(":")
    }

    /// The value of `LD_LIBRARY_PATH`, where programs are not where they were installed and look there for libraries.
    pub(crate) fn libraries(&self) -> Option<String> {
        (!self.libraries.is_empty()).then(|| self.libraries.join(":"))
    }

    /// The same for a plain process, which sees the machine's own paths.
    fn unbound(mut self) -> Self {
        for entry in self.path.iter_mut().chain(&mut self.libraries) {
            let moved = self.binds.iter().find_map(|bind| {
                let rest = Path::new(entry.as_str()).strip_prefix(&bind.target).ok()?;
                Some(bind.source.join(rest))
            });
            if let Some(moved) = moved {
                moved.display().to_string().trim_end_matches('/').clone_into(entry);
            }
        }
        self
    }
}

/// The catalogue of this machine.
#[derive(Debug)]
pub(crate) struct Images {
    directory: PathBuf,
    tier: Tier,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    stamp: Option<(SystemTime, u64)>,
    entries: Vec<(String, Entry)>,
}

impl Images {
    /// Reads the catalogue, or makes it from what is found in `programs` (directories of programs).
    ///
    /// # Errors
    /// The file cannot be read or is not a catalogue; the error names the place.
    pub(crate) fn open(directory: &Path, tier: Tier, programs: &[PathBuf]) -> io::Result<Self> {
        let file = directory.join(FILE);
        if !file.exists() {
            let text = catalogue::render(&detect::entries(programs))?;
            durable::write(&file, text.as_bytes())?;
        }
        let bin = directory.join("bin");
        durable::make_directory(&bin)?;
        install(&bin)?;
        let stamp = stamp(&file);
        let entries = catalogue::read(&file)?;
        Ok(Self { directory: directory.to_owned(), tier, known: Mutex::new(Known { stamp, entries }) })
    }

    /// Every image that can be run now.
    pub(crate) fn list(&self) -> Vec<Image> {
        let known = self.known();
        let runnable = known.entries.iter().filter(|(_, entry)| entry.is_here(self.tier));
        runnable.map(|(name, entry)| entry.image(name)).collect()
    }

    /// How an image runs, by any of its names.
    ///
    /// # Errors
    /// [`Error::UnknownImage`] where there is none of that name, or its files are missing.
    pub(crate) fn find(&self, reference: &str) -> Result<Runtime, Error> {
        let known = self.known();
        let found = known.entries.iter().find(|(name, entry)| entry.is_called(name, reference));
        let found = found.filter(|(_, entry)| entry.is_here(self.tier));
        let (_, entry) = found.ok_or_else(|| Error::UnknownImage(reference.to_owned()))?;
        let mut runtime = entry.runtime();
        if runtime.rootfs.is_none() {
            runtime.path.push(PROGRAMS.to_owned());
            runtime.binds.push(catalogue::bind(&self.directory.join("bin"), Path::new(PROGRAMS)));
        }
        Ok(if self.tier == Tier::Process { runtime.unbound() } else { runtime })
    }

    /// Reads the file again where it changed. A bad one is told, and the last good one stays.
    fn known(&self) -> MutexGuard<'_, Known> {
        // what is inside is replaced whole
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let file = self.directory.join(FILE);
        let stamp = stamp(&file);
        if known.stamp != stamp {
            match catalogue::read(&file) {
                Ok(entries) => known.entries = entries,
                Err(error) => tracing::error!(%error, "the image catalogue is not used"),
            }
            known.stamp = stamp;
        }
        known
    }
}

fn stamp(file: &Path) -> Option<(SystemTime, u64)> {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Puts our programs where every instance can read them.
fn install(bin: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(bin, fs::Permissions::from_mode(0o755))?;
    let (name, contents) = RUNNER;
    let file = bin.join(name);
    if fs::read(&file).is_ok_and(|present| present == contents) {
        return Ok(());
    }
    durable::Replace::mode(0o755).write(&file, contents)
}

#[cfg(test)]
mod tests;
