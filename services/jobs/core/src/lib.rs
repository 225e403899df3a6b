//! What a job is: entities, rules and use cases.
//!
//! [`Jobs`] is the service: it holds the ports and has a method for each use case. Everything it decides is a rule
//! over plain values in the other modules, so that each is tested without waiting, without an engine and without a
//! wire format. Texts that users read are those of the contract (sections 3 and 4.4).

mod board;
pub mod cases;
mod clock;
pub mod cron;
mod definition;
mod error;
mod image;
mod job;
mod locks;
mod names;
mod period;
mod quantity;
mod quota;
mod quoted;
mod reconcile;
mod repository;
mod resolve;
mod run;
mod schedule;
mod shell;
mod site;
mod status;
#[cfg(test)]
mod tests;
mod violation;

pub use cases::{JobView, Jobs, Options, Ports};
pub use clock::{Clock, Ids};
pub use definition::{
    CatchUp, Concurrency, Definition, DefinitionInput, Emails, HealthCheck, HealthCheckInput, JobType, Mount,
    PortProtocol, Publish, Zone,
};
pub use error::Error;
pub use image::{NoSuchImage, Origin, ResolvedImage};
pub use job::Job;
pub use names::{JobName, RunName, ToolName, Uid};
pub use period::{duration_text, moment_text, parse_moment};
pub use quantity::{Cpu, Memory};
pub use quota::{Footprint, Limits, LimitsOverride, QuotaCategory, QuotaDocument, QuotaItem, Usage};
#[cfg(any(test, feature = "memory"))]
pub use repository::memory::MemoryRepository;
pub use repository::{
    Answer, Change, CommitError, Outcome, Repository, RepositoryError, Revision, RunQuery, ToolState,
};
pub use resolve::Resolved;
pub use run::{Run, RunState, SkipReason, Trigger};
pub use schedule::{ActualSchedule, Schedule};
pub use site::Site;
pub use status::{Facts, LegacyStatus, ScheduleTimes, Short, Status, out_of_date_text};
pub use violation::{Violation, ViolationKind, Violations};
