//! A server that ends in order, a second one on its directory, and tools that come and go.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use integration::{Caller, Home, Platform, Request, binary, run};
use serde_json::{Value, json};

use crate::api::Api;
use crate::machine::{Machine, until, with_argument};

const BOUND: Duration = Duration::from_mins(1);
/// A drain waits for nobody who only follows.
const DRAIN: Duration = Duration::from_secs(20);

/// `curl` got a part of a body.
const CURL_PARTIAL: i32 = 18;

fn sleep(index: u32) -> String {
    format!("{}.{}", 800_000 + index, std::process::id())
}

fn always(name: &str, cmd: &str) -> Value {
    json!({"name": name, "imagename": "bookworm", "cmd": cmd, "continuous": true})
}

#[test]
fn a_server_that_ends_leaves_instances_and_cuts_no_stream() {
    let mut platform = Platform::start().unwrap();
    let machine = Machine::of(&platform);
    let home = platform.tool("alpha").unwrap();
    let api = Api::of(&platform, &home);
    let mut talker = always("talker", &format!("echo first; exec sleep {}", sleep(1)));
    talker["filelog"] = json!(false);
    api.all_well(&[api.create("talker", &talker)]);
    until("the job runs", BOUND, || with_argument(&sleep(1)).len() == 1);
    let before = with_argument(&sleep(1));
    second_server(&platform);

    let followers = follow(&platform, &home);
    let begin = Instant::now();
    assert_eq!(platform.terminate().unwrap(), 0);
    assert!(begin.elapsed() < DRAIN, "the drain took {:?}", begin.elapsed());
    for (what, mut follower, output) in followers {
        let (code, text) = (follower.wait().unwrap().code(), output());
        if what.starts_with("plain") {
            // bytes have no place for a last word: a body without its end is what tells that there was more
            assert_eq!(code, Some(CURL_PARTIAL), "{what}: {text}");
        } else {
            assert_eq!(code, Some(0), "the stream of {what} was cut, not ended: {text}");
            assert!(text.lines().last().unwrap().contains("UNAVAILABLE"), "{what} says why it ends: {text}");
        }
    }
    assert_eq!(with_argument(&sleep(1)), before, "instances go on without a server");

    let added = platform.toolforged(&["tool", "add", "rested"]).unwrap();
    assert_eq!(added.code, 0, "at rest: {added}");
    platform.resume_with(&["--stop-instances"]).unwrap();
    assert_eq!(with_argument(&sleep(1)), before, "and are taken over");
    let rested = std::path::PathBuf::from(added.stdout.lines().last().unwrap());
    let text = std::fs::read_to_string(rested.join(".toolforge.yaml")).unwrap();
    assert!(
        text.contains(platform.gateway()),
        "a tool that was added at rest knows where the server is: {text}"
    );
    let listed = platform.toolforged(&["tool", "list"]).unwrap();
    assert!(listed.stdout.contains("alpha") && listed.stdout.contains("rested"), "{listed}");

    assert_eq!(platform.terminate().unwrap(), 0);
    assert!(with_argument(&sleep(1)).is_empty(), "--stop-instances");
    assert!(machine.processes(None).is_empty() && machine.links().is_empty() && machine.groups().is_empty());
    platform.resume_with(&[]).unwrap();
    until("what is wanted is started again", BOUND, || with_argument(&sleep(1)).len() == 1);
    api.all_well(&[api.delete("end", "talker")]);
    machine.assert_clean("after the deletion", Some(platform.pid().unwrap()));
}

/// A directory has one server, and the second learns whose it is.
fn second_server(platform: &Platform) {
    let arguments = ["serve", "--gateway", "127.0.0.1:0", "--web", "127.0.0.1:0", "--data"];
    let second =
        run(Command::new(binary("toolforged").unwrap()).args(arguments).arg(platform.data())).unwrap();
    assert_ne!(second.code, 0);
    let holder = format!("in use by process {}", platform.pid().unwrap());
    assert!(second.stderr.contains(&holder) && second.stdout.is_empty(), "{second}");
    let stop = platform.toolforged(&["stop-instances"]).unwrap();
    assert!(stop.code != 0 && stop.stderr.contains("a server runs on"), "{stop}");
}

