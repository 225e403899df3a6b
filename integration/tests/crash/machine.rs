//! What a platform has on the machine: processes, control groups, links, namespaces, mounts, tables, directories.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use integration::Platform;

/// Waits until something is so, with a bound.
#[track_caller]
pub(crate) fn until(what: &str, bound: Duration, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < bound, "not within {bound:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Process ids whose arguments have this text, but for shells and clients of the test itself.
pub(crate) fn with_argument(text: &str) -> Vec<u32> {
    let mut found = pids();
    found.retain(|pid| {
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        arguments.split(|byte| *byte == 0).any(|argument| argument == text.as_bytes())
    });
    found.sort_unstable();
    found
}

fn pids() -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The traces of one platform.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    data: PathBuf,
}

impl Machine {
    pub(crate) fn of(platform: &Platform) -> Self {
        Self { data: fs::canonicalize(platform.data()).unwrap() }
    }

    /// Network interfaces on the host's side.
    pub(crate) fn links(&self) -> Vec<String> {
        let prefix = format!("tf-{:06x}-", self.digest());
        names(Path::new("/sys/class/net")).into_iter().filter(|name| name.starts_with(&prefix)).collect()
    }

    /// Tables of the packet filter; none where nothing was isolated.
    pub(crate) fn tables(&self) -> Vec<String> {
        let listed = Command::new("nft").args(["list", "tables"]).output();
        let listed = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let name = format!("tf_{:06x}", self.digest());
        listed.unwrap_or_default().lines().filter(|line| line.ends_with(&name)).map(str::to_owned).collect()
    }

    /// Control groups of runs.
    pub(crate) fn groups(&self) -> Vec<PathBuf> {
        let children = |parent: &PathBuf| {
            let found = fs::read_dir(parent).into_iter().flatten().flatten();
            found.map(|entry| entry.path()).filter(|path| path.is_dir()).collect::<Vec<_>>()
        };
        self.parents().iter().flat_map(children).collect()
    }

    /// The control groups that those of runs are in.
    pub(crate) fn parents(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        collect(Path::new("/sys/fs/cgroup"), &format!("toolforge-{:016x}", self.hash()), 6, &mut found);
        found
    }

    /// Kept network namespaces and other mounts below the data directory.
    pub(crate) fn mounts(&self) -> Vec<String> {
        let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let data = self.data.to_str().unwrap();
        table.lines().filter(|line| line.contains(data)).map(str::to_owned).collect()
    }

    /// Entries of a directory of the engine.
    pub(crate) fn entries(&self, directory: &str) -> Vec<String> {
        names(&self.data.join("engine").join(directory))
    }

    /// Processes that run in a sandbox of this platform, or that hold a file of it; the server's own are `but`.
    pub(crate) fn processes(&self, but: Option<u32>) -> Vec<String> {
        let data = self.data.to_str().unwrap();
        let here = fs::read_link("/proc/self/ns/mnt").unwrap();
        let mut found = pids();
        found.retain(|pid| {
            if Some(*pid) == but || *pid == std::process::id() {
                return false;
            }
            let process = PathBuf::from(format!("/proc/{pid}"));
            let elsewhere = fs::read_link(process.join("ns/mnt")).is_ok_and(|namespace| namespace != here);
            let sees =
                || fs::read_to_string(process.join("mountinfo")).is_ok_and(|table| table.contains(data));
            let links = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
            let mut files = links.filter_map(|entry| fs::read_link(entry.path()).ok());
            (elsewhere && sees()) || files.any(|file| file.starts_with(data))
        });
        let told = |pid: u32| {
            let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            format!("{pid} {}", String::from_utf8_lossy(&arguments).replace('\0', " "))
        };
        found.into_iter().map(told).collect()
    }

    /// Everything that a platform without jobs may not have, each with its kind; empty when all is well.
    pub(crate) fn left(&self, server: Option<u32>) -> Vec<String> {
        let groups = self.groups().into_iter().map(|path| path.display().to_string()).collect();
        let kinds = [
            ("process", self.processes(server)),
            ("link", self.links()),
            ("mount", self.mounts()),
            ("control group", groups),
            ("namespace", self.entries("netns")),
            ("instance", self.entries("instances")),
            ("workload", self.entries("workloads")),
        ];
        let told = |(kind, found): (&str, Vec<String>)| {
            found.into_iter().map(|one| format!("{kind} {one}")).collect::<Vec<_>>()
        };
        kinds.into_iter().flat_map(told).collect()
    }

    /// Waits until nothing is left.
    #[track_caller]
    pub(crate) fn assert_clean(&self, what: &str, server: Option<u32>) {
        let begin = Instant::now();
        loop {
            let left = self.left(server);
            if left.is_empty() {
                return;
            }
            assert!(begin.elapsed() < Duration::from_mins(1), "{what}: left behind: {left:#?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// FNV-1a of the engine's directory, from which the kernel's names for its things are made.
    fn hash(&self) -> u64 {
        let bytes = self.data.join("engine");
        bytes.as_os_str().as_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }

    fn digest(&self) -> u64 {
        let hash = self.hash();
        (hash ^ (hash >> 24) ^ (hash >> 48)) & 0x00ff_ffff
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn collect(directory: &Path, name: &str, depth: u32, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if depth == 0 || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        if entry.file_name() == name {
            found.push(path);
        } else {
            collect(&path, name, depth - 1, found);
        }
    }
}
