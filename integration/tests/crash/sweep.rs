//! A server killed right after each named durable step of one scenario, and again while it recovers: the scenario goes on
//! with the same requests and comes to the same end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use integration::{Answer, Home, Platform, Request};
use serde_json::{Value, json};

use crate::api::{Api, request_id};
use crate::machine::{Machine, until, with_argument};

const BOUND: Duration = Duration::from_mins(1);
/// Platforms at the same time: the scenario waits more than it works.
const LANES: usize = 3;
/// Rounds in which a step of the store is hit at other places too: it is the same step for every commit.
const COMMITS: u32 = 5;

#[test]
fn a_kill_at_any_step_is_recovered_from() {
    let mut rounds: Vec<(String, u32)> = steps().into_iter().map(|step| (step, 1)).collect();
    assert!(rounds.len() >= 14, "{rounds:?}");
    let again = |step: &str| (2..=COMMITS).map(|count| (step.to_owned(), count)).collect::<Vec<_>>();
    rounds.extend(again("store.commit.before").into_iter().chain(again("store.commit.after")));
    rounds.push(("engine.exit.recorded".to_owned(), 2));
    rounds.push(("engine.instance.intended".to_owned(), 3));
    let rest = Mutex::new(rounds.into_iter().rev().collect::<Vec<_>>());
    let hit = Mutex::new(BTreeMap::<String, u32>::new());
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                let mut lane = Lane::new();
                loop {
                    let next = rest.lock().unwrap().pop();
                    let Some((step, count)) = next else { break };
                    let begin = Instant::now();
                    let was_hit = lane.round(&step, count);
                    println!("{step}:{count} {was_hit} {:?}", begin.elapsed());
                    *hit.lock().unwrap().entry(step).or_default() += u32::from(was_hit);
                }
            });
        }
    });
    let missed: Vec<_> = hit.into_inner().unwrap().into_iter().filter(|(_, hits)| *hits == 0).collect();
    assert!(missed.is_empty(), "no round came to {missed:?}");
}

/// The names of all durable steps, as they stand in the source: one that is added is swept without a word here.
fn steps() -> Vec<String> {
    let services = Path::new(env!("CARGO_MANIFEST_DIR")).join("../services");
    let mut names = Vec::new();
    for folder in ["store/embedded/src", "engine/embedded/src", "jobs/src", "config/src"] {
        sources(&services.join(folder), &mut |text| {
            let quoted = text.split('"').skip(1).step_by(2);
            let is_step = |word: &&str| {
                let mut parts = word.split('.');
                matches!(parts.next(), Some("engine" | "store"))
                    && parts.clone().count() == 2
                    && parts.all(|part| !part.is_empty() && part.bytes().all(|c| c.is_ascii_lowercase()))
            };
            names.extend(quoted.filter(is_step).map(str::to_owned));
        });
    }
    names.sort();
    names.dedup();
    names
}

fn sources(folder: &PathBuf, each: &mut impl FnMut(&str)) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, each);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            // what a test says is no step
            let text = std::fs::read_to_string(&path).unwrap();
            let is_test =
                path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs");
            if !is_test {
                text.split("#[cfg(test)]").take(1).for_each(&mut *each);
            }
        }
    }
}

/// A platform on which one round follows the other.
struct Lane {
    platform: Platform,
    machine: Machine,
    home: Home,
    round: u32,
}

/// How a walk through the scenario ended.
enum Walk {
    Done,
    /// The server died; this one of the scenario's requests was not acknowledged, or not seen to take effect.
    Died(usize),
}

impl Lane {
    fn new() -> Self {
        let platform = Platform::start().unwrap();
        let machine = Machine::of(&platform);
        let home = platform.tool("alpha").unwrap();
        Self { platform, machine, home, round: 0 }
    }

