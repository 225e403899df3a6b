//! What is listed, shown, dumped and counted is the same, whichever client asks.

use anyhow::Result;
use integration::{Client, Home, Platform, eventually};

use crate::oneoff::row;
use crate::{PYTHON, SHELL};

const JOBS: &[&[&str]] = &[
    &["run", "always", "--image", SHELL, "--command", "exec sleep 600", "--continuous", "--replicas", "2"],
    &["run", "backup", "--image", SHELL, "--command", "true", "--schedule", "@daily", "--timeout", "60"],
    &[
        "run",
        "once",
        "--image",
        SHELL,
        "--command",
        "exec sleep 600",
        "--retry",
        "2",
        "--emails",
        "onfailure",
    ],
    &["run", "quiet", "--image", SHELL, "--command", "exec sleep 600", "--no-filelog", "--cpu", "0.5"],
    &[
        "run",
        "served",
        "--image",
        PYTHON,
        "--command",
        "exec python3 -m http.server $PORT",
        "--continuous",
        "--port",
        "8000/tcp",
        "--health-check-http",
        "/",
        "--publish",
        "--mem",
        "1Gi",
    ],
];

const QUESTIONS: &[&[&str]] = &[
    &["images"],
    &["quota"],
    &["list"],
    &["list", "-o", "long"],
    &["list", "--output", "name"],
    &["dump"],
    &["show", "always"],
    &["show", "backup"],
    &["show", "once"],
    &["show", "quiet"],
    &["show", "served"],
];

const LONG: &str = "Job name: Command: Job type: Image: Port: Public: File log: Output log: Error log: Emails: Resources: \
                    Replicas: Mounts: Retry: Timeout: Health check: Status:";

const DUMP: &str = "- command: exec sleep 600
  continuous: true
  image: bookworm
  name: always
  replicas: 2
- command: 'true'
  image: bookworm
  name: backup
  schedule: '@daily'
  timeout: 60
- command: exec sleep 600
  emails: onfailure
  image: bookworm
  name: once
  retry: 2
- command: exec sleep 600
  cpu: '0.5'
  image: bookworm
  name: quiet
  no-filelog: 'true'
- command: exec python3 -m http.server $PORT
  continuous: true
  health-check-http: /
  image: python3.11
  mem: 1.0Gi
  name: served
  port: 8000/tcp
  publish: /

";

#[test]
fn every_client_prints_the_same() -> Result<()> {
    let platform = Platform::start()?;
    let alpha = platform.tool("alpha")?;
    nothing_is_there(&alpha)?;
    for (index, arguments) in JOBS.iter().enumerate() {
        let client = [Client::Python, Client::Ours][index % 2];
        let ran = alpha.jobs(client, arguments)?;
        assert_eq!((ran.code, ran.stdout.as_str(), ran.notes().as_str()), (0, "", ""), "{client:?} {ran}");
    }
    eventually("the jobs run", || {
        let list = alpha.jobs(Client::Ours, &["list"])?.succeeded()?;
        Ok((list.matches("Running for").count() == 4).then_some(()))
    })?;
    for question in QUESTIONS {
        let ours = alpha.jobs(Client::Ours, question)?;
        for client in [Client::Python, Client::PythonWrapper] {
            let theirs = alpha.jobs(client, question)?;
            assert_eq!((theirs.code, theirs.notes().as_str()), (0, ""), "{question:?}: {theirs}");
            assert_eq!(steady(&theirs.stdout), steady(&ours.stdout), "{question:?}");
        }
        assert_eq!((ours.code, ours.stderr.as_str()), (0, ""), "{question:?}: {ours}");
    }
    they_are_right(&alpha, platform.web())
}

fn nothing_is_there(home: &Home) -> Result<()> {
    for client in [Client::Python, Client::Ours] {
        let empty = home.jobs(client, &["list"])?;
        assert_eq!((empty.code, empty.stdout.as_str(), empty.notes().as_str()), (0, "", ""));
        let dump = home.jobs(client, &["dump"])?;
        assert_eq!((dump.code, dump.stdout.as_str()), (0, ""), "{dump}");
        assert!(dump.notes().contains("no jobs defined"), "{dump}");
    }
    Ok(())
}

/// What both print is also what was asked for.
fn they_are_right(home: &Home, web: &str) -> Result<()> {
    let ask = |question: &[&str]| home.jobs(Client::Python, question)?.succeeded();
    assert_eq!(ask(&["dump"])?, DUMP);
    assert_eq!(ask(&["list", "-o", "name"])?, "always\nbackup\nonce\nquiet\nserved\n");
    let long = ask(&["list", "-o", "long"])?;
    let titles: Vec<&str> = long.lines().nth(1).unwrap().split('|').map(str::trim).collect();
    assert_eq!(titles[1..titles.len() - 1].join(" "), LONG);

    let backup = ask(&["show", "backup"])?;
    assert_eq!(row(&backup, "Job type:"), "scheduled: @daily");
    assert_eq!(row(&backup, "Timeout:"), "yes: 60s");
    assert_eq!(row(&backup, "Port:"), "N/A");
    // what contract 3.6 computed for this tool and this job
    assert!(row(&backup, "Hints:").ends_with("T11:10:00Z"), "{backup}");
    let once = ask(&["show", "once"])?;
    assert_eq!(row(&once, "Retry:"), "yes: 2 time(s)");
    assert_eq!(row(&once, "Output log:"), "/data/project/alpha/once.out");
    let quiet = ask(&["show", "quiet"])?;
    assert_eq!((row(&quiet, "File log:"), row(&quiet, "Error log:")), ("no", "N/A"));
    assert_eq!(row(&quiet, "Resources:"), "mem: default, cpu: 0.5");
    let served = ask(&["show", "served"])?;
    assert_eq!((row(&served, "Port:"), row(&served, "Health check:")), ("8000/tcp", "http: /"));
    let port = web.rsplit_once(':').unwrap().1;
    assert_eq!(row(&served, "Public:"), format!("http://alpha.localhost:{port}/"));

    let quota = ask(&["quota"])?;
    let used = |item: &str| quota.lines().find_map(|line| line.strip_prefix(item)).expect(item).trim();
    assert!(used("Total running jobs at once (Kubernetes pods)").starts_with("5 "), "{quota}");
    assert!(used("Cron jobs").starts_with("1 "), "{quota}");
    assert!(used("Continuous jobs (including web services)").starts_with("2 "), "{quota}");
    Ok(())
}

/// The text without what time changes: durations, and the widths that follow from them.
fn steady(text: &str) -> String {
    let mut steady = String::new();
    for line in text.lines() {
        let words = line.split_whitespace().map(|word| if is_duration(word) { "<duration>" } else { word });
        steady.push_str(&words.collect::<Vec<_>>().join(" ").replace('-', ""));
        steady.push('\n');
    }
    steady
}

fn is_duration(word: &str) -> bool {
    word.ends_with(['s', 'm'])
        && word[..word.len() - 1].chars().all(|letter| letter.is_ascii_digit() || letter == 'm')
}
