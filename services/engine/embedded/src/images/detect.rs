//! The catalogue that a machine begins with: what is installed on it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::catalogue::{Entry, On, Place, Runs, State, Variant, Web};

/// Where the names of images come from, so that commands written for Toolforge work.
const REGISTRY: &str = "docker-registry.tools.wmflabs.org";
const PORT: u16 = 8000;
/// Older ones are past the end of their support.
const OLDEST_PYTHON: u32 = 9;

/// Everything that was found in directories of programs, and the machine itself.
pub(super) fn entries(programs: &[PathBuf]) -> BTreeMap<String, Entry> {
    let mut found = BTreeMap::new();
    let system =
        fs::read_to_string("/etc/os-release").map_or_else(|_| "host".to_owned(), |text| codename(&text));
    found.insert(system.clone(), plain(&system));
    for directory in programs {
        for prefix in prefixes(directory) {
            languages(&prefix, &mut found);
        }
    }
    found
}

/// The prefixes that a directory of programs stands for: pyenv's has many.
fn prefixes(directory: &Path) -> Vec<PathBuf> {
    let versions = directory.parent().map(|root| root.join("versions"));
    match versions {
        Some(versions) if directory.ends_with("shims") && versions.is_dir() => {
            let mut all: Vec<PathBuf> =
                fs::read_dir(versions).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
            // the newest patch of a version wins: it comes first
            all.sort_by_key(|path| std::cmp::Reverse(numbers(path)));
            all
        }
        _ => directory.parent().map(Path::to_owned).into_iter().collect(),
    }
}

fn numbers(path: &Path) -> Vec<u32> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

fn languages(prefix: &Path, found: &mut BTreeMap<String, Entry>) {
    let mut add = |name: String, make: &dyn Fn(&str) -> Entry| {
        let made = make(&name);
        found.entry(name).or_insert(made);
    };
    let bin = prefix.join("bin");
    for minor in 6..40 {
        if bin.join(format!("python3.{minor}")).is_file() {
            let state = if minor < OLDEST_PYTHON { State::Deprecated } else { State::Stable };
            add(format!("python3.{minor}"), &|name| Entry { state, ..web(name, prefix, Some("python")) });
        }
    }
    for (major, minor) in [(7, 4), (8, 0), (8, 1), (8, 2), (8, 3), (8, 4), (8, 5)] {
        if bin.join(format!("php{major}.{minor}")).is_file() {
            add(format!("php{major}.{minor}"), &|name| web(name, prefix, Some("php")));
        }
    }
    // these tell their version only when asked
    if let Some([major, ..]) = ask(&bin.join("node"), &["--version"]).as_deref() {
        add(format!("node{major}"), &|name| web(name, prefix, Some("node")));
    }
    if let Some([major, minor, ..]) = ask(&bin.join("perl"), &["-e", "printf '%vd', $^V"]).as_deref() {
        add(format!("perl{major}.{minor}"), &|name| web(name, prefix, None));
    }
    if let Some([major, minor, ..]) = ask(&bin.join("ruby"), &["-e", "print RUBY_VERSION"]).as_deref() {
        add(format!("ruby{major}.{minor}"), &|name| web(name, prefix, None));
    }
}

/// The numbers of a version, where the program is there and tells it.
fn ask(program: &Path, arguments: &[&str]) -> Option<Vec<u32>> {
    if !program.is_file() {
        return None;
    }
    let output = Command::new(program)
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let numbers: Result<Vec<u32>, _> =
        text.trim().trim_start_matches('v').split('.').map(str::parse).collect();
    numbers.ok()
}

/// The machine without a language of its own.
fn plain(name: &str) -> Entry {
    let image = format!("{REGISTRY}/toolforge-{name}-sssd");
    Entry {
        aliases: vec![format!("tf-{name}"), format!("tf-{name}-standalone")],
        state: State::Stable,
        variants: BTreeMap::from([("jobs-framework".to_owned(), Variant { image, extra: BTreeMap::new() })]),
        webservice_defaults: None,
        runs: Runs { on: On::Host, root: None, binds: Vec::new(), path: Vec::new(), libraries: Vec::new() },
    }
}