type Follower = (&'static str, Child, Box<dyn Fn() -> String>);

/// Clients that follow the output and the changes, each of which has had something already.
fn follow(platform: &Platform, home: &Home) -> Vec<Follower> {
    let urls = [
        ("plain logs", "/jobs/v1/tool/alpha/jobs/talker/logs?follow=true", "first"),
        ("records of logs", "/logs/v1/tool/alpha/job/talker/logs_stream", "first"),
        ("changes", "/jobs/v1/tool/alpha/jobs:watch", "synced"),
    ];
    let start = |(index, (what, path, first)): (usize, (&'static str, &str, &str))| {
        let folder = home.path().join(".toolskube");
        let output = platform.folder().join(format!("follower-{index}"));
        let file = std::fs::File::create(&output).unwrap();
        let follower = Command::new("curl")
            .args(["--silent", "--show-error", "--insecure", "--no-buffer", "--fail"])
            .arg("--cert")
            .arg(folder.join("client.crt"))
            .arg("--key")
            .arg(folder.join("client.key"))
            .arg(format!("https://{}{path}", platform.gateway()))
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        let read = move || std::fs::read_to_string(&output).unwrap_or_default();
        until(&format!("{what} begin: {}", read()), BOUND, || read().contains(first));
        (what, follower, Box::new(read) as Box<dyn Fn() -> String>)
    };
    urls.into_iter().enumerate().map(start).collect()
}

#[test]
fn a_tool_that_is_removed_is_refused_and_leaves_nothing() {
    let platform = Platform::start().unwrap();
    let machine = Machine::of(&platform);
    let (gone, stays) = (platform.tool("gone").unwrap(), platform.tool("stays").unwrap());
    let (old, other) = (Api::of(&platform, &gone), Api::of(&platform, &stays));
    old.all_well(&[old.create("a", &always("one", &format!("sleep {}", sleep(11))))]);
    other.all_well(&[other.create("b", &always("two", &format!("sleep {}", sleep(12))))]);
    until("both run", BOUND, || with_argument(&sleep(11)).len() + with_argument(&sleep(12)).len() == 2);

    let credentials = platform.folder().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    for file in ["client.crt", "client.key"] {
        std::fs::copy(gone.path().join(".toolskube").join(file), credentials.join(file)).unwrap();
    }
    let former =
        Caller::anonymous(&platform).with(&credentials.join("client.crt"), &credentials.join("client.key"));
    assert_eq!(former.send(Request::new("GET", old.path("jobs"))).unwrap().status, 200);
    let removed = platform.toolforged(&["tool", "remove", "gone", "--delete-home"]).unwrap();
    assert_eq!(removed.code, 0, "{removed}");
    refused(&former, &old.path("jobs"));
    until("its job ends", BOUND, || with_argument(&sleep(11)).is_empty());
    until("its home is deleted", BOUND, || !gone.path().exists());
    assert_eq!(with_argument(&sleep(12)).len(), 1, "the other tool's job goes on");
    let listed = platform.toolforged(&["tool", "list"]).unwrap();
    assert!(listed.stdout.contains("stays") && !listed.stdout.contains("gone"), "{listed}");
    let once_more = platform.toolforged(&["tool", "remove", "gone"]).unwrap();
    assert!(once_more.code != 0 && once_more.stderr.contains("gone"), "{once_more}");

    let again = platform.tool("gone").unwrap();
    let new = Api::of(&platform, &again);
    assert!(new.list("jobs").is_empty(), "a tool of the same name begins with nothing");
    assert_eq!(new.used("Continuous jobs (including web services)"), "0");
    refused(&former, &old.path("jobs"));
    other.all_well(&[other.delete("c", "two")]);
    machine.assert_clean("after the removal", Some(platform.pid().unwrap()));
}

#[test]
fn a_certificate_that_is_renewed_replaces_the_former_one() {
    let mut platform = Platform::start().unwrap();
    let home = platform.tool("alpha").unwrap();
    let former = platform.folder().join("former.crt");
    let key = platform.folder().join("former.key");
    std::fs::copy(home.path().join(".toolskube/client.crt"), &former).unwrap();
    std::fs::copy(home.path().join(".toolskube/client.key"), &key).unwrap();
    let renewed = platform.toolforged(&["tool", "renew", "alpha"]).unwrap();
    assert_eq!(renewed.code, 0, "{renewed}");
    let old = Caller::anonymous(&platform).with(&former, &key);
    let api = Api::of(&platform, &home);
    assert!(api.list("jobs").is_empty(), "the new certificate works");
    refused(&old, &api.path("jobs"));
    platform.kill().unwrap();
    platform.resume().unwrap();
    assert!(api.list("jobs").is_empty());
    refused(&old, &api.path("jobs"));
    let absent = platform.toolforged(&["tool", "renew", "nobody"]).unwrap();
    assert!(absent.code != 0 && absent.stderr.contains("nobody"), "{absent}");
}

/// The certificate is refused by TLS itself: there is no HTTP answer.
fn refused(caller: &Caller, path: &str) {
    let answer = caller.send(Request::new("GET", path)).unwrap();
    assert!(answer.status == 0 && answer.curl != 0, "a revoked certificate: {answer:?}");
}
