//! Messages, stubs and descriptors generated from the protos beside this file; one module per package.
//!
//! The protos are the one definition of the gRPC API, the REST API and the OpenAPI document. `*_DESCRIPTORS` are
//! encoded `google.protobuf.FileDescriptorSet`s with every option and comment in them: what a service serves by
//! reflection, and what its authorization reads.
#![allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "everything below is generated"
)]

/// Descriptors of what the jobs service serves: `toolforge.jobs.v1` and `toolforge.logs.v1`.
pub const JOBS_DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/jobs.bin"));

/// Descriptors of what the config service serves: `toolforge.config.v1`.
pub const CONFIG_DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/config.bin"));

/// What the protos import from Google.
pub mod google {
    /// HTTP bodies and rules.
    pub mod api {
        tonic::include_proto!("google.api");
    }
    /// The error model.
    pub mod rpc {
        tonic::include_proto!("google.rpc");
    }
}

/// The platform's packages.
pub mod toolforge {
    /// Jobs and their runs.
    pub mod jobs {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("toolforge.jobs.v1");
        }
    }
    /// Output of jobs.
    pub mod logs {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("toolforge.logs.v1");
        }
    }
    /// Tools.
    pub mod config {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("toolforge.config.v1");
        }
    }
    /// Options; services never need them, see the crate `options`.
    pub mod options {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("toolforge.options.v1");
        }
    }
}

pub use toolforge::{config, jobs, logs};
