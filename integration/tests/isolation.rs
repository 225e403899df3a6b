//! What a job cannot reach, as root and without root; and where a secret is not found.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use integration::{Client, Finished, Home, Options, Platform, eventually, run, run_with_input};
use serde_json::{Value, json};

const ATTACK: &str = include_str!("programs/attack.py");
const SERVER: &str = include_str!("programs/server.py");
/// `nobody`, who owns nothing.
const NOBODY: u32 = 65_534;

fn ok(finished: &Finished) {
    assert_eq!(finished.code, 0, "{finished}");
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn job(platform: &Platform, home: &Home, name: &str, command: &str, more: &[&str]) -> Finished {
    let image = platform.python().unwrap();
    let run = ["run", name, "--image", &image, "--command", command];
    home.jobs(Client::Ours, &[&run, more].concat()).unwrap()
}

/// The addresses of this machine by which others reach it.
fn own_addresses() -> Vec<String> {
    let listed = run(std::process::Command::new("hostname").arg("-I")).unwrap();
    listed.stdout.split_whitespace().filter(|word| word.contains('.')).map(str::to_owned).collect()
}

fn port(address: &str) -> u16 {
    address.rsplit_once(':').unwrap().1.parse().unwrap()
}

/// What the attacker goes for. That each is there to be reached is asserted here, where nothing is in the way.
fn targets(platform: &Platform, victim: &Home, server: &str) -> Value {
    let data = platform.data();
    let secrets = ["pki/clients-ca.key", "pki/mesh-ca.key", "config/state.db", "jobs/state.db", "admin.sock"];
    let mut read: Vec<PathBuf> = secrets.iter().map(|path| data.join(path)).collect();
    read.extend([data.clone(), data.join("pki"), data.join("project"), data.join("engine")]);
    read.extend([victim.path().to_owned(), victim.path().join(".toolskube/client.key")]);
    read.extend(["/root", "/etc/shadow", "/sys/fs/cgroup", "/sys/kernel"].map(PathBuf::from));
    for path in &read {
        assert!(path.exists(), "{} is not there", path.display());
    }
    read.push(format!("/data/project/{}", victim.name()).into());
    read.push(format!("/proc/1/root{}", data.display()).into());
    let outside =
        ["/etc/hosts", "/etc/passwd", "/usr/bin/new", "/data/project/new", "/proc/sys/kernel/core_pattern"];

    let ports = [port(platform.gateway()), port(platform.web())];
    let mut hosts = own_addresses();
    hosts.push("127.0.0.1".to_owned());
    let mut connect: Vec<(String, u16)> = Vec::new();
    for host in &hosts {
        connect.extend(ports.map(|port| (host.clone(), port)));
    }
    // others come and go meanwhile, such as bridges of other platforms; these are there
    connect.retain(|(host, port)| std::net::TcpStream::connect((host.as_str(), *port)).is_ok());
    assert!(connect.len() >= 2 * ports.len(), "the server is reached by more than loopback: {connect:?}");
    // the other tool's: its instance's address, and its job's
    connect.extend(server.lines().map(|line| (line.to_owned(), 8000)));
    connect.push(("169.254.169.254".to_owned(), 80));
    json!({
        "read": read, "write": outside, "connect": connect, "unix": [data.join("admin.sock")],
        "resolve": ["web", "web.tool-victim", "web.tool-victim.svc", "web.tool-victim.svc.cluster.local"],
        "touch": [platform.pid().unwrap(), std::process::id()], "marker": "toolforged",
    })
}

/// Runs the attack and gives its lines: what was tried, and what came of it.
fn attack(platform: &Platform, attacker: &Home, targets: &Value) -> Vec<(String, String)> {
    for (file, text) in [("attack.py", ATTACK), ("targets.json", &targets.to_string())] {
        std::fs::write(attacker.path().join(file), text).unwrap();
        own(attacker, file);
    }
    ok(&job(platform, attacker, "attack", "python3 attack.py", &["--no-filelog", "--wait"]));
    let logs = attacker.jobs(Client::Ours, &["logs", "attack", "--last", "1000"]).unwrap();
    let mut lines = logs.stdout.lines().filter_map(|line| Some(line.split_once("[job] ")?.1));
    let tried = lines.by_ref().take_while(|line| *line != "done");
    let tried = tried.map(|line| {
        let (what, came) =
            line.rsplit_once(": ").filter(|_| !line.contains(": refused (")).unwrap_or_else(|| {
                let at = line.find(": refused (").unwrap_or_else(|| panic!("{line:?} in {logs}"));
                (&line[..at], &line[at + 2..])
            });
        (what.to_owned(), came.to_owned())
    });
    let tried: Vec<_> = tried.collect();
    assert!(logs.stdout.trim_end().ends_with("[job] done"), "{logs}");
    tried
}

/// Gives a file to whom the home belongs.
fn own(home: &Home, file: &str) {
    use std::os::unix::fs::MetadataExt as _;
    let meta = std::fs::metadata(home.path()).unwrap();
    std::os::unix::fs::chown(home.path().join(file), Some(meta.uid()), Some(meta.gid())).unwrap();
}

fn all_refused(tried: &[(String, String)], targets: &Value) {
    let count = |key: &str| targets[key].as_array().unwrap().len();
    let listed = ["read", "write", "connect", "unix", "resolve"].map(count).iter().sum::<usize>();
    assert!(tried.len() >= listed + 5 * count("touch") + 17, "{} attempts: {tried:#?}", tried.len());
    let allowed: Vec<_> = tried.iter().filter(|(_, came)| !came.starts_with("refused (")).collect();
    assert!(allowed.is_empty(), "{allowed:#?}");
}

fn options() -> Options {
    // as an operator would who lets others in: more of it is in reach than on loopback
    Options { listen: Some(Ipv4Addr::UNSPECIFIED.into()), ..Options::default() }
}

#[test]
fn a_job_reaches_nothing_of_the_machine_or_of_others() {
    if !is_root() {
        println!("skipped: 1 scenario needs root");
        return;
    }
    let platform = Platform::start_with(options()).unwrap();
    let [victim, attacker] = ["victim", "attacker"].map(|name| platform.tool(name).unwrap());
    let address = "python3 -c 'import socket as s; u = s.socket(s.AF_INET, s.SOCK_DGRAM); u.connect((\"192.0.2.1\", 9)); \
                   print(u.getsockname()[0]); print(s.gethostbyname(\"web\"))' >addresses; exec python3 server.py";
    std::fs::write(victim.path().join("server.py"), SERVER).unwrap();
    ok(&job(&platform, &victim, "web", address, &["--continuous", "--port", "8000", "--publish"]));
    let site = platform.site(&victim);
    eventually("the victim serves", || Ok((site.get("/")?.status == 200).then_some(()))).unwrap();
    let server = victim.read("addresses").unwrap();
    assert_eq!(server.lines().count(), 2, "{server}");

    // its own tool may: so the address is right, and it is the policy that refuses
    let get = "python3 -c 'import sys, urllib.request as u; [print(u.urlopen(f\"http://{h}:8000/\").read()) for h in sys.argv[1:]]' ";
    let command = format!("{get} web {}", server.replace('\n', " "));
    ok(&job(&platform, &victim, "friend", &command, &["--wait"]));
    assert_eq!(victim.read("friend.out").unwrap(), "b'tools.victim on 8000'\n".repeat(3));

    let targets = targets(&platform, &victim, &server);
    let tried = attack(&platform, &attacker, &targets);
    all_refused(&tried, &targets);
    assert_eq!(site.get("/").unwrap().status, 200, "the victim serves as before");
}

#[test]
fn a_job_reaches_nothing_without_root_either() {
    let user = is_root().then_some(NOBODY);
    let platform = Platform::start_with(Options { user, ..options() }).unwrap();
    let [victim, attacker] = ["victim", "attacker"].map(|name| platform.tool(name).unwrap());
    ok(&job(&platform, &victim, "first", "true", &["--wait"]));
    let second = job(&platform, &attacker, "second", "true", &["--wait"]);
    if second.stderr.contains("more than one tool is not available here") {
        println!("skipped: 1 scenario needs user namespaces");
        return;
    }
    ok(&second);
    let targets = targets(&platform, &victim, "");
    let tried = attack(&platform, &attacker, &targets);
    all_refused(&tried, &targets);
}

/// How a platform is started where nothing can be isolated: as nobody, in a user namespace that can have no other.
fn without_isolation() -> Options {
    let close = "echo 0 >/proc/sys/user/max_user_namespaces && \
                 exec setpriv --inh-caps=-all --ambient-caps=-all --bounding-set=-all \"$@\"";
    let through =
        ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--keep-caps", "sh", "-c", close, "sh"];
    let through = through.map(str::to_owned).to_vec();
    Options { user: is_root().then_some(NOBODY), through, ..Options::default() }
}

#[test]
fn tools_that_cannot_be_kept_apart_are_refused_unless_they_are_trusted() {
    let platform = match Platform::start_with(without_isolation()) {
        Ok(platform) => platform,
        Err(error) => {
            println!("skipped: 1 scenario needs user namespaces that can be closed: {error:#}");
            return;
        }
    };
    let [first, second] = ["alpha", "beta"].map(|name| platform.tool(name).unwrap());
    ok(&job(&platform, &first, "once", "echo done", &["--wait"]));
    assert_eq!(first.read("once.out").unwrap(), "done\n");
    let refused = job(&platform, &second, "once", "echo done", &["--wait"]);
    assert_eq!(refused.code, 1, "{refused}");
    assert!(refused.stderr.contains("more than one tool is not available here"), "{refused}");
    let shown = second.jobs(Client::Ours, &["show", "once"]).unwrap();
    assert!(shown.stderr.contains("Job 'once' does not exist"), "{shown}");
    assert!(!second.path().join("once.out").exists(), "nothing of it ran");
    drop(platform);

    let mut options = without_isolation();
    options.arguments.push("--trust-tools".to_owned());
    let platform = Platform::start_with(options).unwrap();
    for home in ["alpha", "beta"].map(|name| platform.tool(name).unwrap()) {
        ok(&job(&platform, &home, "once", "echo done", &["--wait"]));
        assert_eq!(home.read("once.out").unwrap(), "done\n");
    }
}

/// A collector of spans that keeps every byte that it is sent.
fn collector() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let got = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&got);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let keep = Arc::clone(&keep);
            thread::spawn(move || collect(BufReader::new(stream), &keep));
        }
    });
    (endpoint, got)
}

