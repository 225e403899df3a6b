//! Job files: dumped, loaded, loaded again, changed; by every client, and each other's.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;

use anyhow::Result;
use integration::{Client, Home, Platform};

const CLIENTS: [(Client, &str); 2] = [(Client::Python, "by-python"), (Client::Ours, "by-ours")];

const JOBS: &[&[&str]] = &[
    &[
        "run",
        "always",
        "--image",
        "bookworm",
        "--command",
        "exec sleep 600",
        "--continuous",
        "--port",
        "8080/udp",
    ],
    &[
        "run",
        "often",
        "--image",
        "bookworm",
        "--command",
        "true",
        "--schedule",
        "1 2 3 4 mon",
        "--no-filelog",
    ],
    &["run", "yearly", "--image", "bookworm", "--command", "true", "--schedule", "@yearly", "--mem", "512Mi"],
    &["run", "web", "--image", "bookworm", "--command", "exec sleep 600", "--webservice", "--replicas", "1"],
];

const DUMP: &str = "- command: exec sleep 600
  continuous: true
  image: bookworm
  name: always
  port: 8080/udp
- command: 'true'
  image: bookworm
  name: often
  no-filelog: 'true'
  schedule: 1 2 3 4 mon
- command: exec sleep 600
  image: bookworm
  name: web
  replicas: 1
  webservice: true
- command: 'true'
  image: bookworm
  mem: 0.5Gi
  name: yearly
  schedule: '@yearly'
";

#[test]
fn dumps_are_loaded_again() -> Result<()> {
    let platform = Platform::start()?;
    for (client, tool) in CLIENTS {
        let home = platform.tool(tool)?;
        for arguments in JOBS {
            home.jobs(client, arguments)?.succeeded()?;
        }
        let dumped = home.jobs(client, &["dump", "-f", "jobs.yaml"])?;
        assert_eq!((dumped.code, dumped.stdout.as_str(), dumped.notes().as_str()), (0, "", ""), "{dumped}");
        assert_eq!(home.read("jobs.yaml")?, DUMP, "{client:?}");
        assert_eq!(home.jobs(client, &["dump"])?.succeeded()?, format!("{DUMP}\n"), "{client:?}");

        every_job(client, &home, "is already up to date")?;
        home.jobs(client, &["flush"])?.succeeded()?;
        every_job(client, &home, "created in storage and runtime")?;
        every_job(client, &home, "is already up to date")?;
        assert_eq!(home.jobs(client, &["dump"])?.succeeded()?, format!("{DUMP}\n"), "{client:?}");
        changes(client, &home)?;
    }
    Ok(())
}

/// Loads the file and expects this word for each of its jobs, in their order.
fn every_job(client: Client, home: &Home, word: &str) -> Result<()> {
    let loaded = home.jobs(client, &["load", "jobs.yaml"])?;
    let expected: String =
        ["always", "often", "web", "yearly"].iter().map(|job| format!("Job {job} {word}\n")).collect();
    assert_eq!((loaded.code, &loaded.stdout), (0, &expected), "{client:?} {loaded}");
    let notes = loaded.notes();
    for job in ["always", "often", "web", "yearly"] {
        assert!(notes.contains(&format!("INFO: loading job '{job}'...\n")), "{client:?} {loaded}");
    }
    assert!(notes.ends_with("INFO: 4 job(s) loaded successfully\n"), "{client:?} {loaded}");
    Ok(())
}

