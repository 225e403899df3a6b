//! Jobs that always run: replicas, names, health checks, restarts, limits and their output.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::thread;

use integration::{Client, Finished, Home, Platform, eventually};

const SERVER: &str = include_str!("programs/server.py");
const BOTH: [Client; 2] = [Client::Python, Client::Ours];

/// Runs the scenario with each client, as a tool of its own on one platform.
fn with_both(scenario: impl Fn(&Platform, &Home, Client) + Sync) {
    let platform = Platform::start().unwrap();
    thread::scope(|scope| {
        for (client, name) in BOTH.into_iter().zip(["alpha", "beta"]) {
            let (platform, scenario) = (&platform, &scenario);
            scope.spawn(move || {
                let home = platform.tool(name).unwrap();
                std::fs::write(home.path().join("server.py"), SERVER).unwrap();
                scenario(platform, &home, client);
            });
        }
    });
}

fn ok(finished: &Finished) {
    assert_eq!(finished.code, 0, "{finished}");
}

fn run(
    platform: &Platform,
    home: &Home,
    client: Client,
    name: &str,
    command: &str,
    more: &[&str],
) -> Finished {
    let image = platform.python().unwrap();
    let run = ["run", name, "--image", &image, "--command", command];
    home.jobs(client, &[&run, more].concat()).unwrap()
}

fn row(shown: &Finished, name: &str) -> String {
    let line = shown.stdout.lines().find(|line| line.starts_with(&format!("| {name} ")));
    let line = line.unwrap_or_else(|| panic!("no row {name} in {shown}"));
    line.split('|').nth(2).unwrap().trim().to_owned()
}

/// Waits until a row of `show` is as wanted; our own client asks, because it is the faster one.
fn until_shown(home: &Home, job: &str, name: &str, wanted: impl Fn(&str) -> bool) {
    let mut last = String::new();
    let look = || {
        last = row(&home.jobs(Client::Ours, &["show", job])?, name);
        Ok(wanted(&last).then_some(()))
    };
    let shown = eventually("it is shown", look);
    shown.unwrap_or_else(|error| panic!("{name} of {job} is {last:?}: {error}"));
}

fn until_running(home: &Home, job: &str) {
    until_shown(home, job, "Status:", |status| status.starts_with("Running"));
}

/// However often that was: it goes on meanwhile.
fn until_restarted(home: &Home, job: &str, why: &str) {
    until_shown(home, job, "Hints:", |hints| {
        hints.starts_with("restarted (") && hints.ends_with(&format!("). {why}"))
    });
}

fn change(home: &Home, client: Client, from: &str, to: &str) {
    let file = home.path().join("jobs.yaml");
    let path = file.display().to_string();
    ok(&home.jobs(client, &["dump", "--to-file", &path]).unwrap());
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from:?} is not in {text}");
    std::fs::write(&file, text.replace(from, to)).unwrap();
    let loaded = home.jobs(client, &["load", &path]).unwrap();
    assert!(loaded.code == 0 && loaded.stdout.contains("updated"), "{loaded}");
}

/// Waits until exactly so many instances answer: of three dozen visits in a row.
fn until_answered_by(platform: &Platform, home: &Home, count: usize) {
    let site = platform.site(home);
    let look = || {
        let pages = (0..36).map(|_| site.get("/host"));
        let pages = pages.collect::<Result<Vec<_>, _>>()?;
        let good = pages.iter().all(|page| page.status == 200);
        let hosts: BTreeSet<&str> = pages.iter().map(|page| page.body.as_str()).collect();
        Ok((good && hosts.len() == count).then_some(()))
    };
    eventually(&format!("{count} instances answer"), look).unwrap();
}

#[test]
fn replicas_share_a_port_and_are_found_by_name() {
    with_both(|platform, home, client| {
        let more = ["--continuous", "--port", "8000", "--replicas", "2", "--publish"];
        ok(&run(platform, home, client, "web", "exec python3 server.py", &more));
        until_answered_by(platform, home, 2);
        assert_eq!(row(&home.jobs(client, &["show", "web"]).unwrap(), "Replicas:"), "2");

        // every name leads to both of them in turn
        let names = ["web", "web.tool-NAME", "web.tool-NAME.svc", "web.tool-NAME.svc.cluster.local"];
        let names = names.join(" ").replace("NAME", home.name());
        let ask = "import sys, urllib.request as u\n\
                   for name in sys.argv[1:]:\n    \
                   found = {u.urlopen(f'http://{name}:8000/host', timeout=20).read() for _ in range(36)}\n    \
                   print(name, len(found))\n";
        std::fs::write(home.path().join("ask.py"), ask).unwrap();
        let command = format!("python3 ask.py {names}");
        ok(&run(platform, home, client, "ask", &command, &["--wait"]));
        let expected: Vec<String> = names.split(' ').map(|name| format!("{name} 2")).collect();
        assert_eq!(home.read("ask.out").unwrap().lines().collect::<Vec<_>>(), expected);

        change(home, client, "replicas: 2", "replicas: 3");
        until_answered_by(platform, home, 3);
        change(home, client, "replicas: 3", "replicas: 1");
        until_answered_by(platform, home, 1);
        until_running(home, "web");
    });
}

