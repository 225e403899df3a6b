//! Published jobs and web services, as their visitors meet them: at one address per tool, through every restart.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::io::{BufRead as _, Read as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use integration::{Client, Finished, Home, Platform, Site, eventually};

const SERVER: &str = include_str!("programs/server.py");
const BOTH: [Client; 2] = [Client::Python, Client::Ours];

fn ok(finished: &Finished) {
    assert_eq!(finished.code, 0, "{finished}");
}

/// A tool whose home has the program.
fn tool(platform: &Platform, name: &str) -> Home {
    let home = platform.tool(name).unwrap();
    std::fs::write(home.path().join("server.py"), SERVER).unwrap();
    home
}

/// `jobs run NAME --continuous` with the program.
fn serve(platform: &Platform, home: &Home, client: Client, name: &str, more: &[&str]) -> Finished {
    let image = platform.python().unwrap();
    let run = ["run", name, "--image", &image, "--continuous", "--command", "exec python3 server.py"];
    home.jobs(client, &[&run, more].concat()).unwrap()
}

fn until_it_answers(site: &Site, path: &str, wanted: impl Fn(&str) -> bool) -> String {
    let look = || Ok(site.get(path).ok().filter(|page| page.status == 200 && wanted(&page.body)));
    eventually(&format!("{} answers {path}", site.url()), look).unwrap().body
}

fn until_it_is_gone(site: &Site) {
    let look = || Ok((site.get("/")?.status == 404).then_some(()));
    eventually(&format!("{} is gone", site.url()), look).unwrap();
}

/// Visits a site without a pause for as long as `work` takes, and tells how many visits there were. All must succeed.
fn visited_meanwhile(site: &Site, path: &str, work: impl FnOnce()) -> usize {
    let (done, started) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        let visits = scope.spawn(|| {
            let mut count = 0;
            while !done.load(Ordering::SeqCst) {
                let page = site.get(path).unwrap_or_else(|error| panic!("visit {count}: {error:#}"));
                assert_eq!(page.status, 200, "visit {count}: {page:?}");
                count += 1;
                started.store(true, Ordering::SeqCst);
            }
            count
        });
        // an early end of the visits is told by the join
        while !started.load(Ordering::SeqCst) && !visits.is_finished() {
            thread::yield_now();
        }
        let worked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        done.store(true, Ordering::SeqCst);
        let count = visits.join().unwrap();
        worked.unwrap();
        count
    })
}

/// The definitions, changed as an editor would, loaded again.
fn load_changed(home: &Home, client: Client, from: &str, to: &str) -> Finished {
    let file = home.path().join("jobs.yaml");
    let path = file.display().to_string();
    ok(&home.jobs(client, &["dump", "--to-file", &path]).unwrap());
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from:?} is not in {text}");
    std::fs::write(&file, text.replace(from, to)).unwrap();
    home.jobs(client, &["load", &path]).unwrap()
}

fn row(shown: &Finished, name: &str) -> String {
    let line = shown.stdout.lines().find(|line| line.starts_with(&format!("| {name} ")));
    let line = line.unwrap_or_else(|| panic!("no row {name} in {shown}"));
    line.split('|').nth(2).unwrap().trim().to_owned()
}

fn in_use(home: &Home) -> String {
    format!(
        "Attempt to create job failed. The job cannot be published because the domain '{}.localhost' and path '/' are \
         already in use by another public job or webservice.",
        home.name()
    )
}

#[test]
fn a_published_job_is_reached_through_restart_and_change_of_port() {
    let platform = Platform::start().unwrap();
    thread::scope(|scope| {
        for (client, name) in BOTH.into_iter().zip(["alpha", "beta"]) {
            let platform = &platform;
            scope.spawn(move || published(platform, client, name));
        }
    });
}

