//! Runs tests as the usual harness does: in threads, by name, with a closing line.

use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A test with its name.
pub(crate) type Test = (&'static str, Need, fn());

/// What a test cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Nothing,
    /// Namespaces of some kind.
    Sandbox,
    /// To be root.
    Root,
    /// A control group.
    Group,
}

impl Need {
    fn is_met(self) -> bool {
        let probed = crate::world::probed();
        match self {
            Self::Nothing => true,
            Self::Sandbox => probed.isolation > engine_shim::Tier::Process,
            Self::Root => rustix::process::geteuid().is_root(),
            Self::Group => probed.cgroup.is_some() && probed.memory == engine_shim::Enforcement::Enforced,
        }
    }
}

/// Runs what the words of the command line select; 0 where all passed.
pub(crate) fn run(tests: &[Test], words: &[String]) -> i32 {
    let filters: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let exact = words.iter().any(|word| word == "--exact");
    let selected: Vec<Test> = tests
        .iter()
        .filter(|(name, _, _)| {
            filters.is_empty()
                || filters.iter().any(|filter| if exact { name == filter } else { name.contains(*filter) })
        })
        .copied()
        .collect();
    if words.iter().any(|word| word == "--list") {
        for (name, _, _) in &selected {
            println!("{name}: test");
        }
        return 0;
    }
    let (next, failed, ignored) = (AtomicUsize::new(0), Mutex::new(Vec::new()), AtomicUsize::new(0));
    println!("\nrunning {} tests", selected.len());
    println!("    {:?}", crate::world::probed());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((name, need, test)) = selected.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if !need.is_met() {
                        println!("test {name} ... ignored, needs {need:?}");
                        ignored.fetch_add(1, Ordering::Relaxed);
                    } else if catch_unwind(test).is_ok() {
                        println!("test {name} ... ok");
                    } else {
                        println!("test {name} ... FAILED");
                        failed.lock().unwrap().push(*name);
                    }
                }
            });
        }
    });
    // empty by now, unless another run of the tests uses them
    for dir in crate::limits::groups() {
        let _ = std::fs::remove_dir(dir);
    }
    let (failed, ignored) = (failed.into_inner().unwrap(), ignored.into_inner());
    let word = if failed.is_empty() { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {} passed; {} failed; {ignored} ignored; 0 measured; {} filtered out\n",
        selected.len() - failed.len() - ignored,
        failed.len(),
        tests.len() - selected.len(),
    );
    i32::from(!failed.is_empty())
}
