//! What a pretended process does.

use std::time::Duration;

use crate::{Command, ExitReason, ExitStatus, Stream};

/// The behaviour of one process. Built by [`Script::parse`] from a command, or by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Time between the decision to start it and its start.
    pub start_after: Duration,
    /// What it does, one after the other; after the last it exits with 0.
    pub steps: Vec<Step>,
    /// It cannot be started at all, for this reason.
    pub cannot_run: Option<String>,
    /// Its HTTP and TCP probes succeed from so long after its start; never when none.
    pub healthy_after: Option<Duration>,
    /// Its HTTP and TCP probes fail again from so long after its start.
    pub healthy_until: Option<Duration>,
    /// It goes on after a polite signal, until it is killed.
    pub stubborn: bool,
}

/// One thing that a process does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing for a while.
    Wait(Duration),
    /// A line of output.
    Write(Stream, String),
    /// Copies standard input to standard output until it is closed.
    Copy,
    /// Nothing for ever.
    Forever,
    /// Ends.
    End(ExitStatus, ExitReason),
}

impl Default for Script {
    /// Ends at once with 0; healthy while it runs.
    fn default() -> Self {
        Self {
            start_after: Duration::ZERO,
            steps: Vec::new(),
            cannot_run: None,
            healthy_after: Some(Duration::ZERO),
            healthy_until: None,
            stubborn: false,
        }
    }
}

impl Script {
    /// Runs so long, then exits with a code.
    pub fn exit_after(time: Duration, code: i32) -> Self {
        Self { steps: vec![Step::Wait(time), exit(code)], ..Self::default() }
    }

    /// Runs until it is stopped.
    pub fn forever() -> Self {
        Self { steps: vec![Step::Forever], ..Self::default() }
    }

    /// Understands a few words of shell: `true`, `false`, `exit N`, `sleep N`, `echo TEXT`, `echo TEXT >&2`, `cat`,
    /// `trap '' TERM`, `exec` before one of them, joined by `;`, `&&` or line ends. Any other word is a command that
    /// is not found: it says so and ends the script with 127.
    pub fn parse(text: &str) -> Self {
        let mut script = Self::default();
        for command in text.split(['\n', ';']).flat_map(|line| line.split("&&")) {
            script.word(command.trim());
        }
        script
    }

    /// The same for a workload's command.
    pub fn of(command: &Command) -> Self {
        match command {
            Command::Shell(text) => Self::parse(text),
            Command::Argv(words) | Command::Launcher(words) => Self::parse(&words.join(" ")),
        }
    }

    /// Whether it ends by itself with 0, without waiting longer than `timeout`: the result of an exec probe.
    pub fn succeeds_within(&self, timeout: Duration) -> bool {
        let mut passed = Duration::ZERO;
        for step in &self.steps {
            match step {
                Step::Wait(time) => passed += *time,
                Step::Forever => return false,
                Step::End(status, _) => return *status == ExitStatus::Code(0) && passed <= timeout,
                // an exec probe has no standard input
                Step::Write(..) | Step::Copy => {}
            }
        }
        passed <= timeout
    }

    fn word(&mut self, command: &str) {
        let command = command.strip_prefix("exec ").unwrap_or(command);
        let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
        match word {
            "" | "true" => {}
            "false" => self.steps.push(exit(1)),
            "exit" => self.steps.push(exit(rest.trim().parse().unwrap_or(2))),
            "sleep" => self.steps.push(sleep(rest.trim())),
            "echo" => self.steps.push(echo(rest.trim())),
            "cat" => self.steps.push(Step::Copy),
            "trap" => self.stubborn = rest.starts_with("''"),
            _ => {
                let message = format!("sh: {word}: not found");
                self.steps.extend([Step::Write(Stream::Stderr, message), exit(127)]);
            }
        }
    }

    /// Whether HTTP and TCP probes succeed after it ran so long.
    pub(super) fn is_healthy(&self, ran: Duration) -> bool {
        self.healthy_after.is_some_and(|after| ran >= after)
            && self.healthy_until.is_none_or(|until| ran < until)
    }
}

fn exit(code: i32) -> Step {
    let reason = if code == 0 { ExitReason::Completed } else { ExitReason::Error };
    Step::End(ExitStatus::Code(code), reason)
}

fn sleep(time: &str) -> Step {
    match time.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(time) => Step::Wait(time),
        None => Step::Forever,
    }
}

fn echo(text: &str) -> Step {
    let (text, stream) = match text.strip_suffix(">&2") {
        Some(text) => (text.trim_end(), Stream::Stderr),
        None => (text, Stream::Stdout),
    };
    Step::Write(stream, text.trim_matches(['"', '\'']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_words_of_shell_are_understood() {
        let script = Script::parse("trap '' TERM; echo 'a b'\necho no >&2 && sleep 1.5; exit 3");
        assert!(script.stubborn);
        let expected = [
            Step::Write(Stream::Stdout, "a b".into()),
            Step::Write(Stream::Stderr, "no".into()),
            Step::Wait(Duration::from_millis(1500)),
            Step::End(ExitStatus::Code(3), ExitReason::Error),
        ];
        assert_eq!(script.steps, expected);
    }

    #[test]
    fn an_unknown_command_ends_with_127() {
        let script = Script::parse("frobnicate");
        assert_eq!(script.steps[1], Step::End(ExitStatus::Code(127), ExitReason::Error));
    }

    #[test]
    fn a_probe_succeeds_by_its_code_in_time() {
        let within = |text: &str| Script::parse(text).succeeds_within(Duration::from_secs(5));
        assert!(within("true") && within("sleep 5; exit 0") && within("echo x"));
        assert!(!within("exit 1") && !within("sleep 6") && !within("sleep infinity"));
    }
}
