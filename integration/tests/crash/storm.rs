//! A server that is killed while 50 instances run, schedules are due and creations pour in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use integration::{Answer, Home, Options, Platform, Request};
use serde_json::{Value, json};

use crate::api::Api;
use crate::machine::{Machine, until, with_argument};

const SITE: &str =
    "limits: {cpu: '400', memory: 400Gi, pods: 400, jobs: 400, cronjobs: 100, deployments: 400}\n";
const TOOLS: [&str; 3] = ["alpha", "beta", "gamma"];
/// Continuous jobs of each tool, with so many replicas each.
const ALWAYS: usize = 3;
const REPLICAS: usize = 4;
/// One-off jobs of each tool that wait to be let go.
const GATED: usize = 5;
/// Requests of each tool in the storm.
const STORM: usize = 60;
const BOUND: Duration = Duration::from_mins(1);

/// A job of the storm: what was asked, and what was answered.
struct Asked {
    request: Request,
    answer: Answer,
    what: What,
}

enum What {
    Once(String),
    Always(String),
    Delete(String),
}

#[test]
fn a_kill_under_load_loses_nothing_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site.yaml");
    std::fs::write(&site, SITE).unwrap();
    let arguments = ["--site", site.to_str().unwrap(), "--finished-job-ttl", "3600"];
    let arguments = arguments.map(str::to_owned).to_vec();
    let mut platform = Platform::start_with(Options { arguments, ..Options::default() }).unwrap();
    let machine = Machine::of(&platform);
    let homes = TOOLS.map(|tool| platform.tool(tool).unwrap());
    let apis: Vec<Api> = homes.iter().map(|home| Api::of(&platform, home)).collect();
    for api in &apis {
        populate(api);
    }
    let schedules_from = schedules(&apis[2]);
    let before = running(&apis);
    assert!(!machine.links().is_empty() && !machine.groups().is_empty(), "the traces are looked for rightly");

    let asked = storm(&mut platform, &apis, &machine);
    assert_eq!(living(), before, "what ran goes on");
    for home in &homes {
        std::fs::write(home.path().join("go"), "").unwrap();
    }
    until("one-offs end without a server", BOUND, || with_argument(&gate()).is_empty());
    let down = minute();
    until("a time that is due passes without a server", BOUND + BOUND, || minute() > down);

    platform.resume().unwrap();
    platform.kill().unwrap();
    platform.resume().unwrap();
    assert_eq!(living(), before, "what ran goes on");
    for (api, asked) in apis.iter().zip(&asked) {
        acknowledged(api, asked);
        again(api, asked);
        outcomes(api, asked);
    }
    for (api, home) in apis.iter().zip(&homes) {
        ran_once(api, home);
        quota_is_what_lives(api);
    }
    every_time_has_one_record(&apis[2], schedules_from);
    one_process_for_each_instance(&apis, &before);
    end(platform, &machine, &apis);
}

/// What sets the processes of this test apart.
fn sleep_of(tool: &str, index: usize) -> String {
    let tool = TOOLS.iter().position(|one| *one == tool).unwrap();
    format!("{}.{}", 700_000 + tool * 1000 + index, std::process::id())
}

fn gate() -> String {
    format!("gate{}", std::process::id())
}

fn populate(api: &Api) {
    let always = (0..ALWAYS).map(|index| {
        let cmd = format!("sleep {}", sleep_of(&api.tool, index));
        let job = json!({"name": format!("always-{index}"), "imagename": "bookworm", "cmd": cmd,
            "continuous": true, "replicas": REPLICAS});
        api.create(&format!("always-{index}"), &job)
    });
    // `sh -c script name`: the marker is an argument of the process that waits
    let gated = (0..GATED).map(|index| {
        let script = format!("until [ -e go ]; do sleep 0.5; done; exit {}", 10 + index);
        let cmd = format!("exec sh -c '{script}' {}", gate());
        let job = json!({"name": format!("gated-{index}"), "imagename": "bookworm", "cmd": cmd});
        api.create(&format!("gated-{index}"), &job)
    });
    api.all_well(&always.chain(gated).collect::<Vec<_>>());
}

/// Five schedules that are due every minute, one for each way to treat what was missed and what overlaps. Tells the
/// first minute that is surely theirs.
fn schedules(api: &Api) -> u64 {
    let ways =
        [("none", "forbid"), ("latest", "allow"), ("all", "queue"), ("latest", "replace"), ("all", "forbid")];
    let create = |(index, (catch_up, concurrency)): (usize, &(&str, &str))| {
        let job = json!({"name": format!("tick-{index}"), "imagename": "bookworm", "cmd": "exit 4",
            "schedule": "* * * * *", "catch_up": catch_up, "concurrency": concurrency});
        api.create(&format!("tick-{index}"), &job)
    };
    api.all_well(&ways.iter().enumerate().map(create).collect::<Vec<_>>());
    minute() + 1
}

fn minute() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 60
}

