//! A place to run an engine in: directories, a tool, nobody's secrets.

#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use engine::{Error, Secrets, SystemClock};
use engine_embedded::{Apart, Config, Identities, Identity, Limits, system_entropy};

/// Every tool has a home below this directory, and one user.
#[derive(Debug)]
pub(crate) struct Homes(pub(crate) PathBuf);

/// The image of the machine itself, in the catalogue that tests write.
pub(crate) const IMAGE: &str = "host";

/// The user of the tools of tests.
pub(crate) const UID: u32 = 61_234;

#[async_trait]
impl Identities for Homes {
    async fn identity(&self, tool: &str) -> Result<Identity, Error> {
        let home = self.0.join(tool);
        std::fs::create_dir_all(&home).map_err(|error| Error::failed("the home cannot be made", error))?;
        // only root may give it away, and only then is it another's
        let _ = std::os::unix::fs::chown(&home, Some(UID), Some(UID));
        Ok(Identity { uid: UID, gid: UID, home })
    }
}

/// One secret for everyone.
#[derive(Debug)]
pub(crate) struct OneSecret;

#[async_trait]
impl Secrets for OneSecret {
    async fn environment(&self, _: &str) -> Result<Vec<(String, String)>, Error> {
        Ok(vec![("SECRET".to_owned(), "hush".to_owned())])
    }
}

/// A configuration for a data directory.
pub(crate) fn config(data: &Path, exe: &Path) -> Config {
    let catalogue = data.join("images/catalogue.yaml");
    std::fs::create_dir_all(catalogue.parent().unwrap()).unwrap();
    let entry = "host: {variants: {jobs-framework: {image: example.org/host}}, runs: {on: host}}\n";
    std::fs::write(&catalogue, entry).unwrap();
    Config {
        data: data.to_owned(),
        exe: exe.to_owned(),
        secrets: Arc::new(OneSecret),
        identities: Arc::new(Homes(data.join("project"))),
        clock: Arc::new(SystemClock),
        entropy: system_entropy(),
        apart: Apart::Required,
        network: engine_network::Options::default(),
        programs: vec![PathBuf::from("/usr/bin")],
        limits: Limits::default(),
        on_step: None,
    }
}

/// A tool that no other test of this process has.
pub(crate) fn tool() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("t{}x{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The processes of the machine that have `marker` in their arguments.
pub(crate) fn processes(marker: &str) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers
        .filter(|pid: &u32| *pid != std::process::id())
        .filter(|pid| {
            let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&arguments).contains(marker)
        })
        .collect()
}

/// Control groups of instances whose name begins with `prefix`.
pub(crate) fn groups(prefix: &str) -> Vec<PathBuf> {
    fn walk(directory: &Path, prefix: &str, depth: u32, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name().to_string_lossy().starts_with(prefix) {
                    found.push(entry.path());
                } else if depth > 0 {
                    walk(&entry.path(), prefix, depth - 1, found);
                }
            }
        }
    }
    let mut found = Vec::new();
    walk(Path::new("/sys/fs/cgroup"), prefix, 5, &mut found);
    found
}

/// The shims that hold runs below a data directory: their working directory is the run's.
pub(crate) fn holders(data: &Path) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers
        .filter(|pid: &u32| {
            let named = std::fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|name| name.starts_with(b"toolforged-shim"));
            named && std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(data))
        })
        .collect()
}

/// Kills a process.
pub(crate) fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    // one that has just ended is fine
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

/// Homes are below it, and tools are other users.
pub(crate) fn make_enterable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Waits until something holds of the machine itself, which tells nobody.
pub(crate) fn until(patience: std::time::Duration, holds: impl Fn() -> bool) {
    let end = std::time::Instant::now() + patience;
    while !holds() {
        assert!(std::time::Instant::now() < end, "it did not come true");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// Asks again and again until it is so.
pub(crate) async fn eventually(holds: impl AsyncFn() -> bool) {
    let asking = async {
        while !holds().await {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), asking).await.expect("it comes true");
}

/// Every file below a directory.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&entry.path())),
            _ => found.push(entry.path()),
        }
    }
    found
}

/// The status and body of a page of a tool.
pub(crate) async fn get(port: u16, tool: &str, path: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {tool}.localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).trim().to_owned();
    (status, body)
}

/// Gives a directory with all in it to a user.
pub(crate) fn give(path: &Path, user: u32) {
    std::os::unix::fs::chown(path, Some(user), Some(user)).unwrap();
    for entry in std::fs::read_dir(path).unwrap().flatten() {
        give_entry(&entry, user);
    }
}

fn give_entry(entry: &std::fs::DirEntry, user: u32) {
    if entry.file_type().unwrap().is_dir() {
        give(&entry.path(), user);
    } else {
        std::os::unix::fs::chown(entry.path(), Some(user), Some(user)).unwrap();
    }
}
