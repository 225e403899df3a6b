//! The serialised form of the port's types, which themselves know no format.
//!
//! Remote definitions: the compiler refuses a field that is missing here.

use std::time::Duration;

use engine::{
    Command, Exit, ExitReason, ExitStatus, Expose, InstanceId, Kind, Mounts, Port, Probe, ProbeCheck,
    Protocol, Resources, Workload, WorkloadId,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A module for `#[serde(with)]` on an `Option` of a type that has a remote definition.
macro_rules! optional {
    ($module:ident, $def:literal, $remote:ty) => {
        pub(crate) mod $module {
            use serde::{Deserialize, Deserializer, Serialize, Serializer};

            #[derive(Serialize, Deserialize)]
            struct Wrapped(#[serde(with = $def)] $remote);

            #[allow(clippy::ref_option, reason = "the signature is serde's")]
            pub(crate) fn serialize<S: Serializer>(
                value: &Option<$remote>,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                value.clone().map(Wrapped).serialize(serializer)
            }

            pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Option<$remote>, D::Error> {
                Ok(Option::<Wrapped>::deserialize(deserializer)?.map(|wrapped| wrapped.0))
            }
        }
    };
}

optional!(optional_probe, "super::ProbeDef", engine::Probe);
optional!(optional_port, "super::PortDef", engine::Port);
optional!(optional_expose, "super::ExposeDef", engine::Expose);
optional!(optional_exit, "super::ExitDef", engine::Exit);

#[derive(Serialize, Deserialize)]
#[serde(remote = "WorkloadId")]
pub(crate) struct WorkloadIdDef(String);

#[derive(Serialize, Deserialize)]
#[serde(remote = "InstanceId")]
pub(crate) struct InstanceIdDef(String);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Workload")]
pub(crate) struct WorkloadDef {
    #[serde(with = "WorkloadIdDef")]
    id: WorkloadId,
    generation: u64,
    tool: String,
    name: String,
    #[serde(with = "KindDef")]
    kind: Kind,
    image: String,
    #[serde(with = "CommandDef")]
    command: Command,
    env: Vec<(String, String)>,
    secrets: bool,
    #[serde(with = "MountsDef")]
    mounts: Mounts,
    #[serde(with = "ResourcesDef")]
    resources: Resources,
    #[serde(default, with = "optional_probe")]
    probe: Option<Probe>,
    #[serde(default, with = "optional_port")]
    port: Option<Port>,
    #[serde(default, with = "optional_expose")]
    expose: Option<Expose>,
    grace: Duration,
    stdin: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Kind", rename_all = "snake_case")]
enum KindDef {
    Once { retries: u32, deadline: Option<Duration> },
    Always { replicas: u32 },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Command", rename_all = "snake_case")]
enum CommandDef {
    Shell(String),
    Argv(Vec<String>),
    Launcher(Vec<String>),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Mounts", rename_all = "snake_case")]
enum MountsDef {
    All,
    None,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Resources")]
struct ResourcesDef {
    cpu_request_millis: u64,
    cpu_limit_millis: u64,
    memory_request_bytes: u64,
    memory_limit_bytes: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Port")]
struct PortDef {
    number: u16,
    #[serde(with = "ProtocolDef")]
    protocol: Protocol,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Protocol", rename_all = "snake_case")]
enum ProtocolDef {
    Tcp,
    Udp,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Probe")]
struct ProbeDef {
    #[serde(with = "ProbeCheckDef")]
    check: ProbeCheck,
    timeout: Duration,
    startup_period: Duration,
    startup_failures: u32,
    liveness_period: Duration,
    liveness_failures: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ProbeCheck", rename_all = "snake_case")]
enum ProbeCheckDef {
    Exec(#[serde(with = "CommandDef")] Command),
    Http { path: String, port: u16 },
    Tcp { port: u16 },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Expose")]
struct ExposeDef {
    host: String,
    path: String,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Exit")]
struct ExitDef {
    #[serde(with = "ExitStatusDef")]
    status: ExitStatus,
    #[serde(with = "ExitReasonDef")]
    reason: ExitReason,
    started: Option<Timestamp>,
    finished: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ExitStatus", rename_all = "snake_case")]
enum ExitStatusDef {
    Code(i32),
    Unknown,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ExitReason", rename_all = "snake_case")]
enum ExitReasonDef {
    Completed,
    Error,
    OutOfMemory,
    DeadlineExceeded,
    Stopped,
    Unhealthy,
    CannotRun,
    Lost,
    Reboot,
}
