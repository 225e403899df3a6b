//! What the killed server does, and what the test that kills it knows of it.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command as Process, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use engine::{
    Command, Direction, Engine, Expose, Instance, InstanceId, Isolation, Kind, LogQuery, Mounts, Observation,
    Port, Probe, ProbeCheck, Protocol, Resources, Workload, WorkloadId,
};
use engine_embedded::Embedded;
use futures_core::stream::BoxStream;
use futures_util::StreamExt;

use crate::support;

/// The word that makes this binary the server.
pub(crate) const SERVER: &str = "server";
/// Starts one of each kind and waits to be killed.
pub(crate) const HOLD: &str = "hold";
/// Applies, updates, restarts and deletes.
pub(crate) const CHANGE: &str = "change";
/// Publishes a workload, asks it for a page, and deletes it.
pub(crate) const ROOTLESS: &str = "rootless";
/// Only takes over what is there.
pub(crate) const RECOVER: &str = "recover";

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A data directory, and a tool.
pub(crate) struct Place {
    data: PathBuf,
    tool: String,
    catalogue: bool,
    _owned: Option<tempfile::TempDir>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let owned = tempfile::tempdir().unwrap();
        support::make_enterable(owned.path());
        Self { data: owned.path().to_owned(), tool: support::tool(), catalogue: true, _owned: Some(owned) }
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    pub(crate) fn id(&self, name: &str) -> WorkloadId {
        WorkloadId(format!("{}-{name}", self.tool))
    }

    /// What the names of its instances begin with.
    pub(crate) fn prefix(&self) -> String {
        format!("{}-", self.tool)
    }

    /// The processes of its instances.
    pub(crate) fn processes(&self) -> Vec<u32> {
        support::processes(&format!(": {};", self.tool))
    }

    /// The shims of its instances.
    pub(crate) fn holders(&self) -> Vec<u32> {
        support::holders(&self.data)
    }

    /// How often a workload's script was begun.
    pub(crate) fn ran(&self, name: &str) -> usize {
        let file = self.home().join(name);
        std::fs::read_to_string(file).unwrap_or_default().lines().count()
    }

    /// Without the catalogue that other places begin with.
    pub(crate) fn without_catalogue() -> Self {
        Self { catalogue: false, ..Self::new() }
    }

    pub(crate) fn tool(&self) -> &str {
        &self.tool
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.data.join("project").join(&self.tool)
    }

    /// An engine whose runs are held by this very binary.
    pub(crate) async fn open(&self) -> (Embedded, Seen) {
        self.open_with(&std::env::current_exe().unwrap()).await
    }

    pub(crate) async fn open_with(&self, exe: &Path) -> (Embedded, Seen) {
        let config = support::config(&self.data, exe);
        if !self.catalogue {
            std::fs::remove_file(self.data.join("images/catalogue.yaml")).unwrap();
        }
        let engine = Embedded::open(config).await.unwrap();
        let stream = engine.observe().await.unwrap();
        let mut seen = Seen { stream, instances: BTreeMap::new(), synced: false, tool: self.tool.clone() };
        seen.until("synced", |seen| seen.synced).await;
        (engine, seen)
    }

    pub(crate) fn workload(&self, name: &str, generation: u64, script: &str) -> Workload {
        let always = name == "always";
        Workload {
            id: self.id(name),
            generation,
            tool: self.tool.clone(),
            name: format!("{}-{name}", self.tool),
            kind: if always {
                Kind::Always { replicas: 1 }
            } else {
                Kind::Once { retries: 0, deadline: None }
            },
            image: support::IMAGE.to_owned(),
            command: Command::Shell(format!(": {}; echo x >>{name}; {script}", self.tool)),
            env: vec![("GENERATION".to_owned(), generation.to_string())],
            secrets: true,
            mounts: Mounts::All,
            resources: Resources {
                cpu_request_millis: 50,
                cpu_limit_millis: 500,
                memory_request_bytes: 32 << 20,
                memory_limit_bytes: 64 << 20,
            },
            probe: always.then(|| Probe::new(ProbeCheck::Exec(Command::Shell("true".to_owned())))),
            port: always.then_some(Port { number: 8000, protocol: Protocol::Tcp }),
            expose: None,
            grace: Duration::from_secs(1),
            stdin: false,
        }
    }

    pub(crate) fn output_of(&self, name: &str) -> LogQuery {
        LogQuery {
            tool: self.tool.clone(),
            name: format!("{}-{name}", self.tool),
            workload: None,
            stream: None,
            since: None,
            until: None,
            lines: None,
            direction: Direction::OldestFirst,
            page_size: 100,
            cursor: None,
        }
    }
}

/// What is left of an engine whose workloads were all deleted.
fn left(place: &Place) -> Vec<String> {
    let directories = ["instances", "workloads", "netns"].map(|name| place.data().join("engine").join(name));
    let files = directories.iter().flat_map(|directory| std::fs::read_dir(directory).unwrap());
    let files = files.map(|entry| entry.unwrap().path());
    let paths = files.chain(support::groups(&place.prefix())).map(|path| path.display().to_string());
    let processes = place.processes().into_iter().chain(place.holders());
    paths.chain(processes.map(|process| format!("process {process}"))).collect()
}

