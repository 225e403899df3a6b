//! Runs a program to its end, with a bound.

use std::fmt;
use std::io::{Read, Write as _};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

/// No client command of a scenario takes longer.
const BOUND: Duration = Duration::from_secs(150);

/// A program that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Exit code; 128 + n after signal n.
    pub code: i32,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Finished {
    /// Standard output of a program that has to succeed.
    pub fn succeeded(self) -> Result<String> {
        ensure!(self.code == 0, "{self}");
        Ok(self.stdout)
    }

    /// Standard error without the warning that the Python client gives on every machine that is not Toolforge's.
    pub fn notes(&self) -> String {
        let foreign = |line: &&str| line.contains("Unable to find project file '/etc/wmcs-project'");
        self.stderr.lines().filter(|line| !foreign(line)).map(|line| format!("{line}\n")).collect()
    }
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit {}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

/// Runs the program to its end.
pub fn run(command: &mut Command) -> Result<Finished> {
    run_with_input(command, "")
}

/// Runs the program to its end with something on its standard input.
pub fn run_with_input(command: &mut Command, input: &str) -> Result<Finished> {
    use std::os::unix::process::ExitStatusExt as _;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input closes the pipe.
        let _ = stdin.write_all(input.as_bytes());
    }
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begin.elapsed() > BOUND {
            child.kill()?;
            child.wait()?;
            bail!("{command:?} did not end within {BOUND:?}");
        }
        thread::sleep(Duration::from_millis(5));
    };
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    let join = |reader: thread::JoinHandle<String>| reader.join().unwrap_or_default();
    Ok(Finished { code, stdout: join(stdout), stderr: join(stderr) })
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
