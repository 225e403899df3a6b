//! The definition of a job: exactly what its user set, each field parsed (contract 3.2).

mod input;
mod parse;
#[cfg(test)]
mod tests;
mod words;

use jiff::tz::TimeZone;

use crate::{Cpu, JobName, Memory, Schedule};

pub use input::{DefinitionInput, HealthCheckInput};
pub use words::{CatchUp, Concurrency, Emails, JobType, Mount, PortProtocol};

/// What a user set. An optional field that is none was not set, which is another state than set to the default:
/// only what is set appears in dumps and counts in comparisons (contract 3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The job's name.
    pub name: JobName,
    /// Which type of job.
    pub job_type: JobType,
    /// The image as it was named; in a stored definition the canonical name of what that resolved to.
    pub image: String,
    /// The command; only a webservice may do without.
    pub cmd: Option<String>,
    /// Whether output goes to files.
    pub filelog: Option<bool>,
    /// The file of the standard output.
    pub filelog_stdout: Option<String>,
    /// The file of the standard error.
    pub filelog_stderr: Option<String>,
    /// When mail is wanted.
    pub emails: Option<Emails>,
    /// Which file systems the job sees.
    pub mount: Option<Mount>,
    /// Memory limit.
    pub memory: Option<Memory>,
    /// Processor limit.
    pub cpu: Option<Cpu>,
    /// Tries after a failure, 0 to 5; one-off and scheduled.
    pub retry: Option<u32>,
    /// When it runs; every scheduled job has it, no other.
    pub schedule: Option<Schedule>,
    /// Seconds after which a run is ended, 0 for never; scheduled.
    pub timeout: Option<u32>,
    /// How many instances; continuous and webservice.
    pub replicas: Option<u32>,
    /// The port it listens on; continuous and webservice.
    pub port: Option<u16>,
    /// The port's transport; continuous.
    pub port_protocol: Option<PortProtocol>,
    /// How to tell that it lives; continuous and webservice.
    pub health_check: Option<HealthCheck>,
    /// Whether it is published; continuous.
    pub publish: Option<Publish>,
    /// What happens to a due run while another is open; scheduled, our own.
    pub concurrency: Option<Concurrency>,
    /// Which runs that were missed are made up for; scheduled, our own.
    pub catch_up: Option<CatchUp>,
    /// The zone the schedule is in; scheduled, our own.
    pub time_zone: Option<Zone>,
    /// Whether due runs are skipped for now; scheduled, our own.
    pub suspended: Option<bool>,
}

/// How to tell that an instance lives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HealthCheck {
    /// A script whose exit code 0 means healthy.
    Script(String),
    /// A path that answers 200 to 399 on the job's port.
    Http(String),
}

/// Whether a job is published; set to empty is not the same as not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Publish {
    /// Explicitly not: the empty string.
    No,
    /// On the tool's host, all paths: `/`.
    Root,
}

/// An IANA time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

impl Zone {
    /// The zone of this name, where this machine knows it.
    pub fn parse(name: &str) -> Option<Self> {
        let zone = TimeZone::get(name).ok()?;
        Some(Self { name: name.to_owned(), zone })
    }

    /// Its name, as given.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Its rules.
    pub const fn rules(&self) -> &TimeZone {
        &self.zone
    }
}

impl Publish {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::No => "",
            Self::Root => "/",
        }
    }
}

impl Definition {
    /// Whether the job is published under the tool's host: every webservice is.
    pub fn is_published(&self) -> bool {
        self.job_type == JobType::Webservice || self.publish == Some(Publish::Root)
    }
}