fn changes(client: Client, home: &Home) -> Result<()> {
    let changed = DUMP.replace("1 2 3 4 mon", "5 4 3 2 tue").replace("replicas: 1", "replicas: 2");
    fs::write(home.path().join("jobs.yaml"), &changed)?;
    let one = home.jobs(client, &["load", "jobs.yaml", "--job", "often"])?;
    assert_eq!(one.stdout, "Job often was updated in storage and runtime\n", "{client:?} {one}");
    assert!(one.notes().ends_with("INFO: 1 job(s) loaded successfully\n"), "{client:?} {one}");
    let rest = home.jobs(client, &["load", "jobs.yaml"])?;
    let expected = "Job always is already up to date\nJob often is already up to date\n\
                    Job web was updated in storage and runtime\nJob yearly is already up to date\n";
    assert_eq!((rest.code, rest.stdout.as_str()), (0, expected), "{client:?} {rest}");
    assert_eq!(home.jobs(client, &["dump"])?.succeeded()?, format!("{changed}\n"), "{client:?}");
    Ok(())
}

/// What one client has written the other reads.
#[test]
fn files_are_common_to_all_clients() -> Result<()> {
    let platform = Platform::start()?;
    for (writer, reader, tool) in
        [(Client::Python, Client::Ours, "alpha"), (Client::Ours, Client::PythonWrapper, "beta")]
    {
        let home = platform.tool(tool)?;
        for arguments in JOBS {
            home.jobs(writer, arguments)?.succeeded()?;
        }
        home.jobs(writer, &["dump", "--to-file", "jobs.yaml"])?.succeeded()?;
        every_job(reader, &home, "is already up to date")?;
    }
    Ok(())
}

#[test]
fn other_jobs_and_bad_files_change_nothing() -> Result<()> {
    let platform = Platform::start()?;
    for (client, tool) in CLIENTS {
        let home = platform.tool(tool)?;
        home.jobs(client, JOBS[0])?.succeeded()?;
        let twice = "- {name: yearly, image: bookworm, command: 'true', schedule: '@yearly'}\n\
                     - {name: yearly, image: bookworm, command: 'false', schedule: '@daily'}\n";
        let loaded = load(client, &home, twice)?;
        assert_eq!(
            (loaded.0, loaded.1.as_str()),
            (0, "Job yearly created in storage and runtime\n"),
            "{loaded:?}"
        );
        assert!(loaded.2.contains("ignoring duplicate job 'yearly' in file 'jobs.yaml'"), "{loaded:?}");

        let bad = "- {name: once, image: bookworm, command: 'exec sleep 600'}\n\
                   - {name: never, image: nope, command: 'true', continuous: true}\n";
        let refused = load(client, &home, bad)?;
        assert_eq!((refused.0, refused.1.as_str()), (1, ""), "{refused:?}");
        assert!(refused.2.contains("No such image 'nope'"), "{refused:?}");
        let again = load(client, &home, bad)?;
        assert_eq!(again.0, 1, "{again:?}");
        assert!(again.2.contains("A job with the name once already exists"), "{again:?}");

        let broken = load(client, &home, "- {name: [\n")?;
        assert_eq!(broken.0, 1, "{broken:?}");
        assert!(broken.2.contains("Unable to parse yaml file 'jobs.yaml'"), "{broken:?}");
        let absent = home.jobs(client, &["load", "absent.yaml"])?;
        assert_eq!(absent.code, 1, "{absent}");
        assert!(absent.notes().contains("Unable to parse yaml file 'absent.yaml'"), "{absent}");
        let wrong = load(client, &home, "- {name: a, image: bookworm, command: 'true', port: 80}\n")?;
        assert_eq!(wrong.0, 1, "{wrong:?}");
        assert!(wrong.2.contains("--port is only valid for continuous/webservice jobs"), "{wrong:?}");

        let names = home.jobs(client, &["list", "-o", "name"])?.succeeded()?;
        assert_eq!(names, "always\nonce\nyearly\n", "{client:?}");
    }
    Ok(())
}

/// Exit code, standard output and notes of loading a file with this text.
fn load(client: Client, home: &Home, text: &str) -> Result<(i32, String, String)> {
    fs::write(home.path().join("jobs.yaml"), text)?;
    let loaded = home.jobs(client, &["load", "jobs.yaml"])?;
    let notes = loaded.notes();
    Ok((loaded.code, loaded.stdout, notes))
}