fn published(platform: &Platform, client: Client, name: &str) {
    let home = tool(platform, name);
    let site = platform.site(&home);
    assert_eq!(site.get("/").unwrap().status, 404, "nothing is published yet");
    ok(&serve(platform, &home, client, "api", &["--port", "8000", "--publish"]));
    let user = format!("tools.{name}");
    assert_eq!(until_it_answers(&site, "/", |_| true), format!("{user} on 8000"));
    let shown = home.jobs(client, &["show", "api"]).unwrap();
    assert_eq!(row(&shown, "Public:"), site.url());
    assert_eq!(row(&shown, "Port:"), "8000/tcp");

    let first = site.get("/host").unwrap().body;
    let visits = visited_meanwhile(&site, "/host", || {
        ok(&home.jobs(client, &["restart", "api"]).unwrap());
        until_it_answers(&site, "/host", |host| host != first);
    });
    assert!(visits > 3, "{visits} visits during the restart");

    let visits = visited_meanwhile(&site, "/", || {
        let loaded = load_changed(&home, client, "'8000'", "'8001'");
        ok(&loaded);
        assert!(loaded.stdout.contains("updated"), "{loaded}");
        until_it_answers(&site, "/", |body| body == format!("{user} on 8001"));
    });
    assert!(visits > 3, "{visits} visits during the change of port");

    ok(&load_changed(&home, client, "publish: /\n", ""));
    until_it_is_gone(&site);
    assert_eq!(row(&home.jobs(client, &["show", "api"]).unwrap(), "Public:"), "N/A");
    ok(&home.jobs(client, &["delete", "api"]).unwrap());
}

#[test]
fn web_services_keep_the_contract() {
    let platform = Platform::start().unwrap();
    thread::scope(|scope| {
        for (client, name) in BOTH.into_iter().zip(["alpha", "beta"]) {
            let platform = &platform;
            scope.spawn(move || web_service(platform, client, name));
        }
    });
}

fn web_service(platform: &Platform, client: Client, name: &str) {
    let home = tool(platform, name);
    let site = platform.site(&home);
    let image = platform.python().unwrap();
    std::fs::create_dir_all(home.path().join("public_html")).unwrap();
    std::fs::write(home.path().join("public_html/hello.txt"), format!("hello from {name}\n")).unwrap();
    let run = ["run", "web", "--image", &image, "--webservice"];
    ok(&home.jobs(client, &run).unwrap());
    assert_eq!(until_it_answers(&site, "/hello.txt", |_| true), format!("hello from {name}\n"));

    let shown = home.jobs(client, &["show", "web"]).unwrap();
    assert_eq!(row(&shown, "Job type:"), "webservice");
    assert_eq!(row(&shown, "Port:"), "none");
    assert_eq!(row(&shown, "Public:"), site.url());
    let dumped = home.jobs(client, &["dump"]).unwrap();
    assert_eq!(dumped.stdout, format!("- image: {image}\n  name: web\n  webservice: true\n\n"), "{dumped}");
    assert!(!dumped.stderr.contains("unexpected key"), "{dumped}");
    let again = home.jobs(client, &run).unwrap();
    assert_eq!(again.code, 1, "{again}");
    assert!(again.stderr.contains("A job with the name web already exists"), "{again}");

    second_owners_are_refused(platform, &home, client);

    let visits = visited_meanwhile(&site, "/hello.txt", || {
        ok(&home.jobs(client, &["restart", "web"]).unwrap());
        let count = |wanted: usize| {
            let look = || Ok((instances(&home, "web") == wanted).then_some(()));
            eventually(&format!("{wanted} instances answer"), look).unwrap();
        };
        count(1);
        let loaded = load_changed(&home, client, "name: web\n", "name: web\n  replicas: 2\n");
        ok(&loaded);
        assert!(loaded.stdout.contains("updated"), "{loaded}");
        count(2);
    });
    assert!(visits > 3, "{visits} visits during restart and update");
    assert_eq!(row(&home.jobs(client, &["show", "web"]).unwrap(), "Replicas:"), "2");

    ok(&home.jobs(client, &["delete", "web"]).unwrap());
    until_it_is_gone(&site);
    // the address is free for another
    ok(&load_changed(&home, client, "port: '8000'\n", "port: '8000'\n  publish: /\n"));
    until_it_answers(&site, "/", |_| true);
    ok(&home.jobs(client, &["flush"]).unwrap());
    until_it_is_gone(&site);
}

/// Which instances have answered lately: who wrote the newest lines of the log.
fn instances(home: &Home, job: &str) -> usize {
    let logs = home.jobs(Client::Ours, &["logs", job, "--last", "20"]).unwrap();
    let pods = logs.stdout.lines().filter_map(|line| line.split(' ').nth(1));
    pods.collect::<BTreeSet<_>>().len()
}