/// Waits until everything that was made runs, and tells the processes.
fn running(apis: &[Api]) -> BTreeSet<u32> {
    until("all instances run", BOUND, || {
        living().len() == TOOLS.len() * ALWAYS * REPLICAS
            && with_argument(&gate()).len() == TOOLS.len() * GATED
    });
    let runs =
        || apis.iter().flat_map(|api| api.list("runs")).filter(|run| run["state"] == "running").count();
    until("all runs are told", BOUND, || runs() >= TOOLS.len() * GATED);
    living()
}

/// The processes of the continuous jobs that were there before the storm.
fn living() -> BTreeSet<u32> {
    let all = TOOLS.iter().flat_map(|tool| (0..ALWAYS).map(|index| sleep_of(tool, index)));
    all.flat_map(|argument| with_argument(&argument)).collect()
}

/// Creations and deletions from every tool at once; the server is killed in the middle of them.
fn storm(platform: &mut Platform, apis: &[Api], machine: &Machine) -> Vec<Vec<Asked>> {
    let workloads = machine.entries("workloads").len();
    let threads: Vec<_> = apis
        .iter()
        .map(|api| {
            let api = api.clone();
            std::thread::spawn(move || {
                let (requests, what): (Vec<_>, Vec<_>) = (0..STORM).map(|index| ask(&api, index)).unzip();
                let answers = api.caller.send_all(&requests).unwrap();
                let all = requests.into_iter().zip(answers).zip(what);
                all.map(|((request, answer), what)| Asked { request, answer, what }).collect::<Vec<_>>()
            })
        })
        .collect();
    until("the storm is under way", BOUND, || machine.entries("workloads").len() >= workloads + 15);
    platform.kill().unwrap();
    let asked: Vec<Vec<Asked>> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let count = |well: bool| asked.iter().flatten().filter(|one| (one.answer.status != 0) == well).count();
    assert!(count(true) > 10 && count(false) > 10, "{} answered, {} cut", count(true), count(false));
    asked
}

/// Of five requests two create a one-off, two a continuous job, and one deletes what the first of them created.
fn ask(api: &Api, index: usize) -> (Request, What) {
    let id = format!("storm-{index}");
    if index % 5 == 4 {
        let name = format!("storm-{}", index - 4);
        return (api.delete(&id, &name), What::Delete(name));
    }
    if index % 2 == 1 {
        let cmd = format!("echo ran >> {id}.ran; exit 3");
        return (api.create(&id, &json!({"name": id, "imagename": "bookworm", "cmd": cmd})), What::Once(id));
    }
    let cmd = format!("sleep {}", sleep_of(&api.tool, 100 + index));
    let job = json!({"name": id, "imagename": "bookworm", "cmd": cmd, "continuous": true});
    (api.create(&id, &job), What::Always(id))
}

fn names(api: &Api) -> BTreeMap<String, Value> {
    api.list("jobs").into_iter().map(|job| (job["name"].as_str().unwrap().to_owned(), job)).collect()
}

fn well(asked: &Asked) -> bool {
    matches!(asked.answer.status, 200 | 201)
}

/// Promise 1: what was acknowledged is there, or gone, as it was said.
fn acknowledged(api: &Api, asked: &[Asked]) {
    let jobs = names(api);
    let tried: BTreeSet<&String> = asked.iter().filter_map(deleted).collect();
    for one in asked.iter().filter(|one| well(one)) {
        match &one.what {
            What::Once(name) | What::Always(name) if !tried.contains(name) => {
                assert!(jobs.contains_key(name), "{} of {} is lost", name, api.tool);
            }
            What::Delete(name) => assert!(!jobs.contains_key(name), "{name} came back"),
            _ => {}
        }
    }
    for one in asked {
        assert!(well(one) || one.answer.status == 0, "{}: {:?}", one.request.line(), one.answer);
    }
}

fn deleted(asked: &Asked) -> Option<&String> {
    if let What::Delete(name) = &asked.what { Some(name) } else { None }
}

/// Promise 1: a request that is sent again, because nobody knows whether it was done, is done once. A creation of what
/// was deleted since says so, and creates nothing.
fn again(api: &Api, asked: &[Asked]) {
    let tried: BTreeSet<&String> = asked.iter().filter_map(deleted).collect();
    let requests: Vec<Request> = asked.iter().map(|one| one.request.clone()).collect();
    let answers = api.caller.send_all(&requests).unwrap();
    for (one, answer) in asked.iter().zip(&answers) {
        let gone = matches!(&one.what, What::Once(name) | What::Always(name) if tried.contains(name));
        let well = matches!(answer.status, 200 | 201) || (gone && answer.status == 404);
        assert!(well, "{} again: {answer:?}", one.request.line());
        if one.answer.status == 201 && answer.status == 201 {
            let uid =
                |answer: &Answer| serde_json::from_str::<Value>(&answer.body).unwrap()["job"]["uid"].clone();
            assert_eq!(uid(&one.answer), uid(answer), "{}", one.request.line());
        }
    }
    let jobs = names(api);
    for name in tried {
        assert!(!jobs.contains_key(name), "{name} came back");
    }
}