/// Answers each request on a connection; gives up where the connection ends.
fn collect(mut stream: BufReader<std::net::TcpStream>, keep: &Mutex<Vec<u8>>) -> Option<()> {
    loop {
        let (mut length, mut line) = (0, String::new());
        while line != "\r\n" {
            line.clear();
            if stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).ok()?;
        keep.lock().unwrap().extend(body);
        stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()?;
    }
}

fn contains(bytes: &[u8], needle: &str) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
}

/// Which files below a directory hold a text; read by a program, because databases have large reserves.
fn found_in(below: &Path, needle: &str) -> Vec<String> {
    let mut grep = std::process::Command::new("grep");
    let found = run_with_input(
        grep.args(["-rlaF", "--exclude-dir=netns", "-f", "-", "."]).current_dir(below),
        &format!("{needle}\n"),
    )
    .unwrap();
    assert!(found.code < 2, "{found}");
    found.stdout.lines().map(|line| line.trim_start_matches("./").to_owned()).collect()
}

/// Programs of this machine that have a text in their arguments.
fn found_in_arguments(needle: &str) -> Vec<String> {
    let all = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("cmdline"));
    let read = all.filter_map(|path| std::fs::read(path).ok());
    read.filter(|bytes| contains(bytes, needle))
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect()
}

