//! The port that runs workloads: neutral types, the [`Engine`] trait, a memory engine and the contract suite.
//!
//! An engine knows nothing of jobs, schedules, quotas or wire formats. It keeps a set of [`Workload`]s running as
//! told, and reports what became of each [`Instance`]. Every word a Toolforge user reads is derived from these
//! facts in `jobs-core`, so that one machine and Kubernetes say the same.

mod backoff;
mod clock;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod error;
mod image;
mod instance;
mod logs;
pub mod memory;
mod port;
mod position;
mod workload;

pub use backoff::{Backoff, retry_delay};
pub use clock::{Clock, SystemClock};
pub use error::Error;
pub use image::{Image, ImageState, WebDefaults};
pub use instance::{
    Condition, ConditionKind, Container, Exit, ExitReason, ExitStatus, Instance, InstanceId, Phase,
};
pub use logs::{Cursor, Direction, LogEntry, LogPage, LogQuery, Stream};
pub use port::{
    Attachment, Capabilities, Enforcement, Engine, Isolation, Observation, Output, Secrets, Signal,
};
pub use position::Position;
pub use workload::{
    Command, Expose, Kind, Mounts, Port, Probe, ProbeCheck, Protocol, Resources, Workload, WorkloadId,
};