#[test]
fn health_checks_decide_who_answers_and_who_is_started_again() {
    with_both(|platform, home, client| {
        // one kind with either client
        let check = match client {
            Client::Ours => ["--health-check-script", "test -e healthy"],
            _ => ["--health-check-http", "/health"],
        };
        let more = [&["--continuous", "--port", "8000", "--publish"], check.as_slice()].concat();
        ok(&run(platform, home, client, "web", "exec python3 server.py", &more));
        let (site, file) = (platform.site(home), home.path().join("healthy"));
        let begun = || home.read("web.out").unwrap_or_default().matches("serves").count();
        // it listens, and is not asked before its check says that it is well
        eventually("it listens", || Ok((begun() == 1).then_some(()))).unwrap();
        assert_eq!(site.get("/").unwrap().status, 503);
        std::fs::write(&file, "").unwrap();
        eventually("it answers", || Ok((site.get("/")?.status == 200).then_some(()))).unwrap();
        until_running(home, "web");
        let shown = home.jobs(client, &["show", "web"]).unwrap();
        assert_eq!(row(&shown, "Health check:"), check.join(": ").replace("--health-check-", ""));

        // three failures in a row, ten seconds apart
        std::fs::remove_file(&file).unwrap();
        eventually("it is started again", || Ok((begun() == 2).then_some(()))).unwrap();
        assert_eq!(site.get("/").unwrap().status, 503, "it is not well yet");
        std::fs::write(&file, "").unwrap();
        eventually("it answers again", || Ok((site.get("/")?.status == 200).then_some(()))).unwrap();
    });
}

#[test]
fn what_ends_is_started_again_and_told() {
    with_both(|platform, home, client| {
        ok(&run(platform, home, client, "crash", "echo once more; exit 3", &["--continuous"]));
        // the first time at once; from then on it waits, ten seconds and more
        let twice = || Ok((home.read("crash.out").unwrap_or_default().lines().count() > 1).then_some(()));
        eventually("it is started again", twice).unwrap();
        until_restarted(home, "crash", "exitcode 3");
        let shown = home.jobs(client, &["show", "crash"]).unwrap();
        assert!(row(&shown, "Status:").starts_with("Pending"), "{shown}");
        assert!(home.read("crash.out").unwrap().starts_with("once more\nonce more\n"));
        let listed = home.jobs(client, &["list"]).unwrap();
        assert!(listed.stdout.contains("Pending"), "{listed}");

        // what asks for too much ends, as a job that runs once and as one that always runs
        let eat = "python3 -c 'x = bytearray(300 << 20)'";
        let big = run(platform, home, client, "big", eat, &["--mem", "100Mi", "--wait"]);
        assert_eq!(big.code, 1, "{big}");
        let shown = home.jobs(client, &["show", "big"]).unwrap();
        assert!(row(&shown, "Status:").starts_with("Failed"), "{shown}");
        let killed = row(&shown, "Hints:");
        // without control groups Python meets the limit itself
        assert!(["exitcode 137", "exitcode 1"].contains(&killed.as_str()), "{shown}");
        ok(&run(platform, home, client, "bigger", eat, &["--mem", "100Mi", "--continuous"]));
        until_restarted(home, "bigger", &killed);
    });
}

#[test]
fn a_restart_makes_a_new_instance() {
    with_both(|platform, home, client| {
        let command = "cat /proc/sys/kernel/hostname >>hosts; exec sleep 1000";
        ok(&run(platform, home, client, "bot", command, &["--continuous"]));
        let hosts = |count: usize| {
            let look = || Ok(home.read("hosts").ok().filter(|text| text.lines().count() == count));
            eventually(&format!("{count} instances were there"), look).unwrap()
        };
        hosts(1);
        ok(&home.jobs(client, &["restart", "bot"]).unwrap());
        let both = hosts(2);
        let names: BTreeSet<&str> = both.lines().collect();
        assert!(names.len() == 2 && names.iter().all(|name| name.starts_with("bot-")), "{both}");
        until_running(home, "bot");
        assert_eq!(hosts(2), both, "the new one stays");

        let unknown = home.jobs(client, &["restart", "nobody"]).unwrap();
        assert_eq!(unknown.code, 1, "{unknown}");
        assert!(unknown.stderr.contains("Job 'nobody' does not exist"), "{unknown}");
    });
}

#[test]
fn output_is_followed_until_the_job_is_deleted() {
    with_both(|platform, home, client| {
        // each line is written when the test asks for it
        let command = "echo line 0; for n in 1 2; do until test -e go-$n; do sleep 0.05; done; echo line $n; done; exec sleep 1000";
        ok(&run(platform, home, client, "bot", command, &["--continuous", "--no-filelog"]));
        let written = || Ok((home.jobs(Client::Ours, &["logs", "bot"])?.code == 0).then_some(()));
        eventually("the first line is there", written).unwrap();

        let mut follow = home.command(client).unwrap();
        follow
            .args(["logs", "bot", "--follow"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut follow = follow.env("PYTHONUNBUFFERED", "1").spawn().unwrap();
        let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
        for number in 0..3 {
            let line = lines.next().unwrap().unwrap();
            assert!(line.ends_with(&format!("[job] line {number}")), "{line}");
            std::fs::write(home.path().join(format!("go-{}", number + 1)), "").unwrap();
        }
        let last = home.jobs(client, &["logs", "bot", "--last", "1"]).unwrap();
        assert!(
            last.stdout.trim_end().ends_with("[job] line 2") && last.stdout.lines().count() == 1,
            "{last}"
        );
        ok(&home.jobs(client, &["delete", "bot"]).unwrap());
        assert!(lines.next().is_none(), "nothing else was written");
        assert!(follow.wait().unwrap().success());
    });
}