/// Begins a run with a secret in its environment, and gives its name. The request comes from a file, as a careful
/// user's does.
fn run_with(platform: &Platform, home: &Home, base: &str, secret: &str) -> String {
    let command = "test -n \"$TOKEN\" && touch begun; exec sleep 1000";
    ok(&job(platform, home, "nightly", command, &["--schedule", "0 0 1 1 *", "--no-filelog"]));
    let request = home.path().join("request.json");
    std::fs::write(&request, json!({"env": {"TOKEN": secret}}).to_string()).unwrap();
    let body = format!("@{}", request.display());
    let json = "Content-Type: application/json";
    let begun = home.curl(&["--data", &body, "--header", json, &format!("{base}/nightly/runs")]).unwrap();
    std::fs::remove_file(&request).unwrap();
    let run: Value = serde_json::from_str(&begun.stdout).unwrap_or_else(|error| panic!("{error}: {begun}"));
    let name = run["run"]["name"].as_str().unwrap_or_else(|| panic!("{begun}")).to_owned();
    assert!(!begun.stdout.contains(secret), "{begun}");
    eventually("the run has it", || Ok(home.path().join("begun").exists().then_some(()))).unwrap();
    name
}

#[test]
fn a_secret_is_found_nowhere_else() {
    let (endpoint, spans) = collector();
    let environment =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "100")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let arguments = ["--log", "trace"].map(str::to_owned).to_vec();
    let mut platform =
        Platform::start_with(Options { environment, arguments, ..Options::default() }).unwrap();
    let home = platform.tool("alpha").unwrap();
    // in two parts, so that no file of the test itself has it
    let planted = |what: &str| format!("planted-{}-{what}-{}", std::process::id(), "5d1f0b");
    let [of_run, of_query, of_header] = ["run", "query", "header"].map(planted);

    let base = format!("https://{}/jobs/v1/tool/alpha/jobs", platform.gateway());
    let name = run_with(&platform, &home, &base, &of_run);

    // what callers send beside, although nothing asks for it
    let config = home.path().join("curl.conf");
    let secrets =
        format!("url = \"{base}?token={of_query}\"\nheader = \"Authorization: Bearer {of_header}\"\n");
    std::fs::write(&config, secrets).unwrap();
    let answer = home.curl(&["--config", &config.display().to_string()]).unwrap();
    std::fs::remove_file(&config).unwrap();
    assert!(answer.code == 0 && answer.stdout.contains("unknown query parameter"), "{answer}");

    let keys = [(home.path().join(".toolskube/client.key"), "project/alpha/.toolskube/client.key")];
    let keys = keys
        .into_iter()
        .chain(["pki/clients-ca.key", "pki/mesh-ca.key"].map(|key| (platform.data().join(key), key)));
    let keys: Vec<(String, &str)> = keys.map(|(path, place)| (line_of_key(&path), place)).collect();
    let nowhere_else = |platform: &Platform, spans: &[u8], secret: &str, places: &[&str]| {
        let found = found_in(&platform.data(), secret);
        let strange = found.iter().filter(|file| !places.iter().any(|place| file.starts_with(place)));
        assert_eq!(strange.collect::<Vec<_>>(), Vec::<&String>::new(), "only in {places:?}");
        assert_eq!(found.is_empty(), places.is_empty(), "it is in its place: {places:?}");
        assert_eq!(found_in_arguments(secret), Vec::<String>::new());
        assert!(
            !contains(&std::fs::read(platform.log()).unwrap(), secret),
            "the log has a secret of {places:?}"
        );
        assert!(!contains(spans, secret), "a span has a secret of {places:?}");
    };
    // while the run goes on it may have to be started again: its environment is with its record and its instance
    nowhere_else(&platform, &[], &of_run, &["jobs/state.db", "engine/workloads/", "engine/instances/"]);

    ok(&home.toolforge(&["runs", "cancel", &name]).unwrap());
    let over = || {
        let shown = home.toolforge(&["runs", "show", &name])?;
        Ok(shown.stdout.contains("cancelled").then_some(()))
    };
    eventually("the run is over", over).unwrap();
    let told = |needle: &str| {
        let got = || Ok(contains(&spans.lock().unwrap(), needle).then_some(()));
        eventually(&format!("a span of {needle}"), got).unwrap();
    };
    told("CancelRun");
    platform.terminate().unwrap();
    let spans = spans.lock().unwrap().clone();
    assert!(contains(&std::fs::read(platform.log()).unwrap(), "CancelRun"), "the log has what was done");
    for secret in [&of_run, &of_query, &of_header] {
        nowhere_else(&platform, &spans, secret, &[]);
    }
    for (secret, place) in &keys {
        nowhere_else(&platform, &spans, secret, &[place]);
    }
}

/// A line in the middle of a private key.
fn line_of_key(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains("PRIVATE KEY"), "{}", path.display());
    text.lines().nth(2).unwrap().to_owned()
}