impl Place {
    /// Deletes everything, and looks that nothing is left of it.
    pub(crate) async fn finish(&self, engine: &Embedded, mut seen: Seen) {
        engine.retain(&[]).await.unwrap();
        seen.until("everything is gone", Seen::is_empty).await;
        // the record of a workload goes last, after what observers see
        support::until(PATIENCE, || left(self).is_empty());
        engine.close(true).await.unwrap();
    }
}

/// What the scripts of the changing scenario do after they have begun.
pub(crate) fn script(name: &str) -> &'static str {
    if name == "always" { "test -e up || { touch up; exit 3; }; sleep 1000" } else { "exit 7" }
}

/// What was observed.
pub(crate) struct Seen {
    stream: BoxStream<'static, Observation>,
    instances: BTreeMap<InstanceId, Instance>,
    synced: bool,
    tool: String,
}

impl Seen {
    pub(crate) async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let end = tokio::time::Instant::now() + PATIENCE;
        while !holds(self) {
            let next = tokio::time::timeout_at(end, self.stream.next()).await;
            let next =
                next.unwrap_or_else(|_| panic!("{what}: not in time, there are {:#?}", self.instances));
            match next.expect("the engine goes on telling") {
                Observation::Instance(instance) => {
                    self.instances.insert(instance.id.clone(), instance);
                }
                Observation::Gone(id) => {
                    self.instances.remove(&id);
                }
                Observation::Synced => self.synced = true,
                Observation::Condition(condition) => panic!("{condition:?}"),
            }
        }
    }

    pub(crate) fn of(&self, name: &str) -> Vec<Instance> {
        let id = format!("{}-{name}", self.tool);
        self.instances.values().filter(|instance| instance.workload.0 == id).cloned().collect()
    }

    /// How many are ready, where no others are there.
    pub(crate) fn ready(&self, name: &str) -> usize {
        let of = self.of(name);
        if of.iter().all(|instance| instance.ready) { of.len() } else { 0 }
    }

    pub(crate) fn is_finished(&self, name: &str) -> bool {
        let of = self.of(name);
        !of.is_empty() && of.iter().all(Instance::is_finished)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.instances.is_empty()
    }
}

/// A line that a server writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A durable step was made.
    Step(String),
    /// A call is about to be made: what, and for which workload.
    Call(String, String),
    /// There is nothing more to do.
    Idle,
}

impl Line {
    fn parse(line: &str) -> Self {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["step", step] => Self::Step((*step).to_owned()),
            ["call", call, name] => Self::Call((*call).to_owned(), (*name).to_owned()),
            ["idle"] => Self::Idle,
            _ => panic!("the server said {line:?}"),
        }
    }
}

/// A server that is going to be killed.
pub(crate) struct Server {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    said: Vec<Line>,
}