    /// One round; tells whether the step was come to.
    fn round(&mut self, step: &str, count: u32) -> bool {
        let what = format!("{step}:{count}");
        self.round += 1;
        assert_eq!(self.platform.terminate().unwrap(), 0, "before {what}");
        self.platform.resume_with(&["--finished-job-ttl", "3600", "--fail-at", &what]).unwrap();
        let scenario = Scenario::new(&self.platform, &self.home, self.round);
        let died = self.walk(&scenario, 0, &what);
        if let Walk::Died(at) = died {
            // The recovery is killed at the same step, where it comes to it: before or after it is ready.
            let again = format!("{step}:1");
            if self.platform.resume_with(&["--finished-job-ttl", "3600", "--fail-at", &again]).is_err() {
                until(&format!("{what}: what is not ready has ended"), BOUND, || {
                    self.platform.has_ended().unwrap()
                });
            }
            let at = match self.walk(&scenario, at, &what) {
                Walk::Died(at) => at,
                Walk::Done => scenario.requests.len(),
            };
            if !self.platform.has_ended().unwrap() {
                self.platform.kill().unwrap();
            }
            self.platform.resume_with(&["--finished-job-ttl", "3600"]).unwrap();
            let end = self.walk(&scenario, at, &what);
            assert!(matches!(end, Walk::Done), "{what}: the server died without being told to");
        }
        assert!(scenario.api.list("jobs").is_empty(), "{what}");
        scenario.never_twice(&what);
        self.machine.assert_clean(&what, Some(self.platform.pid().unwrap()));
        assert_eq!(scenario.api.used("Total running jobs at once (Kubernetes pods)"), "0", "{what}");
        assert_eq!(scenario.api.used("Cron jobs"), "0", "{what}");
        matches!(died, Walk::Died(_))
    }