fn second_owners_are_refused(platform: &Platform, home: &Home, client: Client) {
    let image = platform.python().unwrap();
    let other = home.jobs(client, &["run", "other", "--image", &image, "--webservice"]).unwrap();
    let public = serve(platform, home, client, "other", &["--port", "8000", "--publish"]);
    for refused in [other, public] {
        assert_eq!(refused.code, 1, "{refused}");
        assert!(refused.stderr.contains(&in_use(home)), "{refused}");
    }
    let shown = home.jobs(client, &["show", "other"]).unwrap();
    assert_eq!(shown.code, 1, "{shown}");
    assert!(shown.stderr.contains("Job 'other' does not exist"), "{shown}");
    let listed = home.jobs(client, &["list", "--output", "name"]).unwrap();
    assert!(!listed.stdout.contains("other") && listed.stdout.contains("web"), "{listed}");

    ok(&serve(platform, home, client, "plain", &["--port", "8000"]));
    let before = home.jobs(client, &["dump"]).unwrap().stdout;
    let refused = load_changed(home, client, "port: '8000'\n", "port: '8000'\n  publish: /\n");
    assert_eq!(refused.code, 1, "{refused}");
    assert!(refused.stderr.contains(&in_use(home)), "{refused}");
    assert_eq!(
        home.jobs(client, &["dump"]).unwrap().stdout,
        before,
        "an update that is refused changes nothing"
    );
}

#[test]
fn two_tools_use_one_port_and_are_told_apart_by_name() {
    let platform = Platform::start().unwrap();
    let homes = [tool(&platform, "alpha"), tool(&platform, "beta")];
    for (home, client) in homes.iter().zip(BOTH) {
        ok(&serve(&platform, home, client, "web", &["--port", "8000", "--publish"]));
    }
    for home in &homes {
        let site = platform.site(home);
        assert_eq!(until_it_answers(&site, "/", |_| true), format!("tools.{} on 8000", home.name()));
    }
    for stranger in ["gamma", "alpha.beta", "localhost"] {
        assert_eq!(Site::new(platform.web(), stranger).get("/").unwrap().status, 404, "{stranger}");
    }
    ok(&homes[0].jobs(Client::Python, &["delete", "web"]).unwrap());
    until_it_is_gone(&platform.site(&homes[0]));
    assert_eq!(platform.site(&homes[1]).get("/").unwrap().body, "tools.beta on 8000");
}

#[test]
fn streams_uploads_and_web_sockets_go_through() {
    let platform = Platform::start().unwrap();
    let home = tool(&platform, "alpha");
    let site = platform.site(&home);
    ok(&serve(&platform, &home, Client::Python, "web", &["--port", "8000", "--publish"]));
    let first = until_it_answers(&site, "/host", |_| true);

    let body = vec![b'x'; 5_000_000];
    let mut answer = site.open("POST", "/upload", "connection: close\r\n", &body).unwrap();
    let mut text = String::new();
    answer.stream.read_to_string(&mut text).unwrap();
    assert_eq!((answer.status, text.as_str()), (200, "5000000"));

    web_socket(&site);

    // what has begun goes on while its instance is replaced
    let mut stream = site.open("GET", "/stream", "", b"").unwrap();
    let mut line = String::new();
    while !line.ends_with("first\n") {
        assert!(stream.stream.read_line(&mut line).unwrap() > 0, "{line}");
    }
    ok(&home.jobs(Client::Ours, &["restart", "web"]).unwrap());
    until_it_answers(&site, "/host", |host| host != first);
    std::fs::write(home.path().join("go"), "").unwrap();
    while !line.ends_with("second\n") {
        assert!(stream.stream.read_line(&mut line).unwrap() > 0, "{line}");
    }
}

/// RFC 6455 with the key of its section 1.3.
fn web_socket(site: &Site) {
    let upgrade = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let mut opened = site.open("GET", "/socket", upgrade, b"").unwrap();
    assert_eq!(opened.status, 101, "{}", opened.head);
    assert!(opened.head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{}", opened.head);
    for (opcode, message) in [(1, b"hello".as_slice()), (2, &[0xff; 4_000]), (8, b"")] {
        let mask = [1_u8, 2, 3, 4];
        let mut frame = vec![0x80 | opcode];
        let length = u16::try_from(message.len()).unwrap().to_be_bytes();
        match message.len() {
            0..126 => frame.push(0x80 | length[1]),
            _ => frame.extend([0xfe, length[0], length[1]]),
        }
        frame.extend(mask);
        frame.extend(message.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        opened.stream.get_mut().write_all(&frame).unwrap();
        let head = if message.len() < 126 { 2 } else { 4 };
        let mut echo = vec![0; head + message.len()];
        opened.stream.read_exact(&mut echo).unwrap();
        assert_eq!(echo[0], 0x80 | opcode);
        assert!(echo[head..] == *message, "a message of {} bytes comes back", message.len());
    }
    assert_eq!(opened.stream.read(&mut [0]).unwrap(), 0, "the end goes through too");
}