impl Server {
    /// Starts a server that kills itself after the given occurrence of a step (of any step, where it has no name; and
    /// never, where the occurrence is 0).
    pub(crate) fn start(place: &Place, scenario: &str, step: &str, occurrence: u32) -> Self {
        let mut child = Process::new(std::env::current_exe().unwrap())
            .args([SERVER, scenario, step, &occurrence.to_string(), &place.tool])
            .arg(&place.data)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, said: Vec::new() }
    }

    /// Starts a server as a user without any right, where this process may.
    pub(crate) fn start_as_nobody(place: &Place, scenario: &str, wrapper: &[&str]) -> Self {
        use std::os::unix::process::CommandExt;
        let exe = std::env::current_exe().unwrap();
        let mut words = wrapper.iter().map(std::ffi::OsStr::new).chain([exe.as_os_str()]);
        let mut command = Process::new(words.next().unwrap());
        command.args(words);
        if rustix::process::geteuid().is_root() {
            support::give(&place.data, support::UID);
            command.uid(support::UID).gid(support::UID);
        }
        command.args([SERVER, scenario, "", "0", &place.tool]).arg(&place.data).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, said: Vec::new() }
    }

    /// Reads until it says so.
    pub(crate) fn until(&mut self, wanted: &Line) {
        while self.said.last() != Some(wanted) {
            let line = self.lines.next().expect("the server lives").unwrap();
            self.said.push(Line::parse(&line));
        }
    }

    /// Reads until it has killed itself or is idle; then it is killed.
    pub(crate) fn until_end(&mut self) {
        while self.said.last() != Some(&Line::Idle) {
            let Some(line) = self.lines.next() else { break };
            self.said.push(Line::parse(&line.unwrap()));
        }
        self.kill();
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Every step, and which occurrence of it this is.
    pub(crate) fn steps(&self) -> Vec<(String, u32)> {
        let mut counts: BTreeMap<&String, u32> = BTreeMap::new();
        let steps = self.said.iter().filter_map(|line| match line {
            Line::Step(step) => Some(step),
            _ => None,
        });
        steps
            .map(|step| {
                let count = counts.entry(step).or_default();
                *count += 1;
                (step.clone(), *count)
            })
            .collect()
    }

    /// The workloads for which a call was begun.
    pub(crate) fn called(&self, wanted: &str) -> BTreeSet<String> {
        let calls = self.said.iter().filter_map(|line| match line {
            Line::Call(call, name) if call == wanted => Some(name.clone()),
            _ => None,
        });
        calls.collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // a test that failed leaves no server behind
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server itself.
pub(crate) async fn serve(arguments: &[String]) {
    let [scenario, step, occurrence, tool, data] = arguments else { panic!("{arguments:?}") };
    let place = Place { data: data.into(), tool: tool.clone(), catalogue: true, _owned: None };
    let mut config = support::config(&place.data, &std::env::current_exe().unwrap());
    let (step, occurrence) = (step.clone(), occurrence.parse::<u32>().unwrap());
    let seen = AtomicU32::new(0);
    config.on_step = Some(Arc::new(move |name| {
        say(&format!("step {name}"));
        if (step.is_empty() || name == step) && seen.fetch_add(1, Ordering::SeqCst) + 1 == occurrence {
            support::kill(std::process::id());
        }
    }));
    let engine = Embedded::open(config).await.unwrap();
    let stream = engine.observe().await.unwrap();
    let mut seen = Seen { stream, instances: BTreeMap::new(), synced: false, tool: place.tool.clone() };
    match scenario.as_str() {
        HOLD => hold(&engine, &place, &mut seen).await,
        ROOTLESS => rootless(&engine, &place, &mut seen).await,
        CHANGE => change(&engine, &place, &mut seen).await,
        // time enough for the first step, where there is any
        _ => tokio::time::sleep(Duration::from_millis(300)).await,
    }
    say("idle");
    std::future::pending::<()>().await;
}

async fn hold(engine: &Embedded, place: &Place, seen: &mut Seen) {
    engine.apply(place.workload("always", 1, "sleep 1000")).await.unwrap();
    engine.apply(place.workload("once", 1, "echo begin; sleep 3; echo end; exit 7")).await.unwrap();
    seen.until("running", |seen| seen.ready("always") == 1 && seen.ready("once") == 1).await;
}

async fn rootless(engine: &Embedded, place: &Place, seen: &mut Seen) {
    let capabilities = engine.capabilities().await.unwrap();
    assert!(!capabilities.addresses && !capabilities.notes.is_empty(), "{capabilities:?}");
    let mut workload = place.workload("always", 1, "exec python3 -m http.server 8000");
    workload.probe = Some(Probe::new(ProbeCheck::Http { path: "/".to_owned(), port: 8000 }));
    workload.expose = Some(Expose { host: place.tool.clone(), path: "/".to_owned() });
    let networks = capabilities.isolation > Isolation::Process;
    // with networks of their own, both listen on the one port
    workload.kind = Kind::Always { replicas: if networks { 2 } else { 1 } };
    engine.apply(workload.clone()).await.unwrap();
    let replicas = if networks { 2 } else { 1 };
    seen.until("ready", |seen| seen.ready("always") == replicas).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = engine_router::Router::new(engine.table(), engine_router::Options::default());
    tokio::spawn(router.serve(listener, std::future::pending()));
    support::eventually(async || support::get(port, &place.tool, "/").await.0 == 200).await;
    say("call answer 200");
    if !networks {
        say("call answer plain");
        let mut more = workload.clone();
        more.generation += 1;
        more.kind = Kind::Always { replicas: 2 };
        let error = engine.apply(more).await.unwrap_err().to_string();
        assert!(error.contains("several replicas on one port"), "{error}");
        let mut other = place.workload("once", 1, "true");
        other.port = workload.port;
        let error = engine.apply(other).await.unwrap_err().to_string();
        assert!(error.contains(&format!("job {} of tool {} has it", workload.name, place.tool)), "{error}");
    }
    engine.retain(&[]).await.unwrap();
    seen.until("gone", Seen::is_empty).await;
}

async fn change(engine: &Embedded, place: &Place, seen: &mut Seen) {
    for name in ["always", "once"] {
        say(&format!("call apply {name}"));
        engine.apply(place.workload(name, 1, script(name))).await.unwrap();
    }
    seen.until("both", |seen| seen.ready("always") == 1 && seen.is_finished("once")).await;
    say("call apply always");
    engine.apply(place.workload("always", 2, script("always"))).await.unwrap();
    let updated = |seen: &Seen| seen.ready("always") == 1 && seen.of("always")[0].generation == 2;
    seen.until("updated", updated).await;
    let before = seen.of("always").remove(0).id;
    say("call restart always");
    engine.restart(&place.id("always"), jiff::Timestamp::now()).await.unwrap();
    seen.until("restarted", |seen| seen.ready("always") == 1 && seen.of("always")[0].id != before).await;
    for name in ["once", "always"] {
        say(&format!("call delete {name}"));
        engine.delete(&place.id(name)).await.unwrap();
    }
    seen.until("gone", Seen::is_empty).await;
}

/// One line at a time, and at once.
fn say(line: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    // the test may have closed its end, and is about to kill this process
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