/// A language, with a web server where `kind` says which one works here without more.
fn web(name: &str, prefix: &Path, kind: Option<&str>) -> Entry {
    let short = name.replace('.', "");
    let variant =
        |suffix: &str, extra| Variant { image: format!("{REGISTRY}/toolforge-{short}-sssd-{suffix}"), extra };
    let kind_words = kind.unwrap_or("generic");
    let command = format!("webservice-runner --type {kind_words} --port {{port}}");
    let wstype = BTreeMap::from([("wstype".to_owned(), name.to_owned())]);
    Entry {
        aliases: vec![format!("tf-{short}")],
        state: State::Stable,
        variants: BTreeMap::from([
            ("jobs-framework".to_owned(), variant("base", BTreeMap::new())),
            ("webservice".to_owned(), variant("web", wstype)),
        ]),
        webservice_defaults: Some(Web {
            command: command.split(' ').map(str::to_owned).collect(),
            port: PORT,
            memory: None,
        }),
        runs: runs(name, prefix),
    }
}

/// What is outside `/usr` is bound into `/opt`. Its programs look for libraries where they were installed, which an
/// instance does not see: they are told.
fn runs(name: &str, prefix: &Path) -> Runs {
    let (mut binds, mut path, mut libraries) = (Vec::new(), Vec::new(), Vec::new());
    if !prefix.starts_with("/usr") && prefix != Path::new("/") {
        let target = Path::new("/opt").join(name);
        path.push(target.join("bin").display().to_string());
        if has_libraries(&prefix.join("lib")) {
            libraries.push(target.join("lib").display().to_string());
        }
        binds.push(Place { source: prefix.to_owned(), target });
    }
    Runs { on: On::Host, root: None, binds, path, libraries }
}

fn has_libraries(directory: &Path) -> bool {
    let files = fs::read_dir(directory).into_iter().flatten().flatten();
    files.map(|file| file.file_name()).any(|name| name.to_string_lossy().contains(".so"))
}

fn codename(release: &str) -> String {
    let value = |key: &str| {
        let line = release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(line.trim_matches('"').to_owned()).filter(|value| !value.is_empty())
    };
    value("VERSION_CODENAME").or_else(|| value("ID")).unwrap_or_else(|| "host".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_release_is_named_by_its_codename() {
        assert_eq!(codename("ID=debian\nVERSION_CODENAME=bookworm\n"), "bookworm");
        assert_eq!(codename("ID=\"arch\"\n"), "arch");
        assert_eq!(codename(""), "host");
    }

    #[test]
    fn the_newest_patch_of_every_python_is_found_where_pyenv_keeps_them() {
        let root = tempfile::tempdir().unwrap();
        for version in ["3.12.1", "3.12.10", "3.8.18", "system"] {
            let bin = root.path().join("versions").join(version).join("bin");
            fs::create_dir_all(&bin).unwrap();
            let minor: String = version.split('.').take(2).collect::<Vec<_>>().join(".");
            fs::write(bin.join(format!("python{minor}")), "").unwrap();
        }
        let libraries = root.path().join("versions/3.12.10/lib");
        fs::create_dir(&libraries).unwrap();
        fs::write(libraries.join("libpython3.12.so.1.0"), "").unwrap();
        let shims = root.path().join("shims");
        fs::create_dir(&shims).unwrap();
        let found = entries(&[shims]);
        let python = &found["python3.12"];
        assert_eq!(python.runs.binds[0].source, root.path().join("versions/3.12.10"));
        assert_eq!(python.runs.binds[0].target, Path::new("/opt/python3.12"));
        assert_eq!(python.runs.path, ["/opt/python3.12/bin"]);
        assert_eq!(python.runs.libraries, ["/opt/python3.12/lib"]);
        assert_eq!(python.state, State::Stable);
        assert_eq!(found["python3.8"].state, State::Deprecated);
        assert_eq!(python.aliases, ["tf-python312"]);
    }
}
