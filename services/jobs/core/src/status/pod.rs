//! The status of single instances, and which of several counts (contract 3.4).

use engine::{Container, Exit, ExitStatus, Instance, Phase};
use jiff::Timestamp;

use super::{Short, Status};

/// The classes of instances, the one that counts most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Failed,
    Scheduling,
    Initializing,
    Running,
    Restarted,
    Succeeded,
    Unknown,
}

/// What one instance shows.
#[derive(Clone, Debug)]
pub(super) struct Pod {
    pub(super) class: Class,
    pub(super) messages: Vec<String>,
    pub(super) since: Timestamp,
}

impl Pod {
    pub(super) fn of(instance: &Instance) -> Self {
        let (class, messages, since) = match (instance.phase, &instance.container) {
            (Phase::Pending, Container::Absent) => {
                (Class::Scheduling, with_message("scheduling", instance.message.as_ref()), instance.changed)
            }
            (Phase::Pending, Container::Waiting { message }) => {
                (Class::Initializing, with_message("initializing", message.as_ref()), instance.changed)
            }
            (Phase::Running, Container::Running { started }) => (Class::Running, Vec::new(), *started),
            (Phase::Running, Container::Terminated(exit)) => {
                (Class::Restarted, restarted(instance, Some(exit)), instance.changed)
            }
            (Phase::Running, Container::Waiting { .. }) => {
                (Class::Restarted, restarted(instance, instance.last_exit.as_ref()), instance.changed)
            }
            (Phase::Succeeded, Container::Terminated(exit)) => (Class::Succeeded, Vec::new(), exit.finished),
            (Phase::Failed, Container::Terminated(exit)) => {
                (Class::Failed, failed(exit, instance), exit.finished)
            }
            _ => (Class::Unknown, Vec::new(), instance.changed),
        };
        Self { class, messages, since }
    }

    /// The first of the class that counts most.
    pub(super) fn most_telling<'a>(instances: impl IntoIterator<Item = &'a Instance>) -> Option<Self> {
        instances.into_iter().map(Self::of).min_by_key(|pod| pod.class)
    }

    pub(super) const fn short(&self) -> Short {
        match self.class {
            Class::Failed => Short::Failed,
            Class::Scheduling | Class::Initializing | Class::Restarted => Short::Pending,
            Class::Running => Short::Running,
            Class::Succeeded => Short::Succeeded,
            Class::Unknown => Short::Unknown,
        }
    }

    pub(super) fn into_status(self) -> Status {
        let mut status = Status::plain(self.short(), Some(self.since));
        status.messages = self.messages;
        status
    }
}

fn with_message(first: &str, message: Option<&String>) -> Vec<String> {
    std::iter::once(first.to_owned()).chain(message.cloned()).collect()
}

fn restarted(instance: &Instance, exit: Option<&Exit>) -> Vec<String> {
    let mut messages = vec![format!("restarted ({})", instance.restarts)];
    messages.extend(exit.map(exit_text));
    messages
}

/// An exit whose code is not known is told with the reason, where there is one to tell.
fn failed(exit: &Exit, instance: &Instance) -> Vec<String> {
    let mut messages = vec![exit_text(exit)];
    if exit.status == ExitStatus::Unknown {
        messages.extend(instance.message.clone());
    }
    messages
}

fn exit_text(exit: &Exit) -> String {
    match exit.status {
        ExitStatus::Code(code) => format!("exitcode {code}"),
        ExitStatus::Unknown => "exitcode unknown".to_owned(),
    }
}
