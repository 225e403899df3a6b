//! How these tests start themselves as another process, and what they do there.

use std::fmt::Display;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::{crash, fsync, full};

const ROLE: &str = "STORE_TEST_ROLE";
const DIRECTORY: &str = "STORE_TEST_DIRECTORY";
const STEP: &str = "STORE_TEST_STEP";

/// Another process that runs a role on a directory.
pub(crate) struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts `role` on `directory`; `step` is for [`step`]. `wrapper` is a command to start it with.
    pub(crate) fn start(wrapper: &[&str], role: &str, directory: &Path, step: &str) -> Self {
        let this = std::env::current_exe().unwrap();
        let mut command = match wrapper {
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(this);
                command
            }
            [] => Command::new(this),
        };
        command.args(["--exact", "child::run", "--ignored", "--nocapture", "--test-threads=1"]);
        command.env(ROLE, role).env(DIRECTORY, directory).env(STEP, step);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// The next thing it said; `None` when it has ended.
    pub(crate) fn said(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            self.output.read_line(&mut line).unwrap();
            // a line that was cut by a kill was not said
            let line = line.strip_suffix('\n')?;
            // the test harness prints around it
            if let Some((_, said)) = line.split_once("said: ") {
                return Some(said.to_owned());
            }
        }
    }

    /// Kills it (signal 9) and answers what it had said until then.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.rest()
    }

    /// Everything it says until it ends.
    pub(crate) fn rest(mut self) -> Vec<String> {
        let said = std::iter::from_fn(|| self.said()).collect();
        self.output.read_to_end(&mut Vec::new()).unwrap();
        self.child.wait().unwrap();
        said
    }
}

/// Tells the parent something.
pub(crate) fn say(words: impl Display) {
    let line = format!("said: {words}\n");
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

/// The step at which this process shall die, and how often it is passed before; none if it shall not.
pub(crate) fn step() -> Option<(String, u32)> {
    let step = std::env::var(STEP).unwrap();
    let (name, passes) = step.split_once(' ')?;
    Some((name.to_owned(), passes.parse().unwrap()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the other tests as a process of its own"]
async fn run() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let directory = std::env::var(DIRECTORY).unwrap();
    let directory = Path::new(&directory);
    match role.as_str() {
        "commit" => crash::commit(directory).await,
        "fail-fsync" => fsync::fail(directory).await,
        "fill-disk" => full::fill(directory).await,
        other => panic!("there is no role {other}"),
    }
}
