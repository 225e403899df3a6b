//! Logs: in the log store, followed while they are written, the newest line alone.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use integration::{Caller, Client, Home, Platform, Request, eventually};
use serde_json::Value;

use crate::{CLIENTS, SHELL};

#[test]
fn logs_are_kept_and_followed() -> Result<()> {
    let platform = Platform::start()?;
    for (client, tool) in CLIENTS {
        let home = platform.tool(tool)?;
        follows(client, &home)?;
        keeps(client, &home)?;
        refuses_what_is_in_files(client, &home)?;
    }
    Ok(())
}

/// The job writes its second line when the follower has shown the first.
fn follows(client: Client, home: &Home) -> Result<()> {
    let command = "echo first >&2; until [ -e go ]; do sleep 0.1; done; echo second; echo third";
    let run = ["run", "talk", "--image", SHELL, "--no-filelog", "--command", command];
    let created = home.jobs(client, &run)?;
    assert_eq!((created.code, created.stdout.as_str(), created.notes().as_str()), (0, "", ""), "{created}");
    eventually("the job has written", || {
        let logs = home.jobs(client, &["logs", "talk"])?;
        Ok((logs.code == 0).then_some(()))
    })?;

    let mut follower = home.command(client)?;
    let mut follower =
        follower.args(["logs", "talk", "--follow"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut lines = BufReader::new(follower.stdout.take().context("no pipe")?).lines();
    let first = lines.next().context("nothing is followed")??;
    assert_eq!(said(&first)?, ("talk", "first"), "{client:?}");
    fs::write(home.path().join("go"), "")?;
    let rest = lines.collect::<Result<Vec<_>, _>>()?;
    let rest = rest.iter().map(|line| Ok(said(line)?.1)).collect::<Result<Vec<_>>>()?;
    assert_eq!(rest, ["second", "third"], "{client:?}");
    assert_eq!(follower.wait()?.code(), Some(0), "{client:?}");
    Ok(())
}

fn keeps(client: Client, home: &Home) -> Result<()> {
    let messages = |arguments: &[&str]| -> Result<Vec<String>> {
        let logs = home.jobs(client, arguments)?;
        ensure!(logs.notes().is_empty(), "{client:?} {logs}");
        let logs = logs.succeeded()?;
        logs.lines().map(|line| Ok(said(line)?.1.to_owned())).collect()
    };
    assert_eq!(messages(&["logs", "talk"])?, ["first", "second", "third"], "{client:?}");
    assert_eq!(messages(&["logs", "talk", "--last=1"])?, ["third"], "{client:?}");
    assert_eq!(messages(&["logs", "talk", "-l", "2", "--since", "1h"])?, ["second", "third"], "{client:?}");
    assert_eq!(messages(&["logs", "talk", "-f", "--last=1"])?, ["third"], "{client:?}");
    let past = home.jobs(client, &["logs", "talk", "--until", "2020-01-01T00:00:00Z", "--since", "3650d"])?;
    assert_eq!(past.code, 1, "{client:?} {past}");
    assert!(past.notes().contains("Job 'talk' does not have any logs available"), "{client:?} {past}");
    assert!(!home.path().join("talk.out").exists());
    Ok(())
}

/// More lines than a page has: the client asks for page after page, the newest first.
#[test]
fn logs_of_many_pages_are_whole() -> Result<()> {
    let platform = Platform::start()?;
    let home = platform.tool("alpha")?;
    let run = ["run", "count", "--image", SHELL, "--no-filelog", "--command", "seq 1 1200", "--wait"];
    home.jobs(Client::Ours, &run)?.succeeded()?;
    let numbers = |from: u32| (from..=1200).map(|number| number.to_string()).collect::<Vec<_>>();
    for (client, _) in CLIENTS {
        for (arguments, from) in [(&["logs", "count"][..], 1), (&["logs", "count", "--last", "700"], 501)] {
            let logs = home.jobs(client, arguments)?.succeeded()?;
            let said = logs.lines().map(|line| Ok(said(line)?.1.to_owned())).collect::<Result<Vec<_>>>()?;
            assert_eq!(said, numbers(from), "{client:?} {arguments:?}");
        }
    }
    let caller = Caller::tool(&platform, &home);
    let path = "/logs/v1/tool/alpha/job/count/logs";
    let first = caller.send(Request::new("GET", format!("{path}?direction=newest_first")))?;
    let page: Value = serde_json::from_str(&first.body)?;
    assert_eq!(page["data"]["logs"].as_array().map(Vec::len), Some(500), "{page}");
    assert_eq!(page["data"]["logs"][0]["message"], "1200");
    let next = page["data"]["next"]["url"].as_str().context("no next page")?;
    assert!(next.starts_with('?'), "{next}");
    let second = caller.send(Request::new("GET", format!("{path}{next}")))?;
    let page: Value = serde_json::from_str(&second.body)?;
    assert_eq!(page["data"]["logs"][0]["message"], "700");
    Ok(())
}

fn refuses_what_is_in_files(client: Client, home: &Home) -> Result<()> {
    home.jobs(client, &["run", "filed", "--image", SHELL, "--command", "echo here"])?.succeeded()?;
    eventually("the output is in the home", || {
        Ok(home.read("filed.out").ok().filter(|text| text == "here\n"))
    })?;
    let logs = home.jobs(client, &["logs", "filed"])?;
    assert_eq!((logs.code, logs.stdout.trim()), (1, ""), "{client:?} {logs}");
    let sentences = "Job 'filed' does not have any logs available\nJob 'filed' has file logging enabled, which is \
                     incompatible with the logs command\n";
    assert!(logs.notes().ends_with(sentences), "{client:?} {logs}");
    Ok(())
}

/// Job and message of a line: `<datetime> [<pod>] [<container>] <message>`.
fn said(line: &str) -> Result<(&str, &str)> {
    let (time, rest) = line.split_once(" [").context("no pod")?;
    let (pod, rest) = rest.split_once("] [").context("no container")?;
    let (container, message) = rest.split_once("] ").context("no message")?;
    ensure!(time.len() >= 20 && time.ends_with('Z') && container == "job", "{line:?}");
    Ok((pod.rsplit_once('-').context("no suffix")?.0, message))
}
