//! Every HTTP rule of Google's public APIs at once: all load but those that another rule already is, and each leads the
//! field values of a request, put into URL and body by the rules of `google/api/http.proto`, back into its message.
//!
//! `GOOGLE_ROUTES_SEED` chooses other values than the usual ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod corpus;
mod expand;
mod query;
mod random;
mod request;
mod sent;
mod values;

use std::collections::BTreeSet;
use std::thread;

use corpus::{Corpus, Rule};
use gateway_suite::tell;
use random::Random;
use request::Arrival;
use sent::{Sender, Way};
use transcode::{CompileOptions, GoogleRules, Program, Warning, last_len_field};

/// What is expected of this release of the protos: rules that are left out, and rules that another one shadows.
const KNOWN: &str = include_str!("known.txt");

#[test]
fn googles_rules_lead_values_into_messages() {
    let loaded = Corpus::load().unwrap();
    let mut files = transcode::files_of_set(&loaded.descriptors).unwrap();
    // as the gateway has them: of two rules that are the same the first one counts
    files.sort_by(|one, other| name(one).cmp(name(other)));
    let (compiled, corpus) = thread::scope(|scope| {
        let compiled =
            scope.spawn(|| Program::compile(&files, &GoogleRules, CompileOptions::default()).unwrap());
        let corpus = loaded.read();
        (compiled.join().unwrap(), corpus)
    });
    let rules = corpus.rules();
    let left_out = left_out(&compiled.warnings);
    let (methods, routes) = (corpus.methods(), compiled.program.routes().count());
    tell(&format!("google: {} rules of {methods} methods in {} files", rules.len(), files.len()));
    tell(&format!("google: {routes} loaded, {} are the same as another", left_out.len()));
    assert_eq!(rules.len(), routes + left_out.len());

    let seed = std::env::var("GOOGLE_ROUTES_SEED").map_or(1, |seed| seed.parse().unwrap());
    let served = served(&compiled.program, rules);
    let way = Way::start(&loaded.descriptors, &served).unwrap();
    let outcome = send_all(&compiled.program, &way, &served, seed);
    let (arrived, values, shadowed, sent) =
        (outcome.arrived, outcome.values, outcome.shadowed.len(), outcome.sent);
    tell(&format!(
        "google: requests of {arrived} rules arrived with {values} values, by the library and as {sent} requests over \
         HTTP; {shadowed} rules are shadowed (seed {seed})"
    ));
    assert!(outcome.broken.is_empty(), "{} broken:\n{}", outcome.broken.len(), outcome.first_broken());
    assert_eq!(arrived + shadowed, routes);
    compare(&left_out.into_iter().chain(outcome.shadowed).collect());
}

/// The name of an encoded file.
fn name(file: &[u8]) -> &[u8] {
    const NAME: u32 = 1;
    last_len_field(file, NAME).unwrap_or_default()
}

/// The rules that are not left out.
fn served(program: &Program, rules: Vec<Rule>) -> Vec<Rule> {
    let mut routes: BTreeSet<String> = program
        .routes()
        .map(|(http_method, template, path)| format!("{http_method} {template} {path}"))
        .collect();
    let mut served = rules;
    served.retain(|rule| {
        let (service, method) = rule.method.rsplit_once('.').unwrap();
        routes.remove(&format!("{} {} /{service}/{method}", rule.http_method, rule.template))
    });
    assert!(routes.is_empty(), "{routes:?}");
    served
}

/// The rules that are left out, each with the one that has its place.
fn left_out(warnings: &[Warning]) -> Vec<String> {
    let line = |warning: &Warning| match warning {
        Warning::Collision { method, rule, taken_by, taken_rule } if rule == taken_rule => {
            format!("same {rule} of {method} as {taken_by}")
        }
        Warning::Collision { method, rule, taken_by, taken_rule } => {
            format!("same {rule} of {method} as {taken_rule} of {taken_by}")
        }
        other => panic!("{other}"),
    };
    warnings.iter().map(line).collect()
}

#[derive(Default)]
struct Outcome {
    arrived: usize,
    values: usize,
    /// Requests over HTTP.
    sent: usize,
    shadowed: Vec<String>,
    broken: Vec<String>,
}

impl Outcome {
    fn first_broken(&self) -> String {
        self.broken.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n\n")
    }

    fn add(mut self, other: Self) -> Self {
        self.arrived += other.arrived;
        self.values += other.values;
        self.sent += other.sent;
        self.shadowed.extend(other.shadowed);
        self.broken.extend(other.broken);
        self
    }
}

fn send_all(program: &Program, way: &Way, rules: &[Rule], seed: u64) -> Outcome {
    let workers = thread::available_parallelism().map_or(2, usize::from);
    let parts = rules.chunks(rules.len().div_ceil(workers));
    thread::scope(|scope| {
        let senders = (0..).map(|worker| way.sender(worker).unwrap());
        let running: Vec<_> = parts
            .zip(senders)
            .map(|(part, sender)| scope.spawn(move || send_some(program, sender, part, seed)))
            .collect();
        running.into_iter().map(|worker| worker.join().unwrap()).fold(Outcome::default(), Outcome::add)
    })
}

fn send_some(program: &Program, mut sender: Sender<'_>, rules: &[Rule], seed: u64) -> Outcome {
    let mut outcome = Outcome::default();
    for rule in rules {
        let mut random = Random::new(seed ^ rule.number);
        // a `**` as one segment, where another rule may want a `*`, and as several
        let lengths: &[u64] = if rule.template.contains("**") { &[1, 3] } else { &[1] };
        let mut shadow = None;
        for length in lengths {
            let request = request::build(&mut random, rule, *length);
            match request.send(program, rule) {
                Arrival::Same => {
                    outcome.values += request.values;
                    outcome.sent += 1;
                    if let Arrival::Broken(why) = request.send_over(&mut sender, rule) {
                        outcome.broken.push(format!("over HTTP: {why}"));
                    }
                }
                Arrival::Elsewhere { template, method } => shadow = Some((template, method)),
                Arrival::Broken(why) => outcome.broken.push(why),
            }
        }
        match shadow {
            None => outcome.arrived += 1,
            Some((template, method)) => outcome.shadowed.push(format!(
                "shadowed {} {} of {} by {template} of {method}",
                rule.http_method, rule.template, rule.method
            )),
        }
    }
    outcome
}

fn compare(found: &BTreeSet<String>) {
    let known: BTreeSet<String> = KNOWN.lines().map(str::to_owned).collect();
    let new: Vec<&String> = found.difference(&known).collect();
    let gone: Vec<&String> = known.difference(found).collect();
    if !new.is_empty() || !gone.is_empty() {
        let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("known.txt");
        let text: String = found.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(&file, text).unwrap();
        let counts = format!("{} new, {} gone", new.len(), gone.len());
        panic!("{counts}; what was found is in {}\nnew: {new:#?}\ngone: {gone:#?}", file.display());
    }
}