/// Promise 3: exit codes are the true ones, of what ended without a server too. What was deleted may have been stopped.
fn outcomes(api: &Api, asked: &[Asked]) {
    let tried: BTreeSet<&String> = asked.iter().filter_map(deleted).collect();
    let once =
        asked.iter().filter_map(|one| if let What::Once(name) = &one.what { Some(name) } else { None });
    let storm = once.filter(|name| !tried.contains(name)).map(|name| (name.clone(), 3));
    let gated = (0..GATED).map(|index| (format!("gated-{index}"), 10 + index));
    for (name, code) in storm.chain(gated) {
        until(&format!("{name} of {} has ended", api.tool), BOUND, || {
            let runs = api.runs_of(&name);
            runs.len() == 1 && runs[0]["end_time"].is_string()
        });
        let run = api.runs_of(&name).remove(0);
        assert_eq!((&run["state"], &run["exit_code"]), (&json!("failed"), &json!(code)), "{run}");
    }
}

/// What is done once was done once; what was deleted perhaps not even that.
fn ran_once(api: &Api, home: &Home) {
    for index in (0..STORM).filter(|index| index % 5 != 4 && index % 2 == 1) {
        let lines = home.read(&format!("storm-{index}.ran")).unwrap_or_default();
        let well = lines == "ran\n" || (index % 5 == 0 && lines.is_empty());
        assert!(well, "storm-{index} of {}: {lines:?}", api.tool);
    }
}

/// Promise 7: reserved quota equals live objects.
fn quota_is_what_lives(api: &Api) {
    let jobs = api.list("jobs");
    let of = |kind: &str| jobs.iter().filter(|job| job["job_type"] == kind).collect::<Vec<_>>();
    let replicas = of("continuous").iter().map(|job| job["replicas"].as_u64().unwrap()).sum::<u64>();
    // half a GiB for each
    let memory = format!("{}.{}Gi", replicas / 2, replicas % 2 * 5);
    let used = || (api.used("Total running jobs at once (Kubernetes pods)"), api.used("Memory"));
    let lives = (replicas.to_string(), memory);
    until(&format!("the quota of {} is what lives", api.tool), BOUND, || used() == lives);
    // finished one-offs count until they leave the list, as they do in Kubernetes; so do the newest runs of schedules
    let (once, scheduled) = (of("one-off").len(), of("scheduled").len());
    let runs: usize = api.used("Running one-off and cron jobs").parse().unwrap();
    assert!(runs == once || (scheduled > 0 && runs > once), "{}: {runs} runs, {once} one-offs", api.tool);
    assert_eq!(api.used("Cron jobs"), scheduled.to_string());
    assert_eq!(api.used("Continuous jobs (including web services)"), of("continuous").len().to_string());
}

/// Promise 2: one record for each time that was due, whatever became of it.
fn every_time_has_one_record(api: &Api, from: u64) {
    let last = minute();
    for index in 0..5 {
        let name = format!("tick-{index}");
        let times = || {
            let runs = api.runs_of(&name);
            runs.iter()
                .filter(|run| run["trigger"] == "schedule")
                .map(|run| at(&run["schedule_time"]))
                .collect::<Vec<_>>()
        };
        until(&format!("the newest time of {name} has a record"), BOUND, || times().contains(&last));
        let mut times: Vec<u64> = times().into_iter().filter(|time| (from..=last).contains(time)).collect();
        times.sort_unstable();
        assert_eq!(times, (from..=last).collect::<Vec<_>>(), "{name}: {:#?}", api.runs_of(&name));
    }
}

/// Minutes since 1970 of an RFC 3339 time.
fn at(time: &Value) -> u64 {
    let time: jiff::Timestamp = time.as_str().unwrap().parse().unwrap();
    u64::try_from(time.as_second()).unwrap() / 60
}

/// Promise 2: at most one live process for each instance; those from before are the same processes still.
fn one_process_for_each_instance(apis: &[Api], before: &BTreeSet<u32>) {
    assert_eq!(&living(), before);
    for api in apis {
        let jobs = names(api);
        for index in 0..STORM {
            let name = format!("storm-{index}");
            let wanted = usize::from(jobs.get(&name).is_some_and(|job| job["job_type"] == "continuous"));
            let argument = sleep_of(&api.tool, 100 + index);
            let what = format!("{name} of {} has {wanted} processes", api.tool);
            until(&what, BOUND, || with_argument(&argument).len() == wanted);
        }
    }
}

/// After a flush nothing is left, on the machine and in the quotas; the server ends in order.
fn end(mut platform: Platform, machine: &Machine, apis: &[Api]) {
    for api in apis {
        api.all_well(&[Request::new("DELETE", api.path("jobs"))]);
        until("all jobs are gone", BOUND, || api.list("jobs").is_empty());
    }
    machine.assert_clean("after a flush", Some(platform.pid().unwrap()));
    for api in apis {
        assert_eq!(api.used("Total running jobs at once (Kubernetes pods)"), "0");
    }
    assert_eq!(platform.terminate().unwrap(), 0);
    // what is kept for instances that might be running goes with them
    let stopped = platform.toolforged(&["stop-instances"]).unwrap();
    assert_eq!(stopped.code, 0, "{stopped}");
    assert_eq!((machine.tables(), machine.parents()), (Vec::new(), Vec::new()));
}
