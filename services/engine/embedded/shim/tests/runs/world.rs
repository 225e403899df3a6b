//! A directory for one test, and what a supervisor does, in a few words.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use engine_shim::protocol::{Event, Message, Request, State};
use engine_shim::{
    Bind, Client, ExitRecord, Home, Limits, LogSpec, Network, Probed, Sandbox, Spec, Started, Tier,
};
use tempfile::TempDir;

/// Longer than anything takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) fn exe() -> PathBuf {
    std::env::current_exe().unwrap()
}

static PROBED: LazyLock<Probed> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    engine_shim::probe(&exe(), dir.path(), "toolforged-test").unwrap()
});

/// What this machine can do.
pub(crate) fn probed() -> &'static Probed {
    &PROBED
}

/// One instance's directory with a home beside it.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) temp: TempDir,
    pub(crate) spec: Spec,
    pub(crate) environment: Vec<(String, String)>,
}

impl World {
    /// In the best tier of this machine.
    pub(crate) fn new(argv: &[&str]) -> Self {
        Self::in_tier(probed().isolation, argv)
    }

    pub(crate) fn shell(script: &str) -> Self {
        Self::new(&["/bin/sh", "-c", "--", script])
    }

    pub(crate) fn in_tier(tier: Tier, argv: &[&str]) -> Self {
        let temp = tempfile::Builder::new().prefix("shim-").tempdir().unwrap();
        let base = temp.path();
        fs::DirBuilder::new().mode(0o700).create(base.join("run")).unwrap();
        let home = base.join("home");
        fs::create_dir(&home).unwrap();
        let hosts = base.join("hosts");
        fs::write(&hosts, "127.0.0.1 localhost\n").unwrap();
        fs::set_permissions(&hosts, fs::Permissions::from_mode(0o644)).unwrap();
        let root = rustix::process::geteuid().is_root();
        if root {
            std::os::unix::fs::chown(&home, Some(UID), Some(UID)).unwrap();
            // a plain process has to get through
            fs::set_permissions(base, fs::Permissions::from_mode(0o711)).unwrap();
        }
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
        let spec = Spec {
            instance: base.file_name().unwrap().to_str().unwrap().to_owned(),
            tool: "alpha".to_owned(),
            user: "tools.alpha".to_owned(),
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            cwd: "/data/project/alpha".into(),
            uid: UID,
            gid: UID,
            sandbox: Sandbox {
                tier,
                root: engine_shim::host_binds(),
                rootfs: None,
                home: Some(Home { source: home, target: "/data/project/alpha".into() }),
                hosts: Some(hosts),
                hostname: "alpha-1".to_owned(),
                network: Network::Private,
            },
            limits: Limits { pids: Some(200), ..Limits::default() },
            grace: Duration::from_secs(5),
            deadline: None,
            stdin: false,
            logs: LogSpec { dir: base.join("logs"), max_segment_bytes: 1 << 16, max_total_bytes: 1 << 18 },
        };
        let mut world = Self { temp, spec, environment: Vec::new() };
        world.spec.limits.cgroup.clone_from(&probed().cgroup);
        world
    }

    /// With this binary inside the sandbox, as a program that tries what it should not.
    pub(crate) fn attack(words: &[&str]) -> Self {
        let mut argv = vec!["/attack", "inside"];
        argv.extend(words);
        let mut world = Self::new(&argv);
        world.spec.sandbox.root.push(Bind {
            source: exe(),
            target: "/attack".into(),
            read_only: true,
            optional: false,
        });
        world
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.temp.path().join("run")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.temp.path().join("home")
    }

    pub(crate) fn spawn(&self) {
        engine_shim::spawn(&exe(), &self.dir(), &self.spec, &self.environment).unwrap();
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(&self.dir()).unwrap()
    }

    /// Starts the run and waits until the program runs.
    pub(crate) fn start(&self) -> (Client, Started) {
        self.spawn();
        let mut client = self.connect();
        let started = started(&mut client);
        (client, started)
    }

    /// From the start to the end.
    pub(crate) fn run(&self) -> ExitRecord {
        self.spawn();
        finish(self.connect())
    }

    /// Everything the run has written, as `1 line` and `2 line`.
    pub(crate) fn log(&self) -> Vec<String> {
        read_log(&self.spec.logs.dir)
    }

    /// What it wrote to standard output.
    pub(crate) fn stdout(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.iter().filter_map(|line| line.strip_prefix("1 ")).collect();
        lines.join("\n")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // a failed test must not leave its run behind
        if engine_shim::liveness(&self.dir()) == engine_shim::Liveness::Held
            && let Ok(mut client) = Client::connect(&self.dir())
        {
            let _ = client.send(&Request::Signal { number: 9 });
            while let Ok(Some(message)) = client.next(PATIENCE) {
                if matches!(
                    message,
                    Message::Event(Event::Exited { .. } | Event::Welcome { state: State::Exited { .. }, .. })
                ) {
                    let _ = client.send(&Request::Acknowledge);
                }
            }
        }
    }
}

/// The uid of the tests' tool.
pub(crate) const UID: u32 = 50_001;

/// Waits for the start.
pub(crate) fn started(client: &mut Client) -> Started {
    loop {
        match client.next(PATIENCE).unwrap().expect("the shim left") {
            Message::Event(
                Event::Started { started } | Event::Welcome { state: State::Running { started }, .. },
            ) => return started,
            Message::Event(
                Event::Exited { record } | Event::Welcome { state: State::Exited { record }, .. },
            ) => {
                panic!("it ended: {record:?}")
            }
            _ => {}
        }
    }
}

/// Waits for the end, acknowledges it, and waits until nothing is left.
pub(crate) fn finish(mut client: Client) -> ExitRecord {
    let mut end = None;
    while let Some(message) = client.next(PATIENCE).unwrap() {
        if let Message::Event(
            Event::Exited { record } | Event::Welcome { state: State::Exited { record }, .. },
        ) = message
        {
            end = Some(record);
            client.send(&Request::Acknowledge).unwrap();
        }
    }
    end.expect("the shim left without an end")
}

/// Waits for something that another process does.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + PATIENCE;
    while !is_so() {
        assert!(std::time::Instant::now() < end, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The segments of a log, by their documented format.
pub(crate) fn read_log(dir: &Path) -> Vec<String> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir)
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    paths.sort();
    let mut lines = Vec::new();
    for path in paths {
        let bytes = fs::read(path).unwrap();
        // its writer may be about to begin it
        let mut rest = bytes.get(8..).unwrap_or_default();
        while let Some((head, tail)) = rest.split_first_chunk::<17>() {
            let length = u32::from_le_bytes(head[4..8].try_into().unwrap()) as usize;
            lines.push(format!("{} {}", head[16], String::from_utf8_lossy(&tail[..length])));
            rest = &tail[length..];
        }
    }
    lines
}

/// Whether any file below a directory has these bytes.
pub(crate) fn is_in_files(dir: &Path, needle: &str) -> bool {
    fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return is_in_files(&path, needle);
        }
        fs::read(&path)
            .is_ok_and(|bytes| bytes.windows(needle.len()).any(|window| window == needle.as_bytes()))
    })
}