    /// Sends the scenario's requests from this one on, each after the one before has taken effect.
    fn walk(&mut self, scenario: &Scenario, from: usize, what: &str) -> Walk {
        for index in from..scenario.requests.len() {
            let (request, effect) = &scenario.requests[index];
            let Some(answer) = self.send(scenario, request) else { return Walk::Died(index) };
            assert!(matches!(answer.status, 200 | 201), "{what}: {}: {answer:?}", request.line());
            let begin = Instant::now();
            loop {
                match self.look(scenario) {
                    None => return Walk::Died(index),
                    Some(seen) if effect(scenario, &seen) => break,
                    Some(seen) => {
                        assert!(
                            begin.elapsed() < BOUND,
                            "{what}: no effect of {}: {seen:#?}",
                            request.line()
                        );
                    }
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        Walk::Done
    }

    /// An answer, or nothing where the server has died.
    fn send(&mut self, scenario: &Scenario, request: &Request) -> Option<Answer> {
        let answer = scenario.api.caller.send(request.clone()).unwrap();
        if answer.status != 0 && answer.curl == 0 {
            return Some(answer);
        }
        let begin = Instant::now();
        while !self.platform.has_ended().unwrap() {
            assert!(
                begin.elapsed() < BOUND,
                "{}: the server lives and does not answer: {answer:?}",
                request.line()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }

    fn look(&mut self, scenario: &Scenario) -> Option<Seen> {
        let mut list = |what: &str| {
            let answer = self.send(scenario, &Request::new("GET", scenario.api.path(what)))?;
            assert_eq!(answer.status, 200, "{answer:?}");
            let mut body: Value = serde_json::from_str(&answer.body).unwrap();
            let Value::Array(list) = body[what].take() else { panic!("no {what}") };
            Some(list)
        };
        Some(Seen { jobs: list("jobs")?, runs: list("runs")? })
    }
}

/// What the tool sees.
#[derive(Debug)]
struct Seen {
    jobs: Vec<Value>,
    runs: Vec<Value>,
}

impl Seen {
    fn job(&self, name: &str) -> Option<&Value> {
        self.jobs.iter().find(|job| job["name"] == name)
    }

    /// Whether the job has one run that ended with this code.
    fn ended(&self, scenario: &Scenario, job: &str, code: i32) -> bool {
        let name = scenario.name(job);
        let runs: Vec<_> = self.runs.iter().filter(|run| run["job"] == name).collect();
        assert!(runs.len() <= 1, "one effect for one request: {runs:#?}");
        runs.first().is_some_and(|run| {
            let ended = run["end_time"].is_string();
            assert!(!ended || run["exit_code"] == code, "the true exit code: {run:#}");
            ended
        })
    }
}

type Effect = Box<dyn Fn(&Scenario, &Seen) -> bool + Send>;

/// The requests of a round, with what each must bring about.
struct Scenario {
    api: Api,
    home: Home,
    round: u32,
    requests: Vec<(Request, Effect)>,
}

impl Scenario {
    fn new(platform: &Platform, home: &Home, round: u32) -> Self {
        let api = Api::of(platform, home);
        let mut scenario = Self { api, home: home.clone(), round, requests: Vec::new() };
        std::fs::create_dir_all(home.path().join(scenario.marker())).unwrap();
        scenario.create();
        scenario.change();
        scenario.delete();
        scenario
    }

    fn name(&self, name: &str) -> String {
        format!("{name}-{}", self.round)
    }

    /// An argument of the processes of the continuous job, and a folder that it serves.
    fn marker(&self) -> String {
        format!("served-{}-{}", self.home.path().display().to_string().replace('/', "_"), self.round)
    }

    /// How often a process of the continuous job has started.
    fn starts(&self) -> usize {
        self.home.read(&format!("{}.starts", self.name("always"))).map_or(0, |text| text.lines().count())
    }

    fn servers(&self) -> Vec<u32> {
        with_argument(&self.marker())
    }

    fn add(&mut self, request: Request, effect: impl Fn(&Self, &Seen) -> bool + Send + 'static) {
        self.requests.push((request, Box::new(effect)));
    }

    fn id(&self, step: &str) -> String {
        format!("{step}-{}", self.round)
    }

    fn uuid(&self, step: &str) -> String {
        request_id(&self.id(step))
    }

    fn create(&mut self) {
        let once = json!({"name": self.name("once"), "imagename": "bookworm",
            "cmd": format!("echo ran >> {}.ran; exit 7", self.name("once"))});
        let request = self.api.create(&self.id("once"), &once);
        self.add(request, |scenario, seen| seen.ended(scenario, "once", 7));
        let always = self.always(1);
        let request = self.api.create(&self.id("always"), &always);
        self.add(request, |scenario, seen| scenario.serves(seen, 1));
        let tick = json!({"name": self.name("tick"), "imagename": "bookworm", "schedule": "0 0 1 1 *",
            "cmd": format!("echo ran >> {}.ran; exit 5", self.name("tick"))});
        let request = self.api.create(&self.id("tick"), &tick);
        self.add(request, |scenario, seen| seen.job(&scenario.name("tick")).is_some());
    }

    fn always(&self, replicas: u32) -> Value {
        let served = format!("exec python3 -m http.server 8000 --directory {}", self.marker());
        let cmd = format!("echo started >> {}.starts; {served}", self.name("always"));
        json!({"name": self.name("always"), "imagename": "bookworm", "cmd": cmd, "continuous": true,
            "port": 8000, "replicas": replicas})
    }

    fn change(&mut self) {
        let run = Request::json(
            "POST",
            self.api.path(&format!("jobs/{}/runs", self.name("tick"))),
            json!({"request_id": self.uuid("run")}).to_string(),
        );
        self.add(run, |scenario, seen| seen.ended(scenario, "tick", 5));
        let path = format!("jobs/{}/restart?request_id={}", self.name("always"), self.uuid("restart"));
        self.add(Request::new("POST", self.api.path(&path)), |scenario, seen| {
            scenario.starts() >= 2 && scenario.serves(seen, 1)
        });
        let body = self.always(2).to_string();
        let path = format!("jobs?request_id={}", self.uuid("update"));
        let update = Request::json("PATCH", self.api.path(&path), body);
        self.add(update, |scenario, seen| scenario.serves(seen, 2));
    }

    fn delete(&mut self) {
        for job in ["always", "tick", "once"] {
            let request = self.api.delete(&self.id(&format!("delete-{job}")), &self.name(job));
            self.add(request, move |scenario, seen| {
                let gone = seen.job(&scenario.name(job)).is_none();
                gone && (job != "always" || scenario.servers().is_empty())
            });
        }
    }

    /// Whether the continuous job runs with so many processes, none more.
    fn serves(&self, seen: &Seen, replicas: usize) -> bool {
        let running = seen
            .job(&self.name("always"))
            .is_some_and(|job| job["status"]["short"] == "running" && job["replicas"] == replicas);
        running && self.servers().len() == replicas
    }

    /// What was asked for once has happened once, whatever was killed meanwhile.
    fn never_twice(&self, what: &str) {
        for job in ["once", "tick"] {
            let ran = self.home.read(&format!("{}.ran", self.name(job))).unwrap();
            assert_eq!(ran, "ran\n", "{what}: {job}");
        }
    }
}
